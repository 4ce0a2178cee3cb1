"""`kerascnn predict` on 10,000 MNIST PNG files against bare decoding and a forward pass.

Both classify the same files with the same LeNet-5, in turn, in one process: the command, from its
arguments to the finished CSV file, and a bare tf.data pipeline that reads and decodes the files for
`model.predict`, in batches of 64 and of 256, the better of which counts. The start-up of the
command (the store, loading and tracing the network) is what it takes for one file, and is taken
off.

    TFDS_DATA_DIR=... python benchmarks/predict.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from kerascnn_pipelines.cli import cli
from PIL import Image

from kerascnn.backend import keras, tf
from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, save_model

FILES, BATCHES = 10_000, (64, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path("files")
        folder.mkdir()
        recipe = load_recipe({"model": {"name": "lenet5"}, "data": {"name": "mnist"}})
        data = load(recipe.data)
        chosen = np.arange(min(FILES, data.splits["test"].size))
        for number, pixels in enumerate(pictures(data, "test", chosen)):
            Image.fromarray(pixels[..., 0]).save(folder / f"{number:05}.png")
        network = build_model("lenet5", input_shape=data.image_shape, classes=10)
        save_model(SavedModel(network, data.classes, recipe), Path("model.keras"))
        model = keras.saving.load_model("model.keras", compile=False)
        compare(folder, model, rounds)


def compare(folder: Path, model: keras.Model, rounds: int) -> None:
    paths = sorted(str(path) for path in folder.iterdir())

    def bare(batch: int) -> None:
        files = tf.data.Dataset.from_tensor_slices(paths)
        images = files.map(
            lambda path: tf.io.decode_png(tf.io.read_file(path), channels=1),
            num_parallel_calls=os.cpu_count(),
        )
        model.predict(images.batch(batch).prefetch(tf.data.AUTOTUNE), verbose=0)

    def command(*files: str) -> None:
        arguments = ["predict", "model.keras", *files, "--out", "answers.csv"]
        with contextlib.redirect_stdout(io.StringIO()):
            cli(arguments, standalone_mode=False)

    for batch in BATCHES:
        bare(batch)
    command(paths[0])
    seconds: dict[str, list[float]] = {"command": [], "start-up": [], "bare": []}
    for _ in range(rounds):
        seconds["bare"].append(min(taken(partial(bare, batch)) for batch in BATCHES))
        seconds["start-up"].append(taken(lambda: command(paths[0])))
        seconds["command"].append(taken(lambda: command(str(folder))))
    assert len(Path("answers.csv").read_text().splitlines()) == 3 * len(paths) + 1
    whole, start, alone = (statistics.median(seconds[name]) for name in seconds)
    print(f"{len(paths):,} files, medians of {rounds} rounds")
    print(f"bare decode and forward   {alone:.2f} s, {len(paths) / alone:,.0f} images/s")
    net = whole - start
    print(f"predict, without start-up {net:.2f} s, {len(paths) / net:,.0f} images/s")
    print(f"start-up                  {start:.2f} s")
    print(f"ratio                     {net / alone:.2f} (at most 1.3 is wanted)")


def taken(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
