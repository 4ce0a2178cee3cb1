"""The chief over real gRPC; the workers are driven by hand, so that no network is trained."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from keras_tuner.src import protos

from kerascnn import tracking
from kerascnn.errors import TrainingError, UserError
from kerascnn.recipe import load_recipe
from kerascnn.tuning.chief import SERVICE, _without_credentials, serve
from kerascnn.tuning.door import Door
from kerascnn.tuning.plan import OngoingSweep, Plan
from kerascnn.tuning.secret import SecretSent
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec
from kerascnn.tuning.worker import _client, work

Chief = Callable[..., tuple[Door, Callable[[], Any]]]


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
def chief(lines: list[str]) -> Iterator[Chief]:
    """Starts a chief in a thread; gives its door, and what waits for it and gives its result."""
    with contextlib.ExitStack() as doors:

        def start(opened: OngoingSweep, **arguments: Any) -> tuple[Door, Callable[[], Any]]:
            door = doors.enter_context(Door("127.0.0.1:0"))
            result: list[Any] = []

            def run() -> None:
                try:
                    result.append(serve(opened, door, **arguments))
                except Exception as error:
                    result.append(error)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()

            def finish() -> Any:
                thread.join(60)
                assert result, "the chief hangs"
                return result[0]

            patience = time.monotonic() + 60
            while not any(line.startswith("listening at ") for line in lines):
                assert not result, f"the chief did not start: {result[0]}"
                assert time.monotonic() < patience
                time.sleep(0.05)
            return door, finish

        yield start


@pytest.fixture
def channel() -> Iterator[Callable[..., grpc.Channel]]:
    """Connects to a chief under a name, with its secret or another one."""
    with contextlib.ExitStack() as channels:

        def connect(door: Door, name: str, secret: bytes | None = None) -> grpc.Channel:
            plain = channels.enter_context(grpc.insecure_channel(door.address))
            sent = door.secret if secret is None else secret
            return grpc.intercept_channel(plain, SecretSent(sent, name))

        yield connect


@pytest.fixture
def worker(channel: Callable[..., grpc.Channel]) -> Callable[[Door, str], Any]:
    return lambda door, name: _client(channel(door, name), name, 30)


@pytest.fixture
def beat(channel: Callable[..., grpc.Channel]) -> Callable[[Door, str, str], bool]:
    def beat(door: Door, name: str, trial_id: str) -> bool:
        ask = channel(door, name).unary_unary(f"/{SERVICE}/Beat")
        return bool(json.loads(ask(trial_id.encode(), timeout=30)))

    return beat


def end(client: Any, trial: Any, status: str = "COMPLETED") -> None:
    if status == "COMPLETED":
        client.update_trial(trial.trial_id, {"objective": 0.5})
    trial.status = status
    client.end_trial(trial)


@pytest.mark.ci
def test_trial_of_a_silent_worker_is_anothers(opened, chief, worker, beat) -> None:
    sweep = opened(trials=2)
    door, finished = chief(sweep, patience=8)
    first, second = worker(door, "first"), worker(door, "second")
    lost = first.create_trial("first")
    run = sweep.active.start_trial(1, sweep.plan.recipe, {}, {})
    other = second.create_trial("second")
    end(second, other)
    assert beat(door, "first", lost.trial_id)
    assert second.create_trial("second").status == "IDLE"
    patience = time.monotonic() + 30
    while (again := second.create_trial("second")).status == "IDLE":
        assert time.monotonic() < patience
        time.sleep(0.3)
    assert again.trial_id == lost.trial_id
    assert again.hyperparameters.values == lost.hyperparameters.values
    listed = tracking.trials_of(tracking.load_sweep("far"))
    assert run.id not in [trial.id for trial in listed], "its run goes with it"
    assert not beat(door, "first", lost.trial_id)
    end(first, lost)  # too late: not taken
    end(second, again)
    assert second.create_trial("second").status == "STOPPED"
    assert first.create_trial("first").status == "STOPPED"
    assert finished() is True


def test_time_limit_calls_the_workers_back(opened, chief, worker, beat) -> None:
    door, finished = chief(opened(trials=5, time_limit=2))
    client = worker(door, "only")
    trial = client.create_trial("only")
    patience = time.monotonic() + 30
    while beat(door, "only", trial.trial_id):
        assert time.monotonic() < patience
        time.sleep(0.3)
    assert client.create_trial("only").status == "STOPPED"
    assert finished() is False


def test_chief_without_workers_gives_up(opened) -> None:
    with (
        Door("127.0.0.1:0") as door,
        pytest.raises(TrainingError, match="no worker was heard of for 1 seconds"),
    ):
        serve(opened(trials=2), door, longest_wait=1)


def test_chief_that_cannot_be_reached() -> None:
    address = free_address()
    with pytest.raises(UserError, match=f"no chief answers at {address} within 0.5 seconds"):
        work(address, secret=b"s", timeout=0.5)
    with pytest.raises(UserError, match="--chief: got 'somewhere', must be HOST:PORT"):
        work("somewhere", secret=b"s")


def test_store_of_the_chief_must_be_reached(opened, chief, worker, monkeypatch) -> None:
    door, finished = chief(opened(trials=1))
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd()}/other/mlflow.db")
        with pytest.raises(UserError, match="set MLFLOW_TRACKING_URI to a store that every"):
            work(door.address, secret=door.secret, timeout=30)
    client = worker(door, "good")
    end(client, client.create_trial("good"))
    assert client.create_trial("good").status == "STOPPED"
    assert finished() is True


def every_call() -> Iterator[tuple[str, bytes]]:
    """The methods of both services, each with a request that would be one of theirs."""
    service = protos.get_service()
    for method in service.DESCRIPTOR.services_by_name["Oracle"].methods:
        request = getattr(service, method.input_type.name)()
        yield f"/{method.containing_service.full_name}/{method.name}", request.SerializeToString()
    yield f"/{SERVICE}/Describe", b""
    yield f"/{SERVICE}/Beat", b"0"


def test_no_call_without_the_secret_is_answered(opened, chief, worker, channel, lines) -> None:
    """Neither is the sweep stopped by whom it does not know, nor are its trials used up."""
    sweep = opened(trials=2)
    door, finished = chief(sweep)
    client = worker(door, "known")
    trial = client.create_trial("known")
    calls = list(every_call())
    assert len(calls) == 9
    with grpc.insecure_channel(door.address) as bare:
        strangers = [bare, channel(door, "known", b""), channel(door, "known", b"guess")]
        for stranger in strangers:
            for method, request in [*calls, ("/no.such/Method", b"\xff")]:
                with pytest.raises(grpc.RpcError) as refused:
                    stranger.unary_unary(method)(request, timeout=10)
                assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        # Nor does anybody keep it busy with calls that never come to their request.
        never = threading.Event()

        def asking() -> Iterator[bytes]:
            never.wait()
            yield from ()

        silent = [bare.stream_unary(calls[0][0]).future(asking(), timeout=20) for _ in range(20)]
        assert {call.code() for call in silent} == {grpc.StatusCode.UNAUTHENTICATED}
        never.set()
    for junk in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)), b"\x16\x03\x01\x00\xee"):
        with socket.create_connection((door.host, door.port)) as connection:
            connection.sendall(junk)
            assert connection.recv(10) == b"", "it hangs up"
    with pytest.raises(UserError, match=f"the chief at {door.address} has another secret"):
        work(door.address, secret=b"guess", timeout=30)
    end(client, trial)
    end(client, client.create_trial("known"))
    assert client.create_trial("known").status == "STOPPED"
    assert finished() is True
    refusals = [line for line in lines if line.startswith("refused so far: ")]
    assert len(refusals) <= 2, "no flood"
    assert "calls without the secret: 51" in refusals[-1]
    assert "connections that do not speak gRPC: 3 (the last one from 127.0.0.1)" in refusals[-1]
    assert len(sweep.folder.joinpath("oracle.json").read_text()) > 0


def test_a_worker_ends_only_its_own_trial(opened, chief, worker, channel, beat) -> None:
    door, finished = chief(opened(trials=2))
    first, second = worker(door, "first"), worker(door, "second")
    mine, other = first.create_trial("first"), second.create_trial("second")
    for status in ("COMPLETED", "FAILED", "INVALID"):
        end(second, mine, status)
    assert beat(door, "first", mine.trial_id), "it is still the first one's"
    assert not beat(door, "second", mine.trial_id)
    first.update_trial(mine.trial_id, {"objective": float("nan")})
    first.update_trial(mine.trial_id, {"other": 1.0})
    assert beat(door, "first", mine.trial_id), "an objective that is none does not count"
    with pytest.raises(grpc.RpcError) as refused:
        first.update_space(mine.hyperparameters)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    end(first, mine)
    end(second, other)
    for name, client in (("first", first), ("second", second)):
        assert client.create_trial(name).status == "STOPPED"
    assert finished() is True


def test_a_worker_that_fails_everything_loses_no_trial(opened, chief, worker, lines) -> None:
    """What it fails before it has finished anything is tried by another one."""
    sweep = opened(trials=4)
    door, finished = chief(sweep)
    broken, good = worker(door, "broken"), worker(door, "good")
    failed = []
    for _ in range(3):
        trial = broken.create_trial("broken")
        number = int(trial.trial_id) + 1
        run = sweep.active.start_trial(number, sweep.plan.recipe, {}, {})
        sweep.active.end_trial(run, error="no such folder")
        failed.append(trial.trial_id)
        end(broken, trial, "FAILED")
    assert len(set(failed)) == 3, "it is not given the same one again"
    assert tracking.trials_of(tracking.load_sweep("far")) == [], "they did not fail for good"
    done = []
    while (trial := good.create_trial("good")).status == "RUNNING":
        done.append(trial.trial_id)
        end(good, trial)
    assert sorted(done) == ["0", "1", "2", "3"]
    assert trial.status == "STOPPED", "nothing is waited for"
    assert finished() is True
    assert [line.split(": ")[1] for line in lines if "failed on" in line] == [
        "failed on broken, it will be tried once more"
    ] * 3


def test_what_fails_on_two_workers_has_failed(opened, chief, worker, lines) -> None:
    door, finished = chief(opened(trials=2))
    first, second = worker(door, "first"), worker(door, "second")
    trial = first.create_trial("first")
    end(first, trial, "FAILED")
    again = second.create_trial("second")
    assert again.trial_id == trial.trial_id
    end(second, again, "FAILED")
    last = second.create_trial("second")
    assert last.trial_id != trial.trial_id
    end(second, last)
    assert second.create_trial("second").status == "STOPPED"
    assert first.create_trial("first").status == "STOPPED"
    assert finished() is True
    assert len([line for line in lines if "failed: its run in" in line]) == 1


def test_a_worker_alone_tries_again_what_it_failed(opened, chief, worker) -> None:
    door, finished = chief(opened(trials=2))
    only = worker(door, "only")
    first, second = only.create_trial("only"), None
    end(only, first, "FAILED")
    second = only.create_trial("only")
    assert second.trial_id != first.trial_id, "something else first"
    end(only, second, "FAILED")
    again = only.create_trial("only")
    assert again.trial_id in (first.trial_id, second.trial_id)
    end(only, again)
    last = only.create_trial("only")
    end(only, last, "FAILED")
    assert {again.trial_id, last.trial_id} == {first.trial_id, second.trial_id}
    assert only.create_trial("only").status == "STOPPED"
    assert finished() is True


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:pass@store:5000", "http://store:5000"),
        ("https://me@store/a", "https://store/a"),
        ("postgresql+psycopg2://me:p/a@ss@db:5432/runs", "postgresql+psycopg2://db:5432/runs"),
        ("mysql://db/runs?user=me&password=pass", "mysql://db/runs"),
        ("http://store:5000", "http://store:5000"),
        ("sqlite:////home/me@here/mlflow.db", "sqlite:////home/me@here/mlflow.db"),
    ],
)
def test_the_stores_address_goes_out_without_credentials(uri: str, shown: str) -> None:
    assert _without_credentials(uri) == shown


def test_a_worker_is_told_to_bring_credentials_itself(opened, chief, worker, monkeypatch) -> None:
    sweep = opened(trials=1)
    monkeypatch.setattr(tracking, "store_uri", lambda: "http://me:pass@store:5000")
    door, finished = chief(sweep)
    with pytest.raises(UserError, match="in http://store:5000, whose user and password it does"):
        work(door.address, secret=door.secret, timeout=30)
    client = worker(door, "only")
    end(client, client.create_trial("only"))
    assert client.create_trial("only").status == "STOPPED"
    assert finished() is True
