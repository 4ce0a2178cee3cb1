"""Peak memory of streaming a folder, and of one with ten times as many files.

    KERASCNN_TEST_DATA=... python benchmarks/folder_memory.py

Each folder holds copies of the photos; a process of its own loads it, streams one epoch of random
crops without a cache, and reports its peak.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def stream(folder: str) -> None:
    from kerascnn.augment.spec import AugmentSpec
    from kerascnn.data.loading import load
    from kerascnn.data.pipeline import training_batches
    from kerascnn.data.spec import DataSpec

    data = load(DataSpec(name=f"folder:{folder}", image_size=224, cache="none"))
    augment = AugmentSpec(preset="inception")
    steps = -(-data.splits["train"].size // 32)
    for _ in training_batches(data, augment, batch_size=32, seed=0).take(steps):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    photos = Path(os.environ["KERASCNN_TEST_DATA"]) / "photos"
    peaks = []
    for copies in (1, 10):
        with tempfile.TemporaryDirectory() as root:
            for file in photos.glob("*/*"):
                folder = Path(root) / "photos" / file.parent.name
                folder.mkdir(parents=True, exist_ok=True)
                for i in range(copies):
                    shutil.copy(file, folder / f"{i}-{file.name}")
            environment = {**os.environ, "KERASCNN_CACHE": f"{root}/cache"}
            command = [sys.executable, __file__, f"{root}/photos"]
            ran = subprocess.run(
                command, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            peaks.append(int(ran.stdout) / 1024)
            print(f"{copies * len(list(photos.glob('*/*'))):5,} files: peak {peaks[-1]:,.0f} MiB")
    print(f"growth {peaks[1] / peaks[0] - 1:.1%} (less than 10% wanted)")


if __name__ == "__main__":
    stream(sys.argv[1]) if len(sys.argv) > 1 else main()
