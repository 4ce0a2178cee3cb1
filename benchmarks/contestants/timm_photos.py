"""A contestant: what timm's own train.py does with a folder, on its loaders, network and optimizer.

    python -m benchmarks.contestants.timm_photos FOLDER SIDE EPOCHS BATCH WORKERS

The script train.py is in timm's repository and not in its package. This is what remains of it for
one process without extras: SGD on a cosine, a checkpoint and the validation split each epoch.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from timm.data import create_dataset, create_loader
from timm.models import create_model
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, CheckpointSaver, accuracy


def main() -> None:
    folder, *numbers = sys.argv[1:]
    side, epochs, batch, workers = map(int, numbers)
    torch.manual_seed(0)
    splits = {name: create_dataset("", root=folder, split=name) for name in ("train", "validation")}
    classes = len(splits["train"].reader.class_to_idx)
    net = create_model("resnet18", pretrained=False, num_classes=classes)
    net.to(memory_format=torch.channels_last)
    loaders = {
        name: create_loader(
            dataset,
            input_size=(3, side, side),
            batch_size=batch,
            is_training=name == "train",
            use_prefetcher=False,
            scale=(0.08, 1.0),
            hflip=0.5,
            color_jitter=None,
            interpolation="bilinear",
            num_workers=workers,
            persistent_workers=True,
            device=torch.device("cpu"),
        )
        for name, dataset in splits.items()
    }
    optimizer = create_optimizer_v2(net, opt="momentum", lr=0.01, momentum=0.9, weight_decay=0.0)
    schedule, _ = create_scheduler_v2(optimizer, sched="cosine", num_epochs=epochs)
    saver = CheckpointSaver(net, optimizer, checkpoint_dir=str(Path.cwd()), max_history=2)
    loss_of = torch.nn.CrossEntropyLoss()
    for epoch in range(epochs):
        net.train()
        for images, labels in loaders["train"]:
            loss = loss_of(net(_last(images)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        right = AverageMeter()
        with torch.no_grad():
            for images, labels in loaders["validation"]:
                (top,) = accuracy(net(_last(images)), labels, topk=(1,))
                right.update(float(top), len(labels))
        saver.save_checkpoint(epoch, metric=right.avg)
        schedule.step(epoch + 1)
        print(f"epoch {epoch + 1}/{epochs}  loss {loss.item():.3f}  validation {right.avg:.1f}%")


def _last(images: Any) -> Any:
    return images.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    main()
