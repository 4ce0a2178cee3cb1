"""The commands of sweeps: what they refuse before anything heavy is imported."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "sweep needs MODEL and DATASET ('kerascnn sweep convnet mnist'), --recipe NAME"),
        (("convnet",), "sweep needs MODEL and DATASET, or --recipe NAME"),
        (("convnet", "digits", "--recipe", "digits-quick"), "or --recipe NAME, not both"),
        (("convnet", "digits", "--tuner", "grit"), "tuner: got 'grit'"),
        (("convnet", "digits", "--objective", "val_f1"), "no trial logs it"),
        (("convnet", "digits", "--trials", "0"), "trials: got 0"),
        (("convnet", "digits", "--space", "nowhere.yaml"), "space nowhere.yaml: No such file"),
        (("convnet", "digits", "--space", "upside.yaml"), "upside.yaml"),
        (("convnet", "digits", "--space", "unknown.yaml"), "did you mean model.filters"),
        (("--resume", "latest"), "no sweep 'latest'"),
    ],
)
def test_mistakes_are_one_line(workplace: Path, kerascnn, arguments, message: str) -> None:
    Path("upside.yaml").write_text("model.filters: {int: [64, 8]}\n")
    Path("unknown.yaml").write_text("model.filter: {int: [8, 64]}\n")
    for command in ("sweep", "sweep-chief"):
        finished = kerascnn(command, *arguments)
        assert finished.code == 2
        assert finished.err.count("\n") == 1
        assert message in finished.err


def test_worker_names_a_chief(kerascnn) -> None:
    finished = kerascnn("sweep-worker", "--chief", "somewhere")
    assert finished.code == 2
    assert "must be HOST:PORT" in finished.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--listen", "nowhere.invalid:1"), "cannot listen at nowhere.invalid:1: give HOST:PORT"),
        (("--listen", "TAKEN"), "whose port is free"),
        (("--secret-file", "none"), "--secret-file none: there is no such file"),
        (("--tls-cert", "none", "--tls-key", "none"), "--tls-cert none: there is no such file"),
        (("--tls-key", "none"), "--tls-cert FILE and --tls-key FILE go together"),
    ],
)
def test_a_chief_that_cannot_listen_opens_no_sweep(
    workplace: Path, kerascnn, arguments: tuple[str, ...], message: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        given = [address if argument == "TAKEN" else argument for argument in arguments]
        finished = kerascnn("sweep-chief", "mlp", "digits", *given)
    assert finished.code == 2
    assert finished.err.count("\n") == 1
    assert message in finished.err
    assert list(workplace.iterdir()) == []


def test_worker_needs_a_secret(workplace: Path, kerascnn, monkeypatch) -> None:
    monkeypatch.delenv("KERASCNN_SWEEP_SECRET", raising=False)
    for arguments, message in (
        ((), "set KERASCNN_SWEEP_SECRET, as in the command that the chief prints, or give --secr"),
        (("--secret-file", "none"), "--secret-file none: there is no such file"),
    ):
        finished = kerascnn("sweep-worker", "--chief", "127.0.0.1:1", *arguments)
        assert finished.code == 2
        assert finished.err.count("\n") == 1
        assert message in finished.err


@pytest.fixture
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts the script that an installation makes, with the working directory's folder "tmp"."""
    installed = tmp_path_factory.mktemp("bin") / "kerascnn"
    installed.write_text(
        "import sys\nfrom kerascnn_pipelines.cli import main\n"
        "if __name__ == '__main__':\n    sys.exit(main())\n"
    )
    started: list[subprocess.Popen] = []
    packages = os.pathsep.join(path for path in sys.path if path not in ("", str(Path.cwd())))

    def start(*arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, installed, *arguments],
            env={**os.environ, "PYTHONPATH": packages, "TMPDIR": str(Path("tmp").resolve())},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()  # it ends its own processes
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.ci
def test_nothing_of_the_working_directory_is_imported(workplace: Path, script) -> None:
    """By trials, or by the UI: but one's own network is. Nor does anything stay in $TMPDIR."""
    Path("tmp").mkdir()
    for name in ("random", "numpy", "pickle", "mlflow", "uvicorn"):
        Path(f"{name}.py").write_text("open('executed', 'a').write(__name__)\nraise OSError\n")
    Path("mine.py").write_text(
        "from kerascnn.backend import keras\n"
        "def small(x, classes, *, units: int = 8):\n"
        "    x = keras.layers.Dense(units, 'relu')(keras.layers.Flatten()(x))\n"
        "    return keras.layers.Dense(classes)(x)\n"
    )
    Path("space.yaml").write_text("model.units: {choice: [8, 9]}\n")
    swept = script(
        *("sweep", "mine.py:small", "digits", "--space", "space.yaml", "--trials", "1"),
        *("--max-epochs", "1", "--tuner", "random"),
    )
    output, _ = swept.communicate()
    assert swept.returncode == 0, output
    assert "1 trials: 1 finished" in output
    assert list(Path("tmp").iterdir()) == []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ui = script("ui", "--port", str(port))
    assert any(line.startswith(f"http://127.0.0.1:{port}/") for line in ui.stdout)
    assert not Path("executed").exists()


ENDING = """
import sys, time
from kerascnn_pipelines.sweep import ends_in_time
with ends_in_time():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("seconds", "said"), [("0", "interrupted\n"), ("60", "")])
def test_it_ends_in_time_whatever_hangs(number: int, seconds: str, said: str) -> None:
    """Whatever is to be ended well has four seconds, and the process ends right after it."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal\nsignal.signal(signal.SIGTERM, "
         "signal.default_int_handler)\n" + ENDING, seconds],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (process.returncode, err) == (130, said)
