"""Training rate: kerascnn against the same network in plain Keras and in PyTorch, side by side.

    python benchmarks/training_rate.py [--rounds 5] [--only LeNet-5] [--csv training_rate.csv]

Images per second of training steps (forward, backward, update by SGD with momentum) on random
images in memory, each through the contestant's own input path. The contestants take turns, each in
a process of its own (the thread pools of two libraries in one process starve each other); each
figure is the median over the rounds: images per second, and the processor time of an image in all
threads, which other work on the machine changes less. Plain Keras is the very same model, not made
quick by `kerascnn.kernels`, a tf.data stream and `train_function`, as `fit` runs it; ours takes
several steps in a call where `fit` does.
PyTorch (from the extra [bench]; left out where it is not installed) is channels last, with and
without bfloat16 autocast.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras, tf
from kerascnn.kernels.table import quicken
from kerascnn.models.build import build_model
from kerascnn.training.executions import several_steps, steps_per_call

# name: (registered network and its options, image shape, batch, steps of a round)
NETWORKS: dict[str, tuple[dict[str, Any], tuple[int, int, int], int, int]] = {
    "LeNet-5": ({"model": "lenet5"}, (28, 28, 1), 128, 64),
    "CIFAR ResNet-20": ({"model": "cifar-resnet20"}, (32, 32, 3), 128, 4),
    "airbench": ({"model": "airbench"}, (32, 32, 3), 256, 3),
    "64-wide ResNet-8": ({"model": "cifar-resnet20", "n": 1, "filters": 64}, (32, 32, 3), 128, 3),
}
FIELDS = ("network", "batch", "contestant", "precision", "images_per_second", "us_per_image")
BATCHES = 8  # of distinct images in memory

Step = Callable[[int], None]  # trains so many batches, and waits for the end


def images_of(shape: tuple[int, int, int], batch: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    count = batch * BATCHES
    images = random.integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, random.integers(0, 10, count, dtype=np.int32)


def with_keras(options: dict[str, Any], shape: Any, batch: int, policy: str, ours: bool) -> Step:
    keras.config.set_dtype_policy(policy)
    model = build_model(**options, input_shape=shape, classes=10)
    if ours:
        quicken(model, "cpu")
    keras.config.set_dtype_policy("float32")
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    most = steps_per_call(analyze(model), batch) if ours else 1
    if most > 1:
        several = several_steps(model)

        def train(batches: Any) -> dict[str, Any]:
            return several(batches, tf.constant(most))[1]
    else:
        model.make_train_function()
        train = model.train_function
    data = tf.data.Dataset.from_tensor_slices(images_of(shape, batch))
    batches = iter(data.shuffle(batch * BATCHES).batch(batch).repeat().prefetch(tf.data.AUTOTUNE))

    def step(count: int) -> None:
        for _ in range(0, count, most):
            logs = train(batches)
        float(logs["loss"])

    return step


def with_torch(options: dict[str, Any], shape: Any, batch: int, half: bool) -> Step:
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self, before: int, filters: int):
            super().__init__()
            stride = 1 if before == filters else 2
            self.a = nn.Conv2d(before, filters, 3, stride, 1, bias=False)
            self.b = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            self.norm_a, self.norm_b = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)
            self.stride, self.more = stride, filters - before

        def forward(self, x: Any) -> Any:
            y = self.norm_b(self.b(functional.relu(self.norm_a(self.a(x)))))
            x = functional.pad(x[..., :: self.stride, :: self.stride], (0,) * 5 + (self.more,))
            return functional.relu(x + y)

    def resnet(n: int, filters: int) -> nn.Module:
        parts = [nn.Conv2d(3, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        before = filters
        for stage in range(3):
            for _ in range(n):
                parts.append(Block(before, filters * 2**stage))
                before = filters * 2**stage
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10)]
        return nn.Sequential(*parts, *pool)

    def lenet5() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip

    def airbench() -> nn.Module:
        parts = [nn.Conv2d(3, 24, 2, bias=False).requires_grad_(False), nn.GELU()]
        before = 24
        for filters in (64, 256, 256):
            for number in range(2):
                parts.append(nn.Conv2d(before, filters, 3, padding=1, bias=False))
                parts += [] if number else [nn.MaxPool2d(2)]
                parts += [nn.BatchNorm2d(filters), nn.GELU()]
                parts[-2].weight.requires_grad_(False)
                before = filters
        return nn.Sequential(*parts, nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10, bias=False))

    if options["model"] == "lenet5":
        net = lenet5()
    elif options["model"] == "airbench":
        net = airbench()
    else:
        net = resnet(options.get("n", 3), options.get("filters", 16))
    net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        [p for p in net.parameters() if p.requires_grad], 0.01, momentum=0.9
    )
    pixels, labels = map(torch.from_numpy, images_of(shape, batch))
    pixels = pixels.permute(0, 3, 1, 2)  # channels last in memory
    labels = labels.long()

    def step(count: int) -> None:
        for _ in range(count):
            chosen = torch.randint(len(labels), (batch,))
            x = (pixels[chosen].float() - 127.5) / 64
            x = x.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = net(x)
            loss = functional.cross_entropy(logits.float(), labels[chosen])
            loss.backward()
            optimizer.step()
        loss.item()

    return step


@dataclass(frozen=True)
class Speed:
    rate: float  # images/s
    cost: float  # microseconds of processor time per image


def contestant(pipe: Connection, make: Callable[..., Step], arguments: tuple[Any, ...]) -> None:
    """Trains as many steps as it is told; answers with the seconds, of the clock and of work."""
    step = make(*arguments)
    step(2)  # traces
    while True:
        pipe.send("ready")
        count = pipe.recv()
        start, used = time.perf_counter(), time.process_time()
        step(count)
        pipe.send((time.perf_counter() - start, time.process_time() - used))


def compare(network: str, rounds: int) -> dict[str, Speed]:
    """Starts the contestants, lets them take turns and gives their medians."""
    options, shape, batch, count = NETWORKS[network]
    entries: dict[str, tuple[Callable[..., Step], tuple[Any, ...]]] = {}
    for policy in ("float32", "mixed_bfloat16"):
        for name, ours in (("kerascnn", True), ("plain Keras", False)):
            entries[f"{name}, {policy}"] = (with_keras, (options, shape, batch, policy, ours))
    if importlib.util.find_spec("torch"):
        for name, half in (("float32", False), ("bfloat16 autocast", True)):
            entries[f"PyTorch, {name}"] = (with_torch, (options, shape, batch, half))
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    found: dict[str, list[Speed]] = {}
    for name, entry in entries.items():
        pipes[name], theirs = context.Pipe()
        context.Process(target=contestant, args=(theirs, *entry), daemon=True).start()
        assert pipes[name].recv() == "ready"
        found[name] = []
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send(count)
            seconds, used = pipe.recv()
            assert pipe.recv() == "ready"
            found[name].append(Speed(batch * count / seconds, 1e6 * used / batch / count))
    for child in multiprocessing.active_children():
        child.kill()
    return {
        name: Speed(
            statistics.median(speed.rate for speed in speeds),
            statistics.median(speed.cost for speed in speeds),
        )
        for name, speeds in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--csv", type=Path, help="write every figure")
    arguments = parser.parse_args()
    rows = []
    for network, (_, _, batch, _) in NETWORKS.items():
        if arguments.only not in (None, network):
            continue
        speeds = compare(network, arguments.rounds)
        print(f"{network}, batch {batch}", flush=True)
        for name, speed in speeds.items():
            print(f"  {name:30}{speed.rate:9,.0f} images/s{speed.cost:10,.0f} us/image")
            rows.append((network, batch, *name.split(", "), round(speed.rate), round(speed.cost)))
        for kind in ("plain Keras", "PyTorch"):
            peers = [speed for name, speed in speeds.items() if name.startswith(kind)]
            own = [speed for name, speed in speeds.items() if name.startswith("kerascnn")]
            if peers:
                rate = max(s.rate for s in own) / max(s.rate for s in peers)
                cost = min(s.cost for s in peers) / min(s.cost for s in own)
                print(
                    f"  kerascnn's better is {rate:.2f} times the better of {kind}"
                    f" ({cost:.2f} by processor time)",
                    flush=True,
                )
    if arguments.csv:
        with arguments.csv.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(FIELDS)
            table.writerows(rows)


if __name__ == "__main__":
    main()
