"""Writes a trained network as float16 safetensors that describe themselves.

Batch normalization stays unfolded. The metadata carry the list of layers, the preprocessing, the origin of the weights
and the accuracy, so that a reader needs nothing but the file.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

import pictures
from network import MobileNetV2, architecture

LICENCE = (
    "Weights trained from scratch by this project on pictures of Tiny-ImageNet-200, a subset of ImageNet, "
    "which is provided for non-commercial research and education. The weights are offered for the same uses; "
    "the pictures themselves are not part of the project."
)


def rounded_to_f16(model: MobileNetV2) -> dict[str, Tensor]:
    """All tensors of the file, float16. Raises `OverflowError` when a value does not fit."""
    tensors = {
        name: tensor.half().contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise OverflowError(f"{name}: a value is beyond float16")
    return tensors


def write(path: Path, model: MobileNetV2, size: int, top1: float) -> None:
    """Writes `path`; `top1` is the share of the validation pictures that the rounded weights get right."""
    preprocessing = {
        "mean": [pictures.MEAN] * 3,
        "std": [pictures.STD] * 3,
        "resize_shorter": size,
        "crop": size,
    }
    metadata = {
        "architecture": json.dumps(architecture(model, "mobilenet-v2-0.5-everyday-60", size)),
        "preprocessing": json.dumps(preprocessing),
        "licence": LICENCE,
        "labels": "everyday-60",
        "top1": f"{top1:.4f}",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(rounded_to_f16(model), path, metadata)


@torch.no_grad()
def rounded_copy(model: MobileNetV2, n_classes: int) -> MobileNetV2:
    """The float32 network that a reader of the file gets."""
    copy = MobileNetV2(n_classes)
    copy.load_state_dict({name: tensor.float() for name, tensor in rounded_to_f16(model).items()}, strict=False)
    return copy.eval()
