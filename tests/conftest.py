"""Fixtures and markers that every test shares."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import pytest

DATA_VARIABLE = "KERASCNN_TEST_DATA"


# Where SIGINT is ignored (nohup, a background job, many a CI), children would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow or ci")
    parser.addoption("--ci", action="store_true", help="also run the tests marked ci")


def pytest_configure(config: pytest.Config) -> None:
    """Few examples of a property, always the same; with --slow many, and others each time."""
    slow = config.getoption("--slow")
    # Working directories are looked at for what is left in them.
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(config.rootpath / ".pytest_cache/hypothesis")
    hypothesis.settings.register_profile(
        "kerascnn",
        max_examples=1000 if slow else 40,
        derandomize=not slow,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[
            hypothesis.HealthCheck.function_scoped_fixture,
            hypothesis.HealthCheck.too_slow,
        ],
    )
    hypothesis.settings.load_profile("kerascnn")


def _missing_data() -> str | None:
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        return f"{DATA_VARIABLE} is not set (a folder that holds tfds/ and photos/)"
    missing = [name for name in ("tfds", "photos") if not (Path(folder) / name).is_dir()]
    return f"{DATA_VARIABLE}={folder} has no {' nor '.join(missing)}" if missing else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reason, slow = _missing_data(), config.getoption("--slow")
    for item in items:
        if reason and item.get_closest_marker("realdata"):
            item.add_marker(pytest.mark.skip(reason=reason))
        if item.get_closest_marker("slow") and not slow:
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))
        if item.get_closest_marker("ci") and not (slow or config.getoption("--ci")):
            item.add_marker(pytest.mark.skip(reason="dear; run with --ci, as .ci/run does"))


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is remembered of image files stays out of the user's cache."""
    os.environ["KERASCNN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def test_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data sets, with TFDS pointed at it; for tests marked realdata."""
    folder = Path(os.environ[DATA_VARIABLE]).resolve()
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder / "tfds"))
    return folder


@pytest.fixture
def work_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Makes a folder the working directory, and its tracking store the one that is used."""

    def work_in(place: Path) -> Path:
        monkeypatch.chdir(place)
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        # First set: what a command of the test leaves is taken back with it.
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "")
        monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
        return place

    return work_in


@pytest.fixture
def workplace(tmp_path: Path, work_in: Callable[[Path], Path]) -> Path:
    """An empty working directory with a tracking store of its own."""
    return work_in(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder on a disk of its own, of 1 MiB, or of what the test is parametrized with."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={getattr(request, 'param', '1m')}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs rights that this user lacks")
    before = Path.cwd()
    try:
        yield folder
    finally:
        os.chdir(before)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a database may be open


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit code and its two outputs."""

    code: int
    out: str
    err: str


@pytest.fixture
def kerascnn(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Finished]:
    """Runs a command line in this process, as the installed script would."""
    from kerascnn_pipelines.cli import main

    def run(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["kerascnn", *map(str, arguments)])
        capfd.readouterr()
        names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers = {number: signal.getsignal(number) for number in names}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        code = ended.value.code
        return Finished(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture(scope="session")
def trained_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory that holds two finished runs, "first" and "second", on the digits.

    All tests of a process share it, so they only read: one that trains takes `workplace`.
    """
    from kerascnn.experiment import train
    from kerascnn.recipe import load_recipe

    place = tmp_path_factory.mktemp("trained")
    with contextlib.chdir(place):
        for name, epochs in (("first", 3), ("second", 2)):
            recipe = load_recipe("digits-quick", [f"training.epochs={epochs}"])
            train(recipe, name=name, report=lambda line: None)
    return place


@pytest.fixture
def trained(trained_place: Path, work_in: Callable[[Path], Path]) -> Iterator[Path]:
    """Makes `trained_place` the working directory, and holds the test to leaving its runs."""
    from kerascnn import tracking

    yield work_in(trained_place)
    os.chdir(trained_place)
    assert {run.name for run in tracking.list_runs()} == {"first", "second"}


@pytest.fixture(scope="session")
def sets_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory that holds the run "pairs", of images with several labels each.

    All tests of a process share it, so they only read: one that trains takes `workplace`.
    """
    from kerascnn.experiment import train
    from tests.composites import write_pairs

    place = tmp_path_factory.mktemp("sets")
    with contextlib.chdir(place):
        write_pairs(place / "pairs", 800)
        train(
            "mlp", "csv:pairs/table.csv", labels="several", epochs=12, batch_size=32,
            learning_rate=3e-3, name="pairs", report=lambda line: None,
        )  # fmt: skip
    return place


@pytest.fixture
def sets(sets_place: Path, work_in: Callable[[Path], Path]) -> Path:
    """Makes `sets_place` the working directory."""
    return work_in(sets_place)


@pytest.fixture(scope="session")
def sweep_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory that holds the sweep "wide"; see `tests.tuning.stored`."""
    from tests.tuning.stored import store_sweep

    place = tmp_path_factory.mktemp("sweep")
    with contextlib.chdir(place):
        store_sweep()
    return place


@pytest.fixture
def wide(sweep_place: Path, work_in: Callable[[Path], Path]) -> Path:
    """Makes `sweep_place` the working directory."""
    return work_in(sweep_place)


@pytest.fixture
def noise_images() -> Callable[..., np.ndarray]:
    """A function that makes random uint8 images of a shape (B, H, W, C)."""

    def make(*shape: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    return make
