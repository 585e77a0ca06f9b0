"""Compares the training kernels with PyTorch's own operators: outputs, running moments and every gradient.

Run with `python -m unittest` in this folder.
"""

from __future__ import annotations

import copy
import unittest

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from network import ConvBatchNorm, MobileNetV2


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual - expected).norm() / expected.norm().clamp_min(1e-12)).item()


class LayerTest(unittest.TestCase):
    """Each kind of layer against its reference in float64, at sizes around the borders of the kernels."""

    def check(self, layer: ConvBatchNorm, n: int, height: int, width: int) -> None:
        torch.manual_seed(0)
        nn.init.uniform_(layer.bn.weight, 0.5, 2.0)
        nn.init.uniform_(layer.bn.bias, -1.0, 3.0)
        reference = copy.deepcopy(layer).double().train()
        x = torch.randn(n, height, width, layer.conv.in_channels)
        nhwc = x.clone().requires_grad_()
        nchw = x.double().permute(0, 3, 1, 2).requires_grad_()
        y = layer.forward_training(nhwc)
        expected = reference(nchw)
        weights = torch.randn_like(y)
        (y * weights).sum().backward()
        (expected.permute(0, 2, 3, 1) * weights).sum().backward()
        pairs = {
            "output": (y, expected.permute(0, 2, 3, 1)),
            "input gradient": (nhwc.grad, nchw.grad.permute(0, 2, 3, 1)),
            "weight gradient": (layer.conv.weight.grad, reference.conv.weight.grad),
            "gamma gradient": (layer.bn.weight.grad, reference.bn.weight.grad),
            "beta gradient": (layer.bn.bias.grad, reference.bn.bias.grad),
            "running mean": (layer.bn.running_mean, reference.bn.running_mean),
            "running variance": (layer.bn.running_var, reference.bn.running_var),
        }
        for name, (actual, wanted) in pairs.items():
            self.assertLess(relative_error(actual, wanted), 2e-5, f"{name}, {n}x{height}x{width}, {layer}")

    def test_depthwise(self) -> None:
        for stride in (1, 2):
            for height, width in ((1, 1), (2, 2), (3, 3), (4, 6), (5, 7), (12, 12)):
                for channels in (8, 24, 96):
                    self.check(ConvBatchNorm(channels, channels, 3, stride, groups=channels), 4, height, width)

    def test_pointwise(self) -> None:
        for relu6 in (True, False):
            self.check(ConvBatchNorm(16, 40, 1, relu6=relu6), 8, 6, 5)

    def test_stem(self) -> None:
        self.check(ConvBatchNorm(3, 16, 3, 2), 4, 10, 8)

    def test_a_wrong_kernel_is_noticed(self) -> None:
        layer = ConvBatchNorm(8, 8, 3, 1, groups=8)
        original = layer.forward_training
        layer.forward_training = lambda x: original(x.flip(1))
        with self.assertRaises(AssertionError):
            self.check(layer, 4, 4, 4)


class NetworkTest(unittest.TestCase):
    """The whole network: one loss, all gradients."""

    def test_gradients(self) -> None:
        torch.manual_seed(1)
        model = MobileNetV2(n_classes=60)
        for name, parameter in model.named_parameters():
            if name.endswith("bn.weight"):
                nn.init.uniform_(parameter, 0.5, 1.5)
        reference = copy.deepcopy(model).double().train()
        x, target = torch.randn(16, 64, 64, 3), torch.randint(60, (16,))
        F.cross_entropy(model.forward_training(x), target).backward()
        F.cross_entropy(reference(x.double().permute(0, 3, 1, 2)), target).backward()
        for (name, actual), expected in zip(model.named_parameters(), reference.parameters(), strict=True):
            # float32 against float64 through 52 batch normalizations, with values near the corners of ReLU6; a wrong
            # kernel is off by the size of the gradient. A shift that only another batch normalization reads has
            # gradient 0 up to rounding.
            if expected.grad.norm() > 1e-10:
                self.assertLess(relative_error(actual.grad, expected.grad), 3e-2, name)
            else:
                self.assertLess(actual.grad.norm().item(), 1e-4, name)


if __name__ == "__main__":
    unittest.main()
