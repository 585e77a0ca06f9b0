"""MobileNetV2 (Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks") for small pictures.

`MobileNetV2.forward` is the network in plain PyTorch operators: it defines the result, and validation and export use
it. `MobileNetV2.forward_training` computes the same function of a batch in NHWC with the kernels of `kernels.cpp`,
several times faster on a CPU. `architecture` describes the network as an ordered list of layers for other readers.
The module does not know pictures, classes or optimizers.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.02

# Table 2 of the paper: expansion factor, output channels, repetitions, stride of the first repetition. The last stride
# is 1 instead of 2, so that the final map of a 96x96 picture is 6x6 and not 3x3, most of which would be border.
INVERTED_RESIDUALS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 1),
    (6, 320, 1, 1),
)


@functools.cache
def kernels() -> Any:
    """Compiles `kernels.cpp` on first use. OpenMP is not linked here, so that its symbols resolve to the copy that
    PyTorch already loaded and both share one pool of threads."""
    from torch.utils import cpp_extension

    return cpp_extension.load(
        name="tinylens_training_kernels",
        sources=[str(Path(__file__).with_name("kernels.cpp"))],
        extra_cflags=["-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-std=c++20"],
    )


def rounded_channels(channels: int, width: float) -> int:
    """`channels * width` rounded to a multiple of 8, never below 90 % of the exact value (as in the paper's code)."""
    exact = channels * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8


class _Depthwise(torch.autograd.Function):
    """Depthwise 3x3 convolution, padding 1. `x`: `[n, h, w, c]`, `weight`: `[c, 1, 3, 3]`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        taps = weight.flatten(1).t().contiguous()
        ctx.save_for_backward(x, taps)
        ctx.stride = stride
        return kernels().depthwise_forward(x, taps, stride)

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor, Tensor, None]:
        x, taps = ctx.saved_tensors
        grad_x, grad_taps = kernels().depthwise_backward(x, taps, grad_y.contiguous(), ctx.stride)
        return grad_x, grad_taps.t().reshape(-1, 1, 3, 3), None


class _BatchNormActivation(torch.autograd.Function):
    """Batch normalization over `[n, h, w]` with the batch's own moments, then ReLU6 when `relu6`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, relu6: bool
    ) -> Tensor:
        inverse_std = (variance + BATCH_NORM_EPSILON).rsqrt().float()
        mean = mean.float()
        ctx.save_for_backward(x, gamma, beta, mean, inverse_std)
        ctx.relu6 = relu6
        scale = gamma * inverse_std
        return kernels().scale_shift(x, scale, beta - mean * scale, relu6)

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma, beta, mean, inverse_std = ctx.saved_tensors
        grads = kernels().batch_norm_backward(x, grad_y.contiguous(), gamma, beta, mean, inverse_std, ctx.relu6)
        return (*grads, None, None, None)


class ConvBatchNorm(nn.Module):
    """Convolution without bias, batch normalization, and ReLU6 or nothing."""

    def __init__(
        self, in_channels: int, out_channels: int, size: int, stride: int = 1, groups: int = 1, relu6: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, size, stride, size // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM)
        self.relu6 = relu6

    def forward(self, x: Tensor) -> Tensor:
        """`x`: `[n, c, h, w]`."""
        x = self.bn(self.conv(x))
        return F.relu6(x) if self.relu6 else x

    def forward_training(self, x: Tensor) -> Tensor:
        """`x`: contiguous `[n, h, w, c]`. Uses the batch's moments and updates the running ones."""
        conv, stride = self.conv, self.conv.stride[0]
        if conv.groups > 1:
            x = _Depthwise.apply(x, conv.weight, stride)
        elif conv.kernel_size == (1, 1):
            x = F.linear(x, conv.weight.flatten(1))
        else:
            x = F.linear(_patches(x, stride), conv.weight.permute(0, 2, 3, 1).flatten(1))
        with torch.no_grad():
            mean, variance = kernels().batch_moments(x)
            count = x.numel() // x.shape[-1]
            self.bn.running_mean.lerp_(mean.float(), BATCH_NORM_MOMENTUM)
            self.bn.running_var.lerp_((variance * (count / (count - 1))).float(), BATCH_NORM_MOMENTUM)
        return _BatchNormActivation.apply(x, self.bn.weight, self.bn.bias, mean, variance, self.relu6)

    def layer(self, name: str, residual_from: str | None = None) -> dict[str, Any]:
        """This layer in the vocabulary of `architecture`."""
        padding = self.conv.padding[0]
        return {
            "op": "conv",
            "name": name,
            "weights": f"{name}.conv",
            "batch_norm": f"{name}.bn",
            "batch_norm_epsilon": BATCH_NORM_EPSILON,
            "stride": self.conv.stride[0],
            "padding": [padding] * 4,
            "groups": self.conv.groups,
            "activation": "relu6" if self.relu6 else "none",
            "residual_from": residual_from,
        }


def _patches(x: Tensor, stride: int) -> Tensor:
    """The 3x3 neighbourhoods of `x` (`[n, h, w, c]`, zero padding 1) as `[n, h', w', 9*c]`, order ky, kx, c."""
    n, h, w, c = x.shape
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    by_picture, by_row, by_column, _ = padded.stride()
    shape = (n, (h - 1) // stride + 1, (w - 1) // stride + 1, 3, 3 * c)
    strides = (by_picture, by_row * stride, by_column * stride, by_row, 1)
    return padded.as_strided(shape, strides).reshape(*shape[:3], 9 * c)


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise 3x3, linear 1x1 projection; the input is added when the shapes agree."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand = ConvBatchNorm(in_channels, hidden, 1) if expansion > 1 else None
        self.depthwise = ConvBatchNorm(hidden, hidden, 3, stride, groups=hidden)
        self.project = ConvBatchNorm(hidden, out_channels, 1, relu6=False)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(hidden))
        return x + y if self.residual else y

    def forward_training(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else self.expand.forward_training(x)
        y = self.project.forward_training(self.depthwise.forward_training(hidden))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """The classifier. `width` scales every layer's channels, the last 1x1 convolution included."""

    def __init__(self, n_classes: int, width: float = 0.5, dropout: float = 0.0) -> None:
        super().__init__()
        channels = rounded_channels(32, width)
        self.stem = ConvBatchNorm(3, channels, 3, stride=2)
        blocks = []
        for expansion, base, n_blocks, first_stride in INVERTED_RESIDUALS:
            out_channels = rounded_channels(base, width)
            for block_idx in range(n_blocks):
                stride = first_stride if block_idx == 0 else 1
                blocks.append(InvertedResidual(channels, out_channels, stride, expansion))
                channels = out_channels
        self.blocks = nn.ModuleList(blocks)
        head_channels = rounded_channels(1280, width)
        self.head = ConvBatchNorm(channels, head_channels, 1)
        self.classifier = nn.Linear(head_channels, n_classes)
        self.dropout = dropout
        self._initialise()

    def _initialise(self) -> None:
        """Every convolution keeps the variance of its input. Residual branches start at zero (Goyal et al. 2017), which
        leaves a shallow network for the first steps."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="linear")
        for block in self.blocks:
            if block.residual:
                nn.init.zeros_(block.project.bn.weight)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, n_classes]` of normalized pictures `[n, 3, h, w]`."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.head(x).mean((2, 3)))

    def forward_training(self, x: Tensor) -> Tensor:
        """Logits `[n, n_classes]` of normalized pictures `[n, h, w, 3]`; `n` is a multiple of 4."""
        x = self.stem.forward_training(x)
        for block in self.blocks:
            x = block.forward_training(x)
        features = self.head.forward_training(x).mean((1, 2))
        return self.classifier(F.dropout(features, self.dropout))


def architecture(model: MobileNetV2, name: str, size: int) -> dict[str, Any]:
    """The network as an ordered list of layers. Each layer reads the one before it; `residual_from` names an earlier
    layer whose output is added after batch normalization; `padding` is top, left, bottom, right."""
    layers = [model.stem.layer("stem")]
    for block_idx, block in enumerate(model.blocks):
        block_input = layers[-1]["name"]
        for part in ("expand", "depthwise", "project"):
            layer = getattr(block, part)
            if layer is not None:
                residual_from = block_input if block.residual and part == "project" else None
                layers.append(layer.layer(f"blocks.{block_idx}.{part}", residual_from))
    layers.append(model.head.layer("head"))
    layers.append({"op": "global_average_pool", "name": "pool"})
    layers.append({"op": "linear", "name": "classifier", "weights": "classifier"})
    return {"name": name, "input": {"height": size, "width": size, "channels": 3}, "layers": layers}


def multiply_accumulates(model: MobileNetV2, size: int) -> int:
    """Multiply-accumulates of the convolutions and the classifier for one `size` x `size` picture."""
    total = 0

    def count(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        nonlocal total
        per_output = module.weight.numel() // module.weight.shape[0]
        total += output[0].numel() * per_output

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return total
