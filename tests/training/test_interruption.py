"""Ctrl-C and SIGTERM between two steps: real signals, no training."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from kerascnn.training.interruption import Interruption
from kerascnn.training.position import Position


class Told(Exception):
    """What the handler from before raises."""


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """A handler of ours for both signals, until the test ends."""

    def tell(number: int, frame: object) -> None:
        raise Told(number)

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run() -> Callable[..., Interruption]:
    """An interruption in an epoch of 5 steps, of which so many have ended."""

    def start(steps: int = 1) -> Interruption:
        position = Position(0, 0, 5)
        interruption = Interruption(position)
        with_steps(interruption, steps)
        return interruption

    return start


def with_steps(interruption: Interruption, steps: int) -> None:
    for _ in range(steps):
        interruption._position.step += 1
        interruption.on_train_batch_end(0)


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_step(run, number: int) -> None:
    with run(1) as interruption:
        send(number)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            with_steps(interruption, 1)


def test_without_a_signal_nothing_ends(run) -> None:
    with run(1) as interruption:
        with_steps(interruption, 4)
        interruption.on_epoch_end(0)
        assert not interruption.requested


def test_after_an_epochs_last_step_its_validation_is_waited_for(run) -> None:
    with run(4) as interruption:
        send()
        with_steps(interruption, 1)
        with pytest.raises(KeyboardInterrupt):
            interruption.on_epoch_end(0)


def test_before_the_first_step_has_ended_it_acts_at_once(run) -> None:
    with run(0), pytest.raises(Told):
        send()


def test_a_second_signal_acts_at_once(run) -> None:
    with run(1):
        send(signal.SIGINT)
        with pytest.raises(Told):
            send(signal.SIGTERM)


def test_the_handlers_from_before_come_back(run) -> None:
    with pytest.raises(RuntimeError), run(1):
        raise RuntimeError
    with pytest.raises(Told):
        send()


def test_a_signal_that_is_ignored_stays_so(run) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with run(1) as interruption:
        send(signal.SIGINT)
        assert not interruption.requested
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        send(signal.SIGTERM)
        assert interruption.requested


def test_in_another_thread_signals_are_left_alone(run) -> None:
    handler, found = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with run(1):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [handler]
