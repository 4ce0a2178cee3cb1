"""How a network trains fastest here: some steps in each way, before the first epoch.

Nothing that is known of a processor tells. In mixed bfloat16 the same network takes from two fifths
less time than in float32 to many times more, by the instructions that the processor has, what
TensorFlow makes of them, and the sizes of the maps. So it is with gradients as matrix products.
"""

from __future__ import annotations

import gc
import hashlib
import statistics
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import psutil

from kerascnn.arithmetic import Analysis
from kerascnn.backend import keras, tf
from kerascnn.cache import recall, remember
from kerascnn.data.dataset import ImageData
from kerascnn.data.untuned import untuned
from kerascnn.hardware import machine, processors
from kerascnn.kernels.product_gradient import is_wide
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
from kerascnn.training.computation import FLOAT32, Computation, choose_by_rule
from kerascnn.training.determinism import ops_are_deterministic
from kerascnn.training.device import Device
from kerascnn.training.executions import several_steps
from kerascnn.training.initialization import freeze
from kerascnn.version import __version__

T = TypeVar("T")

HALF = Computation("mixed_bfloat16")
PRODUCTS = Computation("float32", products=True)

MARGIN = 1.1  # times as fast as plain float32: less is not worth leaving it
SHARE = 0.05  # of what a run is expected to take, that measuring may take
HOPELESS = 3  # times as slow as float32: then two images have shown enough
_KIND = "speeds"  # among what the cache keeps
_TURNS = 5
_FEW_TURNS, _LONG_STEP = 3, 2.0  # where a step takes so many seconds
_TURN = 0.3  # seconds, where a step is shorter
_MOST_STEPS = 256  # of a turn
_FEW_IMAGES = 2  # tried first: where TensorFlow has no quick kernels, a batch takes minutes
_TRIES = 3  # with those

# What measuring takes beside its steps, for each network, which is built, traced and compiled.
_START_SECONDS, _LAYER_SECONDS = 1.0, 0.075
# Multiply-adds of a training step, a second and thread: between the 8 billion of a processor with
# AVX2 and the 37 billion of one with AVX-512 (CIFAR ResNet-20).
_MACS = 2e10


@dataclass(frozen=True)
class Finding:
    """What was measured.

    Attributes:
        turns: For each way the seconds of a training step in plain float32, and right after in that
            way; none where the network does not compute so.
    """

    turns: Mapping[Computation, tuple[tuple[float, float], ...]]

    @property
    def ratios(self) -> dict[Computation, float]:
        """How many times as fast as plain float32 each way is; 0 where there is no turn.

        What else the machine does changes from turn to turn, but slows all of a turn alike: it is
        the median of the turns' ratios.
        """
        return {
            way: statistics.median(_ratios(turns) or [0.0]) for way, turns in self.turns.items()
        }

    @property
    def steady(self) -> bool:
        """Whether every turn says the same of every way: to take it, or to leave it."""
        return all(
            len({ratio >= MARGIN for ratio in _ratios(turns)}) <= 1 for turns in self.turns.values()
        )


def _ratios(turns: Collection[tuple[float, float]]) -> list[float]:
    return [plain / other for plain, other in turns]


def computation_of(ratios: Mapping[Computation, float], measured: str = "") -> Computation:
    """Returns how to train, and why: the fastest way, if it is clearly faster than plain float32.

    Args:
        ratios: Of a finding; one at least.
        measured: When, in words; just now if empty.
    """
    best = max(ratios, key=ratios.__getitem__)
    if ratios[best] >= MARGIN:
        return replace(best, reason=f"{ratios[best]:.2f} times float32 here{measured}")
    told = [
        f"{way.way.removeprefix('float32, ')}: {ratio:.2f}"
        for way, ratio in ratios.items()
        if ratio
    ]
    if told:
        return Computation("float32", f"{', '.join(told)} times float32 here{measured}")
    return Computation("float32", f"the network does not compute in mixed bfloat16{measured}")


def ways_of(model: keras.Model) -> tuple[Computation, ...]:
    """Returns the ways, beside plain float32, that a network may train faster in.

    Args:
        model: It need not have weights.
    """
    return (HALF, PRODUCTS) if any(map(is_wide, model.layers)) else (HALF,)


def choose_by_measuring(
    recipe: Recipe,
    data: ImageData,
    model: keras.Model,
    analysis: Analysis,
    device: Device,
    report: Callable[[str], None],
) -> tuple[Computation, bool]:
    """Returns how a network is to be computed: where that pays, what is measured to be fastest.

    And whether something was measured for it now: a network that was built before is then built
    anew, since the generators of random numbers have moved.

    It pays where measuring takes no more than a twentieth (SHARE) of what the run is expected to
    take: its steps, at 20 billion multiply-adds a second and thread, or its time limit where that
    is less. Measuring is expected to take 1 second and 0.075 for each layer, in each way, and its
    steps. What was found is remembered for the network, its optimizer, frozen layers and batch
    size, this machine, its threads and the versions of TensorFlow, Keras and this package, if all
    turns agreed; who trains such a network again measures nothing, however short the run.

    Nothing is measured where the recipe says what to take, on GPUs, in deterministic runs, which
    must not depend on a clock, and where memory may not hold all the networks; what
    `choose_by_rule` says holds.

    Args:
        recipe: As given.
        data: Its sizes and classes are read, no image.
        model: The network in float32; only looked at.
        analysis: The analysis of it.
        device: From `choose_device`.
        report: Called with a line before something is measured.
    """
    spec = recipe.training
    by_rule = choose_by_rule(spec, analysis, device)
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
    ways = ways_of(model)
    name = _name(recipe, data, analysis, ways)
    known = recall(_KIND, name)
    if known is not None:
        ratios, day = known
        found = dict(zip(ways, ratios, strict=True))
        return computation_of(found, f", as measured on {day}"), False
    cost = measuring_seconds(recipe, analysis, len(ways))
    if cost > SHARE * expected_seconds(recipe, data, analysis):
        why = "the run is too short to measure what is faster"
        return _unmeasured(by_rule, device, why), False
    needed = (1 + len(ways)) * analysis.training_bytes(recipe.training.images_per_step)
    if needed > _free_memory() // 2:
        why = "too little memory is free to measure what is faster"
        return _unmeasured(by_rule, device, why), False
    others = " and ".join(way.way for way in ways)
    report(f"measuring whether {others} is faster here than float32: some {cost:.0f} s, once")
    try:
        finding = measure(recipe, data, device, ways)
    except tf.errors.ResourceExhaustedError:
        return by_rule, True
    ratios = finding.ratios
    if finding.steady:
        rounded = [round(ratio, 4) for ratio in ratios.values()]
        remember(_KIND, name, [rounded, time.strftime("%Y-%m-%d")])
    return computation_of(ratios), True


def _unmeasured(by_rule: Computation, device: Device, reason: str) -> Computation:
    return by_rule if device.bfloat16_units else Computation("float32", reason)


def _free_memory() -> int:
    return int(psutil.virtual_memory().available)


def _name(
    recipe: Recipe, data: ImageData, analysis: Analysis, ways: Collection[Computation]
) -> str:
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
        [way.way for way in ways],
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


def measuring_seconds(recipe: Recipe, analysis: Analysis, ways: int) -> float:
    """Returns what measuring may take.

    Args:
        recipe: Its batch size is a number.
        analysis: The analysis of the network.
        ways: How many there are beside plain float32.
    """
    step = _step_seconds(recipe, analysis)
    turns = _FEW_TURNS if step > _LONG_STEP else _TURNS
    start = _START_SECONDS + _LAYER_SECONDS * len(analysis.rows)
    return (1 + ways) * (start + 2 * step + turns * max(step, _TURN))


def measure(
    recipe: Recipe,
    data: ImageData,
    device: Device,
    ways: Collection[Computation],
    *,
    hopeless: float = HOPELESS,
) -> Finding:
    """Trains new networks in turn, in plain float32 and in other ways, on images of noise.

    In a thread of its own, where Keras has names, precision and random generators of its own: of
    the networks of this thread, and the names of those to come, nothing changes. The seeds of
    Python, NumPy and TensorFlow are what a run sets anew before it builds its network.

    A turn takes a third of a second, or a step where that is longer.

    Args:
        recipe: Its batch size is a number.
        data: Its sizes and classes are read, no image.
        device: What to train on.
        ways: Beside plain float32.
        hopeless: A way that takes more than so many times as long for two images is tried no more.
    """

    def run(asked: threading.Event) -> Finding:
        with device.scope():
            return Finding(_turns(recipe, data, device, ways, asked, hopeless))

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
    recipe: Recipe,
    data: ImageData,
    device: Device,
    ways: Collection[Computation],
    asked: threading.Event,
    hopeless: float,
) -> dict[Computation, tuple[tuple[float, float], ...]]:
    plain = _Candidate(FLOAT32, recipe, data, device, asked)
    plain.seconds()
    others: dict[Computation, _Candidate] = {}
    for way in ways:
        try:
            other = _Candidate(way, recipe, data, device, asked)
            other.seconds()
        except (tf.errors.ResourceExhaustedError, _EndedError):
            raise
        except Exception:  # a network of one's own may well have a layer that is of float32
            continue
        others[way] = other

    def take(rounds: int, count: int) -> dict[Computation, list[tuple[float, float]]]:
        taken: dict[Computation, list[tuple[float, float]]] = {way: [] for way in others}
        for _ in range(rounds):
            seconds = plain.seconds(count)
            for way, other in others.items():
                taken[way].append((seconds, other.seconds(count)))
        return taken

    found: dict[Computation, tuple[tuple[float, float], ...]] = dict.fromkeys(ways, ())
    for way, tries in take(_TRIES, 1).items():
        least = (min(a for a, _ in tries), min(b for _, b in tries))
        found[way] = (least,)
        if least[1] > hopeless * least[0]:
            del others[way]
    if not others:
        return found
    for _ in range(2):  # kernels for whole batches are made in the first
        step = max(candidate.seconds() for candidate in (plain, *others.values()))
    count = max(1, min(_MOST_STEPS, round(_TURN / step)))
    rounds = _FEW_TURNS if step > _LONG_STEP else _TURNS
    return found | {way: tuple(turns) for way, turns in take(rounds, count).items()}


class _EndedError(Exception):
    """The user has asked for the end."""


class _Candidate:
    """A network that is trained to be timed: some steps on few images, then on batches.

    As a run's is: its fast layers, optimizer, loss, metrics, and several steps in a call.
    """

    def __init__(
        self,
        way: Computation,
        recipe: Recipe,
        data: ImageData,
        device: Device,
        asked: threading.Event,
    ):
        with way.scope():
            model = build_model(
                recipe.model, input_shape=data.image_shape, classes=len(data.classes)
            )
        quicken(model, device.name, products=way.products)
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
    return with_targets(untuned(batches), model, recipe, smoothing=spec.label_smoothing)
