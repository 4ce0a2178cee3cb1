"""A contestant: the same networks in PyTorch, channels last, eager or compiled.

python -m benchmarks.contestants.torch_training NETWORK float32|bfloat16 THREADS eager|compiled
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.contestants.answers import begin
from benchmarks.contestants.training import CLASSES, NETWORKS, Network, Step, answer_with, images_of


def _net_of(network: Network) -> Any:
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
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES)]
        return nn.Sequential(*parts, *pool)

    def lenet5() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES),
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
        head = [nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, CLASSES, bias=False)]
        return nn.Sequential(*parts, *head)

    name = network.options["model"]
    if name == "lenet5":
        net = lenet5()
    elif name == "airbench":
        net = airbench()
    elif name == "resnet18":
        from torchvision.models import resnet18

        net = resnet18(num_classes=CLASSES)
    else:
        net = resnet(network.options.get("n", 3), network.options.get("filters", 16))
    return net.to(memory_format=torch.channels_last)


def _step_of(network: Network, *, half: bool, compiled: bool) -> Step:
    import torch
    from torch.nn import functional

    net = _net_of(network)
    optimizer = torch.optim.SGD(
        [p for p in net.parameters() if p.requires_grad], 0.01, momentum=0.9
    )
    pixels, labels = map(torch.from_numpy, images_of(network))
    pixels = pixels.permute(0, 3, 1, 2)  # channels last in memory
    labels = labels.long()

    def loss_of(x: Any, y: Any) -> Any:
        x = (x.float() - 127.5) / 64
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = net(x)
        return functional.cross_entropy(logits.float(), y)

    if compiled:
        loss_of = torch.compile(loss_of)

    def step(count: int) -> int:
        for _ in range(count):
            chosen = torch.randint(len(labels), (network.batch,))
            x = pixels[chosen].contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            loss = loss_of(x, labels[chosen])
            loss.backward()
            optimizer.step()
        loss.item()
        return count

    return step


def main() -> None:
    name, precision, threads, mode = sys.argv[1:]
    begin(int(threads))
    import torch

    step = _step_of(NETWORKS[name], half=precision == "bfloat16", compiled=mode == "compiled")
    answer_with(step, NETWORKS[name], {"versions": f"torch {torch.__version__}"})


if __name__ == "__main__":
    main()
