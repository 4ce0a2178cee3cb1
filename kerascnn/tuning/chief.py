"""The chief of a sweep over several machines: KerasTuner's service, watched over.

KerasTuner's own chief waits for ever for a worker that has died, and takes anybody's word. Here
workers show a secret and tell that they live, and the trial of one that has not for a while is
given to another. A worker ends only the trial that it has in hand: a result that comes late, of a
trial that is another's by then, is not taken.

A failure may be the worker's own, as where the data are missing. As long as a worker has not
finished anything, what it fails is tried once more, by another one if there is one.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc

from kerascnn import tracking
from kerascnn.backend import import_quietly
from kerascnn.errors import TrainingError
from kerascnn.tuning.door import Door
from kerascnn.tuning.plan import OngoingSweep
from kerascnn.tuning.progress import View
from kerascnn.tuning.search import FAILURES_IN_A_ROW, FIRST_FAILURES, number_of
from kerascnn.tuning.secret import SecretAsked, worker_of
from kerascnn.tuning.sweep import settle_unfinished

import_quietly()

from keras_tuner.src import protos  # noqa: E402
from keras_tuner.src.distribute.oracle_chief import OracleServicer  # noqa: E402
from keras_tuner.src.engine.trial import Trial, TrialStatus  # noqa: E402

from kerascnn.tuning.oracles import OBJECTIVE, KeptOracle, make_oracle  # noqa: E402

SERVICE = "kerascnn.Sweep"  # beside KerasTuner's own
_TICK = 0.5  # seconds


@dataclass
class _Worker:
    seen: float  # when it was last heard of
    failures: int = 0  # in a row
    proven: bool = False  # it has finished a trial
    failed: set[str] = field(default_factory=set)  # ids of trials, before it was proven


class _Desk(OracleServicer):
    """Answers the workers; one at a time, and none while the chief looks after them."""

    def __init__(self, oracle: KeptOracle, sweep: OngoingSweep, view: View, patience: float):
        super().__init__(oracle)
        self._sweep, self._view, self._patience = sweep, view, patience
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._failed: set[str] = set()  # ids of trials that were handed back as failed
        self._failures = 0
        self.heard = time.monotonic()  # of any worker
        self.closing = False
        self.error: Exception | None = None

    def CreateTrial(self, request: Any, context: Any) -> Any:
        """Hands a trial out."""
        with self._lock:
            name = worker_of(context)
            worker = self._hear(name)
            try:
                trial = self._next_trial(name, worker)
            except Exception as error:
                self.error, self.closing = error, True
                raise
            if self.closing:
                self.oracle.hand_back(name)
                trial.status = "STOPPED"
            if trial.status == "STOPPED":
                self.closing = True
                del self._workers[name]  # it ends now
            elif trial.status == "RUNNING":
                number = number_of(trial.trial_id)
                self._view.started(number, trial.hyperparameters.values)
            return protos.get_service().CreateTrialResponse(trial=trial.to_proto())

    def UpdateTrial(self, request: Any, context: Any) -> Any:
        """Takes a trial's objective, if the worker has it in hand."""
        with self._lock:
            trial_id, value = request.trial_id, request.metrics.get(OBJECTIVE, math.nan)
            if self._has(worker_of(context), trial_id) and math.isfinite(value):
                self.oracle.update_trial(trial_id, {OBJECTIVE: value})
            trial = self.oracle.get_trial(trial_id)
            return protos.get_service().UpdateTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:
        """Takes a trial's end, if the worker has it in hand."""
        with self._lock:
            name, trial_id = worker_of(context), request.trial.trial_id
            if self._has(name, trial_id):
                worker = self._hear(name)
                trial = self.oracle.get_trial(trial_id)
                completed = Trial.from_proto(request.trial).status == TrialStatus.COMPLETED
                if completed and trial.metrics.exists(OBJECTIVE):
                    worker.proven, worker.failures, self._failures = True, 0, 0
                    worker.failed.clear()
                    self._end(trial, TrialStatus.COMPLETED)
                else:
                    self._fail(trial, name, worker)
            return protos.get_service().EndTrialResponse()

    def UpdateSpace(self, request: Any, context: Any) -> Any:
        """Takes nothing: the space is the sweep's."""
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "the space is the sweep's")

    def describe(self, request: bytes, context: Any) -> bytes:
        """Tells a new worker what the sweep is, and where it is tracked, without credentials."""
        store = tracking.store_uri()
        shown = _without_credentials(store)
        about = {
            "id": self._sweep.active.id,
            "name": self._sweep.active.name,
            "store": shown,
            "credentials": shown != store,
            "plan": self._sweep.plan.to_values(),
        }
        return json.dumps(about).encode()

    def beat(self, request: bytes, context: Any) -> bytes:
        """Hears that a worker lives; tells it whether its trial is still its own."""
        name = worker_of(context)
        with self._lock:
            self._hear(name)
            return json.dumps(not self.closing and self._has(name, request.decode())).encode()

    def look_after(self) -> None:
        """Takes the trials of workers that have fallen silent, for others to run."""
        with self._lock:
            late = time.monotonic() - self._patience
            for name in [name for name, worker in self._workers.items() if worker.seen < late]:
                del self._workers[name]
                trial = self.oracle.ongoing_trials.get(name)
                if trial is not None:
                    self._hand_back(trial, name, f"{name} is gone, another worker will run it")
            self._view.tick()

    @property
    def workers(self) -> int:
        """Number of workers that live."""
        return len(self._workers)

    def _hear(self, name: str) -> _Worker:
        self.heard = time.monotonic()
        worker = self._workers.setdefault(name, _Worker(self.heard))
        worker.seen = self.heard
        return worker

    def _has(self, name: str, trial_id: str) -> bool:
        trial = self.oracle.ongoing_trials.get(name)
        return trial is not None and trial.trial_id == trial_id

    def _next_trial(self, name: str, worker: _Worker) -> Trial:
        trial = self.oracle.create_trial(name, avoid=worker.failed)
        if trial.status == TrialStatus.IDLE and len(self._workers) == 1:
            trial = self.oracle.create_trial(name)  # there is nobody else to try
        return trial

    def _end(self, trial: Trial, status: str) -> None:
        trial.status = status
        self.oracle.end_trial(trial)
        message = None if trial.score is not None else "its run in the tracking store says why"
        self._view.ended(number_of(trial.trial_id), trial.score, message)

    def _fail(self, trial: Trial, name: str, worker: _Worker) -> None:
        worker.failures += 1
        if worker.proven or trial.trial_id in self._failed:
            self._end(trial, TrialStatus.FAILED)
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                message = f"the last {self._failures} trials failed, so the search stops"
                self.error = TrainingError(message)
        else:
            self._failed.add(trial.trial_id)
            worker.failed.add(trial.trial_id)
            self._hand_back(trial, name, f"failed on {name}, it will be tried once more")
        if not worker.proven and worker.failures >= FIRST_FAILURES:
            del self._workers[name]  # it ends now

    def _hand_back(self, trial: Trial, name: str, message: str) -> None:
        """Takes a trial from a worker, for another one to run."""
        number = number_of(trial.trial_id)
        self.oracle.hand_back(name)
        ended = settle_unfinished(self._sweep, self.oracle, only=trial.trial_id)
        if number in ended:  # it had died before it could tell
            self._view.ended(number, ended[number], None)
        else:
            self._view.dropped(number, message)


def _without_credentials(uri: str) -> str:
    """Returns an address without user, password and parameters, which may hold some as well."""
    if uri.startswith("sqlite:"):
        return uri
    return re.sub("://.*@", "://", uri).partition("?")[0]


def serve(
    sweep: OngoingSweep, door: Door, *, patience: float = 60.0, longest_wait: float = 600.0
) -> bool:
    """Hands the trials of a sweep out to workers until its budget is spent.

    Args:
        sweep: The sweep.
        door: Where workers come in.
        patience: Seconds of silence after which a worker counts as dead.
        longest_wait: Seconds without any worker after which the chief gives up.

    Returns:
        Whether all trials are done; False where the time was up before.

    Raises:
        TrainingError: If no worker comes, or several trials in a row fail.
    """
    oracle = make_oracle(sweep.plan, sweep.folder)
    settle_unfinished(sweep, oracle)
    if oracle.spent:
        return True
    limit = sweep.plan.spec.time_limit
    deadline = time.monotonic() + limit if limit else None
    with View.of(sweep, deadline) as view:
        desk = _Desk(oracle, sweep, view, patience)
        server = _server(desk, door)
        try:
            with door.opened():
                if door.warning:
                    sweep.report(f"Warning: {door.warning}")
                sweep.report(f"listening at {door.address}: {door.worker_command}")
                return _watch(desk, door, deadline, longest_wait, sweep.report)
        finally:
            server.stop(grace=1).wait()


def _server(desk: _Desk, door: Door) -> grpc.Server:
    """Returns a server that answers whoever comes in by the door with the secret."""
    asked = SecretAsked(door.secret, lambda: door.refusals.add("calls without the secret"))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), interceptors=[asked])
    protos.get_service_grpc().add_OracleServicer_to_server(desk, server)
    methods = {
        name: grpc.unary_unary_rpc_method_handler(method)
        for name, method in (("Describe", desk.describe), ("Beat", desk.beat))
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(door.inner_address)
    server.start()
    return server


def _watch(
    desk: _Desk,
    door: Door,
    deadline: float | None,
    longest_wait: float,
    report: Callable[[str], None],
) -> bool:
    """Waits for the end of the search, and then until every worker knows of it."""
    try:
        while True:
            time.sleep(_TICK)
            desk.look_after()
            if news := door.refusals.news():
                report(news)
            now = time.monotonic()
            if desk.error is not None or (deadline is not None and now > deadline):
                desk.closing = True
            if desk.closing and not desk.workers:
                if desk.error is not None:
                    raise desk.error
                return bool(desk.oracle.spent)
            if now - desk.heard > longest_wait:
                raise TrainingError(f"no worker was heard of for {longest_wait:g} seconds")
    finally:
        if news := door.refusals.news(now=True):
            report(news)
