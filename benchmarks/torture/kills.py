"""Runs and sweeps that are killed at random moments and taken up again; many writers at once."""

from __future__ import annotations

import io
import random
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

from benchmarks.torture.command_line import Finished, Place, Started
from benchmarks.torture.count import Count
from benchmarks.torture.store import runs_of

AT_ONCE = 2
EPOCHS, TRIALS, WRITERS = 25, 3, 8
TRAIN = (
    "train", "mlp", "digits", "--deterministic", "--epochs", EPOCHS, "--name", "killed",
    "--set", "training.early_stopping=null", "--set", "model.hidden=[32]",
)  # fmt: skip
SWEEP = (
    "sweep", "mlp", "digits", "--deterministic", "--tuner", "random", "--trials", TRIALS,
    "--max-epochs", 2, "--seed", 1, "--name", "killed", "--set", "model.hidden=[32]",
)  # fmt: skip


def weights(model: Path) -> dict[str, np.ndarray]:
    """Returns every number that a model file holds, by its name."""
    found: dict[str, np.ndarray] = {}

    def look(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with (
        zipfile.ZipFile(model) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        file.visititems(look)
    return found


def model_of(place: Place) -> Path:
    """Returns the one model file of a place."""
    (found,) = place.work.glob("mlruns/artifacts/models/*/artifacts/model.keras")
    return found


def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Whether two files hold the same weights, bit by bit."""
    return bool(one) and {key: value.tobytes() for key, value in one.items()} == {
        key: value.tobytes() for key, value in other.items()
    }


def _killed_at(place: Place, line: tuple[object, ...], share: float, whole: float) -> Finished:
    """Starts a command, and kills it in the time between its first line and its end."""
    started = place.start(*line)
    started.wait_until(lambda: bool(started.out))
    moment = time.perf_counter() + share * whole
    started.wait_until(lambda: time.perf_counter() > moment)
    return _ended(started)


def _ended(started: Started) -> Finished:
    started.kill()
    return started.finished()


def _whole(place: Place, line: tuple[object, ...]) -> tuple[Finished, float]:
    """Runs a command without a kill; returns it and the seconds after its first line."""
    started = place.start(*line)
    started.wait_until(lambda: bool(started.out))
    began = time.perf_counter()
    return started.finished(), time.perf_counter() - began


def trains(folder: Path, number: int, chance: random.Random) -> Count:
    """Kills runs, each once, and has each go on."""
    count = Count("`train --deterministic`, killed, then `--resume`", "kills")
    untouched = Place(folder / "whole")
    done, whole = _whole(untouched, TRAIN)
    count.saw(done)
    wanted = weights(model_of(untouched))
    shares = [chance.uniform(0, 0.9) for _ in range(number)]
    outcomes: list[str] = []

    def attempt(index: int) -> tuple[str, list[str]]:
        place = Place(folder / str(index))
        killed = _killed_at(place, TRAIN, shares[index], whole)
        count.saw(killed)
        faults = [f"{killed.children_left} processes left"] if killed.children_left else []
        run = next(iter(runs_of(place)), None)
        if run is None:
            outcomes.append("before the run was opened")
            done = place.run(*TRAIN)
        elif run.status == "FINISHED":
            outcomes.append("after the run was finished")
            done = place.run("runs")
        else:
            saved = any(place.work.glob("mlruns/checkpoints/*/checkpoint*"))
            outcomes.append("after a checkpoint" if saved else "before the first checkpoint")
            done = place.run("train", "--resume", "killed")
        count.saw(done)
        faults += done.faults((0,))
        statuses = [run.status for run in runs_of(place)]
        if statuses != ["FINISHED"]:
            faults.append(f"runs that are {statuses}")
        elif not equal(weights(model_of(place)), wanted):
            faults.append("other weights")
        if left := [*place.left_over(), *_of_runs(place)]:
            faults.append(f"left behind: {left}")
        return f"kill {index} ({outcomes[-1]}, at {shares[index]:.0%})", faults

    _count_all(count, attempt, number)
    kinds = sorted(set(outcomes))
    parts = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in kinds)
    count.notes.append(f"Of the kills of runs, {parts}.")
    return count.done()


def _count_all(count: Count, attempt: Callable[[int], tuple[str, list[str]]], number: int) -> None:
    """Makes attempts, some at a time, and counts each: which it was, and what did not hold."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for which, faults in pool.map(attempt, range(number)):
            count.add(which, faults)


def _of_runs(place: Place) -> list[str]:
    """Returns the checkpoints that finished runs have left, and files that are half written."""
    left = [*place.work.glob("mlruns/checkpoints/*/*"), *place.work.rglob(".*.partial*")]
    return [path.name for path in left if "lock" not in path.name]


def sweeps(folder: Path, number: int, chance: random.Random) -> Count:
    """Kills sweeps, each once, and has each go on."""
    count = Count("`sweep --deterministic`, killed, then `--resume`", "kills")
    untouched = Place(folder / "whole")
    done, whole = _whole(untouched, SWEEP)
    count.saw(done)
    wanted = _scores(untouched)
    shares = [chance.uniform(0, 0.95) for _ in range(number)]
    finished_before: list[int] = []
    lost: list[int] = []
    unequal: list[int] = []

    def attempt(index: int) -> tuple[str, list[str]]:
        place = Place(folder / str(index))
        killed = _killed_at(place, SWEEP, shares[index], whole)
        faults = [f"{killed.children_left} processes left"] if killed.children_left else []
        before = {run.id for run in runs_of(place, "trial") if run.status == "FINISHED"}
        opened = bool(runs_of(place, "sweep"))
        listed = place.run("sweeps")
        done = place.run("sweep", "--resume", "killed") if opened else place.run(*SWEEP)
        count.saw(killed, listed, done)
        faults += listed.faults((0,)) + done.faults((0,))
        after = {run.id for run in runs_of(place, "trial") if run.status == "FINISHED"}
        finished_before.append(len(before))
        lost.append(len(before - after))
        statuses = [run.status for run in runs_of(place, "sweep")]
        if lost[-1]:
            faults.append(f"{lost[-1]} trials lost")
        if statuses != ["FINISHED"]:
            faults.append(f"sweeps that are {statuses}")
        if len(after) != TRIALS:
            faults.append(f"{len(after)} finished trials of {TRIALS}")
        elif _scores(place) != wanted:
            unequal.append(index)
        if left := [*place.left_over(), *_of_runs(place)]:
            faults.append(f"left behind: {left}")
        return f"kill {index} (at {shares[index]:.0%})", faults

    _count_all(count, attempt, number)
    count.notes.append(
        f"At the kills of sweeps {sum(finished_before)} trials had finished, of which {sum(lost)} "
        f"were lost; {number - len(unequal)} of {number} sweeps ended with the trials, and their "
        "scores, of one that was never killed."
    )
    return count.done()


def _scores(place: Place) -> list[tuple[str, float]]:
    """Returns the number of each finished trial of a place, and its validation loss."""
    return sorted(
        (run.params["trial"], run.metrics["validation_loss"])
        for run in runs_of(place, "trial")
        if run.status == "FINISHED"
    )


def writers(folder: Path) -> Count:
    """Has many processes begin one store and write to it."""
    count = Count("Processes that write to one fresh store at once", "writers")
    place = Place(folder)
    started = [
        place.start("train", "linear", "digits", "--epochs", 3, "--seed", index, "--name",
                    f"writer-{index}")
        for index in range(WRITERS)
    ]  # fmt: skip
    done = [one.finished() for one in started]
    count.saw(*done)
    found = {run.name: run for run in runs_of(place)}
    for index, one in enumerate(done):
        faults = one.faults((0,))
        run = found.get(f"writer-{index}")
        if run is None or run.status != "FINISHED" or run.params["training.seed"] != str(index):
            faults.append("its run is not there, or not as it was")
        elif [len(run.history[name]) for name in ("loss", "val_loss")] != [3, 3]:
            faults.append(f"its history is not whole: {run.history}")
        elif not weights(run.artifact("model.keras")):
            faults.append("it has no model")
        count.add(f"writer {index}", faults)
    if left := [*place.left_over(), *_of_runs(place)]:
        count.add("afterwards", [f"left behind: {left}"])
    return count.done()
