"""Which precision a network trains faster in here: some steps in each, before the first epoch.

Nothing that is known of a processor tells. In mixed bfloat16 the same network takes from two fifths
less time than in float32 to many times more, by the instructions that the processor has, what
TensorFlow makes of them, and the sizes of the maps.
"""

from __future__ import annotations

import gc
import hashlib
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import psutil

from kerascnn.arithmetic import Analysis
from kerascnn.backend import keras, tf
from kerascnn.cache import recall, remember
from kerascnn.data.dataset import ImageData
from kerascnn.hardware import machine, processors
from kerascnn.kernels.table import quicken
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe
from kerascnn.training import batch_size
from kerascnn.training.budget import planned_steps
from kerascnn.training.compilation import (
    build_schedule,
    compile_model,
    steps_per_epoch,
    with_targets,
)
from kerascnn.training.determinism import ops_are_deterministic
from kerascnn.training.device import Device
from kerascnn.training.executions import several_steps
from kerascnn.training.initialization import freeze
from kerascnn.training.precision import Precision, choose_precision
from kerascnn.version import __version__

T = TypeVar("T")

MARGIN = 1.1  # times as fast as float32: less is not worth leaving it
SHARE = 0.05  # of what a run is expected to take, that measuring may take
HOPELESS = 3  # times as slow as float32: then two images have shown enough
_KIND = "speeds"  # among what the cache keeps
_HALF = "mixed_bfloat16"
_TURNS = 5
_FEW_TURNS, _LONG_STEP = 3, 2.0  # where a step takes so many seconds
_TURN = 0.3  # seconds, where a step is shorter
_MOST_STEPS = 256  # of a turn
_FEW_IMAGES = 2  # tried first: where TensorFlow has no quick kernels, a batch takes minutes
_TRIES = 3  # with those

# What measuring takes beside its steps: two networks are built, traced and compiled.
_START_SECONDS, _LAYER_SECONDS = 2.0, 0.15
# Multiply-adds of a training step, a second and thread: between the 8 billion of a processor with
# AVX2 and the 37 billion of one with AVX-512 (CIFAR ResNet-20).
_MACS = 2e10


@dataclass(frozen=True)
class Finding:
    """What was measured.

    Attributes:
        turns: The seconds of a training step in float32, and right after in mixed bfloat16; none
            where the network does not compute in it.
    """

    turns: tuple[tuple[float, float], ...]

    @property
    def ratio(self) -> float:
        """How many times as fast as float32 mixed bfloat16 is; 0 where there is no turn.

        What else the machine does changes from turn to turn, but slows both of a turn alike: it is
        the median of the turns' ratios.
        """
        return statistics.median(self._ratios or [0.0])

    @property
    def steady(self) -> bool:
        """Whether every turn says the same: to take it, or to leave it."""
        return len({ratio >= MARGIN for ratio in self._ratios}) <= 1

    @property
    def _ratios(self) -> list[float]:
        return [full / half for full, half in self.turns]


def precision_of(ratio: float, measured: str = "") -> Precision:
    """Returns what to train in, and why.

    Args:
        ratio: Of a finding.
        measured: When, in words; just now if empty.
    """
    if not ratio:
        return Precision("float32", f"the network does not compute in mixed bfloat16{measured}")
    times = f"{ratio:.2f} times float32 here{measured}"
    if ratio >= MARGIN:
        return Precision(_HALF, times)
    return Precision("float32", f"mixed bfloat16: {times}")


def choose_by_measuring(
    recipe: Recipe,
    data: ImageData,
    analysis: Analysis,
    device: Device,
    report: Callable[[str], None],
) -> tuple[Precision, bool]:
    """Returns what a network is to compute with: where that pays, what is measured to be faster.

    And whether something was measured for it now: a network that was built before is then built
    anew, since the generators of random numbers have moved.

    It pays where measuring takes no more than a twentieth (SHARE) of what the run is expected to
    take: its steps, at 20 billion multiply-adds a second and thread, or its time limit where that
    is less. Measuring is expected to take 2 seconds, 0.15 for each layer, and its steps. What was
    found is remembered for the network, its optimizer, frozen layers and batch size, this machine,
    its threads and the versions of TensorFlow, Keras and this package, if all turns agreed; who
    trains such a network again measures nothing, however short the run.

    Nothing is measured where the recipe says what to take, on GPUs, in deterministic runs, which
    must not depend on a clock, and where memory may not hold two of the networks; what
    `choose_precision` says holds.

    Args:
        recipe: As given.
        data: Its sizes and classes are read, no image.
        analysis: The analysis of it.
        device: From `choose_device`.
        report: Called with a line before something is measured.
    """
    spec = recipe.training
    by_rule = choose_precision(spec, analysis, device)
    if (
        spec.precision != "auto"
        or device.is_gpu
        or spec.deterministic
        or ops_are_deterministic()
        or keras.backend.backend() != "tensorflow"
    ):
        return by_rule, False
    if spec.batch_size == "auto":
        size, _ = batch_size.from_free_memory(analysis, data.splits["train"].size)
        recipe = recipe.with_training(batch_size=size)
    name = _name(recipe, data, analysis)
    known = recall(_KIND, name)
    if known is not None:
        ratio, day = known
        return precision_of(ratio, f", as measured on {day}"), False
    cost = measuring_seconds(recipe, analysis)
    if cost > SHARE * expected_seconds(recipe, data, analysis):
        why = "the run is too short to measure mixed bfloat16"
        return _unmeasured(by_rule, device, why), False
    if 2 * analysis.training_bytes(recipe.training.images_per_step) > _free_memory() // 2:
        why = "too little memory is free to measure mixed bfloat16"
        return _unmeasured(by_rule, device, why), False
    report(f"measuring whether mixed bfloat16 is faster here than float32: some {cost:.0f} s, once")
    try:
        finding = measure(recipe, data, device)
    except tf.errors.ResourceExhaustedError:
        return by_rule, True
    if finding.steady:
        remember(_KIND, name, [round(finding.ratio, 4), time.strftime("%Y-%m-%d")])
    return precision_of(finding.ratio), True


def _unmeasured(by_rule: Precision, device: Device, reason: str) -> Precision:
    return by_rule if device.bfloat16_units else Precision("float32", reason)


def _free_memory() -> int:
    return int(psutil.virtual_memory().available)


def _name(recipe: Recipe, data: ImageData, analysis: Analysis) -> str:
    """Returns what names all that a finding depends on."""
    spec = recipe.training
    parts = (
        recipe.model.model_dump_json(),
        data.image_shape,
        len(data.classes),
        [(row.kind, row.window, row.output_shape, row.macs) for row in analysis.rows],
        recipe.optimizer.name,
        spec.freeze,
        spec.images_per_step,
        spec.threads,
        machine(),
        (tf.version.VERSION, keras.version(), __version__),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _step_seconds(recipe: Recipe, analysis: Analysis) -> float:
    spec = recipe.training
    step = 3 * analysis.macs * spec.images_per_step  # forward, and twice that backward
    return step / (_MACS * (spec.threads or processors()))


def expected_seconds(recipe: Recipe, data: ImageData, analysis: Analysis) -> float:
    """Returns what a run's training may take, by the arithmetic of its network.

    Args:
        recipe: Its batch size is a number.
        data: Its number of training images is read.
        analysis: The analysis of the network.
    """
    spec = recipe.training
    if spec.epochs is None and spec.steps is None:
        assert spec.time_limit is not None
        return spec.time_limit
    steps = planned_steps(spec, steps_per_epoch(data, spec))
    return min(steps * _step_seconds(recipe, analysis), spec.time_limit or float("inf"))


def measuring_seconds(recipe: Recipe, analysis: Analysis) -> float:
    """Returns what measuring may take.

    Args:
        recipe: Its batch size is a number.
        analysis: The analysis of the network.
    """
    step = _step_seconds(recipe, analysis)
    turns = _FEW_TURNS if step > _LONG_STEP else _TURNS
    steps = 2 * (2 * step + turns * max(step, _TURN))
    return _START_SECONDS + _LAYER_SECONDS * len(analysis.rows) + steps


def measure(
    recipe: Recipe, data: ImageData, device: Device, *, hopeless: float = HOPELESS
) -> Finding:
    """Trains two new networks in turn, in float32 and in mixed bfloat16, on images of noise.

    In a thread of its own, where Keras has names, precision and random generators of its own: of
    the networks of this thread, and the names of those to come, nothing changes. The seeds of
    Python, NumPy and TensorFlow are what a run sets anew before it builds its network.

    A turn takes a third of a second, or a step where that is longer.

    Args:
        recipe: Its batch size is a number.
        data: Its sizes and classes are read, no image.
        device: What to train on.
        hopeless: If mixed bfloat16 takes more than so many times as long for two images, that is
            all.
    """

    def run(asked: threading.Event) -> Finding:
        with device.scope():
            return Finding(tuple(_turns(recipe, data, device, asked, hopeless)))

    try:
        return _apart(run)
    finally:
        gc.collect()  # the networks refer to themselves, and are large


def _apart(work: Callable[[threading.Event], T]) -> T:
    """Runs a function in a thread of its own, and tells it by an event when it should end."""
    asked = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(work, asked)
        try:
            return running.result()
        except KeyboardInterrupt:
            asked.set()
            raise


def _turns(
    recipe: Recipe, data: ImageData, device: Device, asked: threading.Event, hopeless: float
) -> list[tuple[float, float]]:
    full = _Candidate("float32", recipe, data, device, asked)
    full.seconds()
    try:
        half = _Candidate(_HALF, recipe, data, device, asked)
        half.seconds()
    except (tf.errors.ResourceExhaustedError, _EndedError):
        raise
    except Exception:  # a network of one's own may well have a layer that is of float32
        return []
    tries = [(full.seconds(), half.seconds()) for _ in range(_TRIES)]
    least = (min(a for a, _ in tries), min(b for _, b in tries))
    if least[1] > hopeless * least[0]:
        return [least]
    for _ in range(2):  # kernels for whole batches are made in the first
        step = max(full.seconds(), half.seconds())
    count = max(1, min(_MOST_STEPS, round(_TURN / step)))
    turns = _FEW_TURNS if step > _LONG_STEP else _TURNS
    return [(full.seconds(count), half.seconds(count)) for _ in range(turns)]


class _EndedError(Exception):
    """The user has asked for the end."""


class _Candidate:
    """A network that is trained to be timed: 1 and _TRIES steps on few images, then on batches.

    As a run's is: its fast layers, optimizer, loss, metrics, and several steps in a call.
    """

    def __init__(
        self,
        policy: str,
        recipe: Recipe,
        data: ImageData,
        device: Device,
        asked: threading.Event,
    ):
        with Precision(policy, "").scope():
            model = build_model(
                recipe.model, input_shape=data.image_shape, classes=len(data.classes)
            )
        quicken(model, device.name)
        freeze(model, recipe.training.freeze)
        compile_model(model, recipe, build_schedule(data, recipe), data.classes)
        self._batches = iter(_noise(model, data, recipe))
        self._train = several_steps(model)
        self._asked = asked

    def seconds(self, steps: int = 1) -> float:
        """Takes some steps, and returns the seconds that one takes."""
        if self._asked.is_set():
            raise _EndedError
        started = time.perf_counter()
        done, logs = self._train(self._batches, tf.constant(steps))
        float(logs["loss"])
        return (time.perf_counter() - started) / max(int(done), 1)


def _noise(model: keras.Model, data: ImageData, recipe: Recipe) -> tf.data.Dataset:
    """Returns batches as those of the run, of the same images again and again."""
    spec = recipe.training
    size, classes = spec.images_per_step, len(data.classes)
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (size, *data.image_shape), dtype=np.uint8)
    labels: np.ndarray = draws.integers(0, classes, size, dtype=np.int32)
    if data.several_labels:
        labels = np.eye(classes, dtype=np.float32)[labels]
    part = min(size, _FEW_IMAGES)
    batches = (
        tf.data.Dataset.from_tensors((images[:part], labels[:part]))
        .repeat(1 + _TRIES)
        .concatenate(tf.data.Dataset.from_tensors((images, labels)).repeat())
    )
    return with_targets(batches, model, recipe, smoothing=spec.label_smoothing)
