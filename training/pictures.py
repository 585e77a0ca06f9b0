"""Reads the tiled data set `everyday-60` and augments batches of it.

The data set is a folder with `classes.csv` (`class,file,wnid,de,en`) and one picture per class: a grid of 25 columns
and 22 rows of 64x64 tiles, row by row, tiles 0..499 for training and 500..549 for validation. The module does not know
the network.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

TILE = 64
COLUMNS, ROWS = 25, 22
N_TRAINING = 500
MEAN = STD = 127.5


@dataclass(frozen=True)
class Labels:
    """Class names in class order."""

    en: list[str]
    de: list[str]


@dataclass(frozen=True)
class Split:
    """`pictures`: uint8 `[n, 64, 64, 3]`, RGB. `classes`: int64 `[n]`."""

    pictures: Tensor
    classes: Tensor


def read(folder: Path) -> tuple[Split, Split, Labels]:
    """Decodes the whole data set; returns training split, validation split and labels."""
    with (folder / "classes.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["class"]))
    tiles = np.empty((len(rows), COLUMNS * ROWS, TILE, TILE, 3), np.uint8)
    for class_idx, row in enumerate(rows):
        with Image.open(folder / row["file"]) as picture:
            grid = np.asarray(picture.convert("RGB"))
        if grid.shape != (ROWS * TILE, COLUMNS * TILE, 3):
            raise ValueError(f"{row['file']}: shape {grid.shape}, expected a grid of {COLUMNS}x{ROWS} tiles of {TILE}")
        grid = grid.reshape(ROWS, TILE, COLUMNS, TILE, 3)
        tiles[class_idx] = grid.transpose(0, 2, 1, 3, 4).reshape(-1, TILE, TILE, 3)
    classes = torch.arange(len(rows))[:, None].expand(-1, COLUMNS * ROWS)
    pictures = torch.from_numpy(tiles)

    def split(part: slice) -> Split:
        return Split(pictures[:, part].reshape(-1, TILE, TILE, 3), classes[:, part].reshape(-1))

    labels = Labels([row["en"] for row in rows], [row["de"] for row in rows])
    return split(slice(0, N_TRAINING)), split(slice(N_TRAINING, None)), labels


def normalized(pictures: Tensor, size: int) -> Tensor:
    """`[n, 3, size, size]` network input of uint8 pictures `[n, h, w, 3]`: bilinear resize with half-pixel centres,
    then `(x - 127.5) / 127.5`."""
    x = pictures.permute(0, 3, 1, 2).float()
    if x.shape[-1] != size:
        x = F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=size < x.shape[-1])
    return (x - MEAN) / STD


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; each picture draws its own."""

    min_area: float = 0.5
    max_aspect: float = 4 / 3
    max_turn_degrees: float = 6.0
    brightness: float = 0.2
    contrast: float = 0.25
    saturation: float = 0.3
    channel_gain: float = 0.06
    max_sharpening: float = 0.8
    softness_share: float = 0.4


def augmented(pictures: Tensor, size: int, ranges: Augmentation, rng: torch.Generator) -> Tensor:
    """Normalized training input `[n, size, size, 3]` of uint8 pictures `[n, h, w, 3]`.

    1. A crop of random area, aspect ratio and position, mirrored with probability 1/2 and slightly turned, resampled
       bilinearly to `size`.
    2. For a share of the pictures, `x + a * (blur(x) - x)` with a 3x3 binomial blur: soft for `a > 0`, sharpened for
       `a < 0`. Camera frames are sharper than the tiles, and resized tiles are softer.
    3. Contrast, saturation, brightness and channel gains as one 3x3 colour matrix and offset per picture.
    """
    n = pictures.shape[0]

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(n).uniform_(low, high, generator=rng)

    area = uniform(ranges.min_area, 1.0)
    aspect = torch.exp(uniform(-1.0, 1.0) * (0.5 * math.log(ranges.max_aspect)))
    half_width = (area.sqrt() * aspect).clamp_max(1.0)
    half_height = (area.sqrt() / aspect).clamp_max(1.0)
    mirror = torch.where(uniform(0.0, 1.0) < 0.5, -1.0, 1.0)
    turn = uniform(-1.0, 1.0) * math.radians(ranges.max_turn_degrees)
    shift_x, shift_y = uniform(-1.0, 1.0) * (1 - half_width), uniform(-1.0, 1.0) * (1 - half_height)
    theta = torch.stack(
        [
            torch.stack([half_width * turn.cos() * mirror, -half_height * turn.sin(), shift_x], 1),
            torch.stack([half_width * turn.sin() * mirror, half_height * turn.cos(), shift_y], 1),
        ],
        1,
    )
    x = pictures.permute(0, 3, 1, 2).float()
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    amount = torch.where(uniform(0, 1) < ranges.softness_share, uniform(-ranges.max_sharpening, 1.0), 0.0)
    changed = amount.nonzero().flatten()
    if len(changed):
        soft = F.pad(x[changed], (1, 1, 1, 1), mode="replicate")
        soft = soft[..., :-2] + 2 * soft[..., 1:-1] + soft[..., 2:]
        soft = (soft[..., :-2, :] + 2 * soft[..., 1:-1, :] + soft[..., 2:, :]) / 16
        x[changed] = torch.lerp(x[changed], soft, amount[changed, None, None, None])

    x = x.permute(0, 2, 3, 1).reshape(n, -1, 3)
    grey = torch.tensor([0.299, 0.587, 0.114])
    contrast = 1 + uniform(-1, 1) * ranges.contrast
    saturation = 1 + uniform(-1, 1) * ranges.saturation
    gain = 1 + torch.empty(n, 3).uniform_(-1, 1, generator=rng) * ranges.channel_gain
    matrix = saturation[:, None, None] * torch.eye(3) + (1 - saturation)[:, None, None] * grey[:, None]
    matrix = matrix * (contrast[:, None] * gain)[:, None, :]
    centre = x.mean((1, 2))
    offset = centre * (1 - contrast) + MEAN * uniform(-1, 1) * ranges.brightness
    x = torch.baddbmm(offset[:, None, None].expand(n, 1, 3), x, matrix).clamp_(0.0, 255.0)
    return x.sub_(MEAN).div_(STD).view(n, size, size, 3)
