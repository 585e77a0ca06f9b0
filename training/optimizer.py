"""Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") with fixed norms.

The weights of a convolution that batch normalization follows have no scale of their own: only their direction matters.
`Muon` therefore keeps each matrix at its initial norm and turns it, by a step whose length is relative to that norm.
The direction is the momentum with its singular values set near 1, so that rare directions learn as fast as common ones.
That matters here: the whole training sees fewer pictures than one epoch of ImageNet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def orthogonalized(matrices: Tensor, n_iterations: int = 5) -> Tensor:
    """`U V^T` of each `U S V^T` in `[k, rows, columns]`, approximately: singular values end within about [0.7, 1.2].

    Newton-Schulz: `X <- a X + b (X X^T) X + c (X X^T)^2 X` from `X / |X|`. The coefficients are Jordan's; they trade
    exactness near 1 for fast growth near 0.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-12)
    for _ in range(n_iterations):
        gram = x @ x.mT
        x = a * x + torch.baddbmm(gram, gram, gram, beta=b, alpha=c) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """`w <- |w0| * normalize(w - rate * |w0| * normalize(orthogonalized(momentum)))`, Nesterov momentum.

    `params`: weights of any shape, taken as matrices `[out_channels, everything else]`. `lr` is the angle of one step
    in radians, to first order.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 0.0, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                by_shape[weight.shape].append(weight)
            for weights in by_shape.values():
                directions = []
                for weight in weights:
                    state = self.state[weight]
                    if not state:
                        state["momentum"] = torch.zeros_like(weight)
                        state["norm"] = weight.norm()
                    state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                    directions.append(weight.grad.lerp(state["momentum"], group["momentum"]).flatten(1))
                turned = orthogonalized(torch.stack(directions))
                turned /= turned.norm(dim=(1, 2), keepdim=True).clamp_min(1e-12)
                for weight, direction in zip(weights, turned, strict=True):
                    norm = self.state[weight]["norm"]
                    weight.sub_(direction.view_as(weight) * (group["lr"] * norm))
                    weight.mul_(norm / weight.norm())
