"""The chief of a sweep over several machines: KerasTuner's service, watched over.

KerasTuner's own chief waits for ever for a worker that has died. Here workers tell that they live,
and the trial of one that has not for a while is given to another; a result that comes late, of a
trial that is another's by then, is not taken.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent import futures
from typing import Any

import grpc

from kerascnn import tracking
from kerascnn.backend import import_quietly
from kerascnn.errors import TrainingError, UserError
from kerascnn.tuning.plan import OngoingSweep
from kerascnn.tuning.progress import View
from kerascnn.tuning.search import FAILURES_IN_A_ROW, number_of
from kerascnn.tuning.sweep import forget_unfinished

import_quietly()

from keras_tuner.src import protos  # noqa: E402
from keras_tuner.src.distribute.oracle_chief import OracleServicer  # noqa: E402

from kerascnn.tuning.oracles import KeptOracle, make_oracle  # noqa: E402

SERVICE = "kerascnn.Sweep"  # beside KerasTuner's own
_TICK = 0.5  # seconds


class _Desk(OracleServicer):
    """Answers the workers; one at a time, and none while the chief looks after them."""

    def __init__(self, oracle: KeptOracle, sweep: OngoingSweep, view: View, patience: float):
        super().__init__(oracle)
        self._sweep, self._view, self._patience = sweep, view, patience
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}  # by worker, when it was last heard of
        self._failures = 0
        self.heard = time.monotonic()  # of any worker
        self.closing = False
        self.error: Exception | None = None

    def CreateTrial(self, request: Any, context: Any) -> Any:
        """Hands a trial out."""
        with self._lock:
            self._hear(request.tuner_id)
            try:
                trial = self.oracle.create_trial(request.tuner_id)
            except Exception as error:
                self.error, self.closing = error, True
                raise
            if self.closing:
                self.oracle.hand_back(request.tuner_id)
                trial.status = "STOPPED"
            if trial.status == "STOPPED":
                self.closing = True
                del self._seen[request.tuner_id]  # it ends now
            elif trial.status == "RUNNING":
                number = number_of(trial.trial_id)
                self._view.started(number, trial.hyperparameters.values)
            return protos.get_service().CreateTrialResponse(trial=trial.to_proto())

    def UpdateTrial(self, request: Any, context: Any) -> Any:
        """Takes a trial's figures, if it runs."""
        with self._lock:
            if self.oracle.runs(request.trial_id):
                return super().UpdateTrial(request, context)
            trial = self.oracle.get_trial(request.trial_id)
            return protos.get_service().UpdateTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:
        """Takes a trial's end, if it runs."""
        with self._lock:
            trial_id = request.trial.trial_id
            if self.oracle.runs(trial_id):
                super().EndTrial(request, context)
                trial = self.oracle.get_trial(trial_id)
                failed = trial.status != "COMPLETED"
                message = "its run in the tracking store says why" if failed else None
                self._view.ended(number_of(trial_id), trial.score, message)
                self._failures = self._failures + 1 if failed else 0
                if self._failures >= FAILURES_IN_A_ROW:
                    self.error = TrainingError(
                        f"the last {self._failures} trials failed, so the search stops"
                    )
            return protos.get_service().EndTrialResponse()

    def describe(self, request: bytes, context: Any) -> bytes:
        """Tells a new worker what the sweep is."""
        about = {
            "id": self._sweep.active.id,
            "name": self._sweep.active.name,
            "store": tracking.store_uri(),
            "plan": self._sweep.plan.to_values(),
        }
        return json.dumps(about).encode()

    def beat(self, request: bytes, context: Any) -> bytes:
        """Hears that a worker lives; tells it whether its trial is still its own."""
        worker, trial_id = json.loads(request)
        with self._lock:
            self._hear(worker)
            mine = self.oracle.ongoing_trials.get(worker)
            return json.dumps(
                not self.closing and mine is not None and mine.trial_id == trial_id
            ).encode()

    def look_after(self) -> None:
        """Takes the trials of workers that have fallen silent, for others to run."""
        with self._lock:
            late = time.monotonic() - self._patience
            for worker in [worker for worker, seen in self._seen.items() if seen < late]:
                del self._seen[worker]
                trial = self.oracle.ongoing_trials.get(worker)
                if trial is not None:
                    self.oracle.hand_back(worker)
                    forget_unfinished(self._sweep, self.oracle, only=trial.trial_id)
                    number = number_of(trial.trial_id)
                    self._view.dropped(number, f"{worker} is gone, another worker will run it")
            self._view.tick()

    @property
    def workers(self) -> int:
        """Number of workers that live."""
        return len(self._seen)

    def _hear(self, worker: str) -> None:
        self._seen[worker] = self.heard = time.monotonic()


def serve(
    sweep: OngoingSweep, address: str, *, patience: float = 60.0, longest_wait: float = 600.0
) -> bool:
    """Hands the trials of a sweep out to workers until its budget is spent.

    Args:
        sweep: The sweep.
        address: HOST:PORT to listen at; port 0 takes a free one, which is reported.
        patience: Seconds of silence after which a worker counts as dead.
        longest_wait: Seconds without any worker after which the chief gives up.

    Returns:
        Whether all trials are done; False where the time was up before.

    Raises:
        UserError: If the address cannot be listened at.
        TrainingError: If no worker comes, or several trials in a row fail.
    """
    oracle = make_oracle(sweep.plan, sweep.folder)
    forget_unfinished(sweep, oracle)
    if oracle.spent:
        return True
    limit = sweep.plan.spec.time_limit
    deadline = time.monotonic() + limit if limit else None
    with View.of(sweep, deadline) as view:
        desk = _Desk(oracle, sweep, view, patience)
        server, address = _listen(desk, address)
        sweep.report(f"listening at {address}: kerascnn sweep-worker --chief {address}")
        try:
            return _watch(desk, oracle, deadline, longest_wait)
        finally:
            server.stop(grace=1).wait()


def _listen(desk: _Desk, address: str) -> tuple[grpc.Server, str]:
    # Unless told not to, gRPC shares a port with whoever else listens there.
    alone = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=alone)
    protos.get_service_grpc().add_OracleServicer_to_server(desk, server)
    methods = {
        name: grpc.unary_unary_rpc_method_handler(method)
        for name, method in (("Describe", desk.describe), ("Beat", desk.beat))
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        raise UserError(
            f"cannot listen at {address}: give HOST:PORT of this machine, such as 0.0.0.0:9090, "
            "whose port is free"
        ) from None
    server.start()
    return server, f"{address.rpartition(':')[0]}:{port}"


def _watch(desk: _Desk, oracle: KeptOracle, deadline: float | None, longest_wait: float) -> bool:
    """Waits for the end of the search, and then until every worker knows of it."""
    while True:
        time.sleep(_TICK)
        desk.look_after()
        now = time.monotonic()
        if desk.error is not None or (deadline is not None and now > deadline):
            desk.closing = True
        if desk.closing and not desk.workers:
            if desk.error is not None:
                raise desk.error
            return bool(oracle.spent)
        if now - desk.heard > longest_wait:
            raise TrainingError(f"no worker was heard of for {longest_wait:g} seconds")
