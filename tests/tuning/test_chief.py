"""The chief over real gRPC; the workers are driven by hand, so that no network is trained."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kerascnn import tracking
from kerascnn.errors import TrainingError, UserError
from kerascnn.recipe import load_recipe
from kerascnn.tuning.chief import SERVICE, serve
from kerascnn.tuning.plan import OngoingSweep, Plan
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec
from kerascnn.tuning.worker import _client, work


def free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def opened(workplace: Path, lines: list[str]) -> Callable[..., OngoingSweep]:
    def make(**spec: Any) -> OngoingSweep:
        recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
        space = SpaceSpec(ranges={"model.hidden": {"choice": [[4], [8], [12], [16]]}})
        plan = Plan(recipe, space, SweepSpec(tuner="random", **spec))
        sweep = tracking.create_sweep("far", recipe, plan.to_values(), {})
        folder = workplace / "sweeps"
        return OngoingSweep(sweep, plan, folder, lines.append)

    return make


@pytest.fixture
def chief(lines: list[str]) -> Iterator[Callable[..., tuple[str, Callable[[], Any]]]]:
    """Starts a chief in a thread; gives its address, and what waits for it and gives its result."""

    def start(opened: OngoingSweep, **arguments: Any) -> tuple[str, Callable[[], Any]]:
        result: list[Any] = []

        def run() -> None:
            try:
                result.append(serve(opened, "127.0.0.1:0", **arguments))
            except Exception as error:
                result.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def finish() -> Any:
            thread.join(60)
            assert result, "the chief hangs"
            return result[0]

        patience = time.monotonic() + 60
        while not (listening := [line for line in lines if line.startswith("listening at ")]):
            assert not result, f"the chief did not start: {result[0]}"
            assert time.monotonic() < patience
            time.sleep(0.05)
        return listening[0].split()[-1], finish

    yield start
    for name in [name for name in os.environ if name.startswith("KERASTUNER_")]:
        del os.environ[name]


def worker(address: str, name: str) -> Any:
    host, port = address.split(":")
    return _client(host, port, name, 30)


def beat(address: str, name: str, trial_id: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(f"/{SERVICE}/Beat")
        return bool(json.loads(ask(json.dumps([name, trial_id]).encode(), timeout=30)))


def end(client: Any, trial: Any) -> None:
    client.update_trial(trial.trial_id, {"objective": 0.5})
    trial.status = "COMPLETED"
    client.end_trial(trial)


def test_trial_of_a_silent_worker_is_anothers(opened, chief) -> None:
    sweep = opened(trials=2)
    address, finished = chief(sweep, patience=8)
    first, second = worker(address, "first"), worker(address, "second")
    lost = first.create_trial("first")
    run = sweep.active.start_trial(1, sweep.plan.recipe, {}, {})
    other = second.create_trial("second")
    end(second, other)
    assert beat(address, "first", lost.trial_id)
    assert second.create_trial("second").status == "IDLE"
    patience = time.monotonic() + 30
    while (again := second.create_trial("second")).status == "IDLE":
        assert time.monotonic() < patience
        time.sleep(0.3)
    assert again.trial_id == lost.trial_id
    assert again.hyperparameters.values == lost.hyperparameters.values
    listed = tracking.trials_of(tracking.load_sweep("far"))
    assert run.id not in [trial.id for trial in listed], "its run goes with it"
    assert not beat(address, "first", lost.trial_id)
    end(first, lost)  # too late: not taken
    end(second, again)
    assert second.create_trial("second").status == "STOPPED"
    assert first.create_trial("first").status == "STOPPED"
    assert finished() is True


def test_time_limit_calls_the_workers_back(opened, chief) -> None:
    address, finished = chief(opened(trials=5, time_limit=2))
    client = worker(address, "only")
    trial = client.create_trial("only")
    patience = time.monotonic() + 30
    while beat(address, "only", trial.trial_id):
        assert time.monotonic() < patience
        time.sleep(0.3)
    assert client.create_trial("only").status == "STOPPED"
    assert finished() is False


def test_chief_without_workers_gives_up(opened) -> None:
    with pytest.raises(TrainingError, match="no worker was heard of for 1 seconds"):
        serve(opened(trials=2), free_address(), longest_wait=1)


def test_address_that_cannot_be_listened_at(opened) -> None:
    sweep = opened(trials=1)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        for address in ("nowhere.invalid:1", f"127.0.0.1:{other.getsockname()[1]}"):
            with pytest.raises(UserError, match=f"cannot listen at {address}: .* port is free"):
                serve(sweep, address)


def test_two_chiefs_do_not_share_a_port(opened, chief) -> None:
    sweep = opened(trials=1)
    address, finished = chief(sweep)
    with pytest.raises(UserError, match=f"cannot listen at {address}"):
        serve(sweep, address)
    client = worker(address, "only")
    end(client, client.create_trial("only"))
    assert client.create_trial("only").status == "STOPPED"
    assert finished() is True


def test_chief_that_cannot_be_reached() -> None:
    address = free_address()
    with pytest.raises(UserError, match=f"no chief answers at {address} within 0.5 seconds"):
        work(address, timeout=0.5)
    with pytest.raises(UserError, match="--chief: got 'somewhere', must be HOST:PORT"):
        work("somewhere")


def test_store_of_the_chief_must_be_reached(opened, chief, monkeypatch) -> None:
    address, finished = chief(opened(trials=1))
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd()}/other/mlflow.db")
        with pytest.raises(UserError, match="set MLFLOW_TRACKING_URI to a store that every"):
            work(address, timeout=30)
    client = worker(address, "good")
    end(client, client.create_trial("good"))
    assert client.create_trial("good").status == "STOPPED"
    assert finished() is True
