"""Trains the bundled classifier `everyday-60` from scratch on a CPU and writes its weights and labels.

The network is MobileNetV2 with width 0.5. The pictures grow while it trains: first 48x48, then the tiles' own 64x64, at
last the 96x96 that the app uses. The optimizers are Muon and Adam under one warm-up and one cosine; the result is the
exponential moving average of the weights after the last epoch, never a checkpoint picked by validation accuracy.
`main` is the place to start.
"""

from __future__ import annotations

import os

# Waiting threads must yield on a shared machine. OpenMP reads this once, when PyTorch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import copy
import ctypes
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pictures
import weights
from network import MobileNetV2, multiply_accumulates
from optimizer import Muon

INPUT_SIZE = 96


@dataclass(frozen=True)
class Accuracy:
    """Correct answers among the first one and the first five, of `n` pictures."""

    top1: int
    top5: int
    n: int

    def __str__(self) -> str:
        top1, top5 = self.top1 / self.n, self.top5 / self.n
        return f"top-1 {top1:.2%} ({self.top1}/{self.n}), top-5 {top5:.2%} ({self.top5}/{self.n})"


class MovingAverage:
    """Exponential moving average of parameters and running moments, `a += (1 - decay) * (x - a)` after each step.
    The decay starts low, so that the first epochs are not averaged with the random initial weights."""

    def __init__(self, model: MobileNetV2, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.n_steps = 0

    @staticmethod
    def _tensors(model: nn.Module) -> list[Tensor]:
        return [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]

    @torch.no_grad()
    def update(self, model: MobileNetV2) -> None:
        self.n_steps += 1
        decay = min(self.decay, self.n_steps / (self.n_steps + 10))
        torch._foreach_lerp_(self._tensors(self.model), self._tensors(model), 1 - decay)


class ThreadCount:
    """Chooses between 1 and `most` threads while other programs come and go. Two threads that share one free core are
    slower than one, because each parallel region ends with its slowest thread. Of every 100 steps the first 16 are
    timed, half with each count, and the faster count does the rest."""

    N_TRIALS, PERIOD = 8, 100

    def __init__(self, most: int) -> None:
        self.counts = (most, 1)
        self.seconds = [0.0, 0.0]
        self.n_steps = 0

    def begin_step(self) -> None:
        phase = self.n_steps % self.PERIOD
        if phase == 0:
            self.seconds = [0.0, 0.0]
        if phase < 2 * self.N_TRIALS:
            chosen = phase // self.N_TRIALS
        else:
            chosen = int(self.seconds[1] < self.seconds[0])
        torch.set_num_threads(self.counts[chosen])
        self.started = time.perf_counter()

    def end_step(self) -> None:
        phase = self.n_steps % self.PERIOD
        if phase < 2 * self.N_TRIALS:
            self.seconds[phase // self.N_TRIALS] += time.perf_counter() - self.started
        self.n_steps += 1


@torch.no_grad()
def evaluate(model: MobileNetV2, split: pictures.Split, size: int) -> Accuracy:
    """Accuracy of `model` in evaluation mode."""
    model.eval()
    top1 = top5 = 0
    for part, classes in zip(split.pictures.split(100), split.classes.split(100), strict=True):
        x = pictures.normalized(part, size).contiguous(memory_format=torch.channels_last)
        best = model(x).topk(5).indices == classes[:, None]
        top1 += int(best[:, 0].sum())
        top5 += int(best.sum())
    return Accuracy(top1, top5, len(split.classes))


def epoch_sizes(text: str) -> list[int]:
    """`"64x30,96x10"`: 30 epochs at 64x64, then 10 at 96x96."""
    stages = [stage.split("x") for stage in text.split(",")]
    return [int(size) for size, n_epochs in stages for _ in range(int(n_epochs))]


def schedule(progress: float, warm_up: float) -> float:
    """Share of the peak rate: linear from 0 to 1 while `progress < warm_up`, then half a cosine down to 0 at
    `progress == 1`."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def optimizers_for(model: MobileNetV2, options: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon for the stem and the 1x1 convolutions, Adam for depthwise weights, scales, shifts and the classifier, whose
    weights alone decay. `peak` in each group is the rate that the schedule scales."""
    convolutions = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d) and m.groups == 1]
    taken = {id(p) for p in [*convolutions, model.classifier.weight]}
    small = [p for p in model.parameters() if id(p) not in taken]
    muon = Muon([{"params": convolutions, "peak": options.muon_rate}])
    adam = torch.optim.AdamW(
        [
            {"params": small, "weight_decay": 0.0, "peak": options.adam_rate},
            {
                "params": [model.classifier.weight],
                "weight_decay": options.weight_decay,
                "peak": options.classifier_rate,
            },
        ],
        lr=0.0,
        betas=(0.9, 0.99),
    )
    return [muon, adam]


def keep_freed_memory() -> None:
    """Tells glibc to keep freed buffers instead of returning them to the system after every layer, whose page faults
    would cost about as much as the arithmetic. Does nothing elsewhere."""
    if sys.platform == "linux":
        m_trim_threshold, m_mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_threshold, 32 << 20)
        libc.mallopt(m_trim_threshold, 2047 << 20)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with classes.csv and the tiled pictures")
    parser.add_argument("--weights", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--labels", type=Path, help="JSON file with the class names to write")
    parser.add_argument("--checkpoint", type=Path, required=True, help="written after each epoch, resumed when present")
    parser.add_argument("--sizes", type=epoch_sizes, default="48x11,64x13,96x4", help="sizes and epochs at each")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--muon-rate", type=float, default=0.01, help="peak angle of one step, radians")
    parser.add_argument("--adam-rate", type=float, default=1e-3)
    parser.add_argument("--classifier-rate", type=float, default=3e-4)
    parser.add_argument("--warm-up-epochs", type=float, default=0.3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--label-smoothing", type=float, default=0.05)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--average-decay", type=float, default=0.998)
    parser.add_argument("--evaluate-every", type=int, default=4, help="epochs between looks at the validation split")
    parser.add_argument("--stop-after", type=int, help="stop after this epoch, to continue later with other options")
    parser.add_argument("--threads", type=int, default=2, help="most threads to use")
    parser.add_argument("--seed", type=int, default=60)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    keep_freed_memory()
    threads = ThreadCount(options.threads)
    torch.manual_seed(options.seed)
    training, validation, labels = pictures.read(options.data)
    n_classes, n_pictures = len(labels.en), len(training.classes)
    if options.labels:
        options.labels.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"en": labels.en, "de": labels.de}, ensure_ascii=False, indent=2)
        options.labels.write_text(text + "\n", encoding="utf-8")

    model = MobileNetV2(n_classes, dropout=options.dropout)
    average = MovingAverage(model, options.average_decay)
    optimizers = optimizers_for(model, options)
    first_epoch = 0
    if options.checkpoint.exists():
        state = torch.load(options.checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        average.n_steps = state["n_steps"]
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            # The options decide the rates, also when they differ from those of the interrupted run.
            for group, saved_group in zip(optimizer.param_groups, saved["param_groups"], strict=True):
                saved_group["peak"] = group["peak"]
            optimizer.load_state_dict(saved)
        first_epoch = state["n_epochs"]

    n_parameters = sum(p.numel() for p in model.parameters())
    print(f"{n_pictures} training and {len(validation.classes)} validation pictures, {n_classes} classes")
    print(f"{n_parameters} parameters, {multiply_accumulates(model, INPUT_SIZE)} multiply-accumulates at {INPUT_SIZE}")
    n_epochs, n_batches = len(options.sizes), n_pictures // options.batch
    for epoch in range(first_epoch, min(n_epochs, options.stop_after or n_epochs)):
        size, started = options.sizes[epoch], time.perf_counter()
        rng = torch.Generator().manual_seed(options.seed * 1000 + epoch)
        order = torch.randperm(n_pictures, generator=rng)
        total_loss, n_correct, n_single = 0.0, 0, 0
        for batch_idx in range(n_batches):
            threads.begin_step()
            chosen = order[batch_idx * options.batch : (batch_idx + 1) * options.batch]
            x = pictures.augmented(training.pictures[chosen], size, pictures.Augmentation(), rng)
            target = training.classes[chosen]
            progress = (epoch + batch_idx / n_batches) / n_epochs
            share = schedule(progress, options.warm_up_epochs / n_epochs)
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = group["peak"] * share
            logits = model.forward_training(x)
            loss = F.cross_entropy(logits, target, label_smoothing=options.label_smoothing)
            model.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            average.update(model)
            total_loss += loss.item()
            n_correct += int((logits.argmax(1) == target).sum())
            threads.end_step()
            n_single += torch.get_num_threads() == 1
        seconds = time.perf_counter() - started
        seen = n_batches * options.batch
        line = f"epoch {epoch + 1}/{n_epochs} at {size}: loss {total_loss / n_batches:.4f}, "
        line += f"training top-1 {n_correct / seen:.2%}, {seen / seconds:.0f} pictures/s, {seconds:.0f} s "
        line += f"({n_single / n_batches:.0%} single-threaded)"

        options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": model.state_dict(),
            "average": average.model.state_dict(),
            "n_steps": average.n_steps,
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "n_epochs": epoch + 1,
        }
        partial = options.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(options.checkpoint)
        if (epoch + 1) % options.evaluate_every == 0 or epoch in (0, n_epochs - 1):
            rounded = weights.rounded_copy(average.model, n_classes)
            accuracy = evaluate(rounded, validation, INPUT_SIZE)
            weights.write(options.weights, average.model, INPUT_SIZE, accuracy.top1 / accuracy.n)
            line += f"; validation at {INPUT_SIZE}, float16-rounded average: {accuracy}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
