"""A worker of a sweep over several machines."""

from __future__ import annotations

import json
import os
import platform
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerascnn import tracking
from kerascnn.errors import TrainingError, UserError
from kerascnn.scratch import temporary_files_in_scratch
from kerascnn.text import tell
from kerascnn.tracking import ActiveSweep

_BEAT = 2.0  # seconds


@temporary_files_in_scratch()
def work(
    chief: str,
    *,
    secret: bytes | None,
    tls_ca: bytes | None = None,
    threads: int | None = None,
    timeout: float = 60.0,
    report: Callable[[str], None] = tell,
) -> None:
    """Runs trials for a chief until it has no more.

    Args:
        chief: HOST:PORT.
        secret: The chief's; refused where it is None.
        tls_ca: The certificate of the authority that vouches for the chief's, as PEM; the
            connection is not encrypted if None.
        threads: How many threads of the processor; all if None.
        timeout: Seconds after which a chief that does not answer is given up.
        report: Called with each line for the user.

    Raises:
        UserError: If there is no secret, the chief cannot be reached or has another one, or its
            tracking store cannot be used from here.
        TrainingError: If the chief stops answering, or several trials in a row fail.
    """
    if not re.fullmatch(r".+:\d+", chief):
        raise UserError(f"--chief: got '{chief}', must be HOST:PORT")
    import grpc

    from kerascnn.tuning.processes import start_server
    from kerascnn.tuning.secret import VARIABLE, SecretSent

    if secret is None:
        raise UserError(
            f"sweep-worker needs the chief's secret: set {VARIABLE}, as in the command that the "
            "chief prints, or give --secret-file FILE"
        )
    start_server()
    name = f"{platform.node()}-{uuid.uuid4().hex[:6]}"
    channel = _connect(chief, tls_ca, timeout)
    known = grpc.intercept_channel(channel, SecretSent(secret, name))
    try:
        _search(known, chief, name, threads, timeout, report)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise UserError(
                f"the chief at {chief} has another secret: start the worker with the command that "
                "the chief printed last"
            ) from None
        raise TrainingError(
            f"the chief at {chief} has gone or failed ({error.code().name}): "
            "'kerascnn sweep-chief --resume SWEEP' goes on with its sweep"
        ) from None
    finally:
        channel.close()


def _connect(chief: str, tls_ca: bytes | None, timeout: float) -> Any:
    import grpc

    # A chief may come up late; gRPC itself would wait up to two minutes between two tries.
    options = [("grpc.max_reconnect_backoff_ms", 2000)]
    if tls_ca is None:
        channel = grpc.insecure_channel(chief, options)
        tls = "without TLS, that is without --tls-ca"
    else:
        channel = grpc.secure_channel(chief, grpc.ssl_channel_credentials(tls_ca), options)
        tls = "with a certificate of that --tls-ca for that host"
    try:
        grpc.channel_ready_future(channel).result(timeout)
    except grpc.FutureTimeoutError:
        channel.close()
        raise UserError(
            f"no chief answers at {chief} within {timeout:g} seconds: is 'kerascnn sweep-chief' "
            f"running, {tls}, and can this machine reach that port?"
        ) from None
    return channel


def _search(
    channel: Any,
    chief: str,
    name: str,
    threads: int | None,
    timeout: float,
    report: Callable[[str], None],
) -> None:
    from kerascnn.tuning.chief import SERVICE
    from kerascnn.tuning.plan import Plan
    from kerascnn.tuning.progress import View
    from kerascnn.tuning.search import FIRST_FAILURES, Search, trial_tags
    from kerascnn.tuning.slots import Slot

    def call(method: str, request: bytes) -> Any:
        ask = channel.unary_unary(f"/{SERVICE}/{method}")
        return json.loads(ask(request, timeout=timeout, wait_for_ready=True))

    about = call("Describe", b"")
    if about["credentials"] and "MLFLOW_TRACKING_URI" not in os.environ:
        raise UserError(
            f"the chief tracks sweep {about['name']} in {about['store']}, whose user and password "
            "it does not tell: set MLFLOW_TRACKING_URI here to the whole address"
        )
    os.environ.setdefault("MLFLOW_TRACKING_URI", about["store"])
    try:
        run = tracking.load_sweep(about["id"])
    except UserError as error:
        raise UserError(
            f"the chief tracks sweep {about['name']} in {about['store']}, which is not "
            f"{tracking.store_uri()} here ({error}); set MLFLOW_TRACKING_URI to a store that every "
            "machine reaches"
        ) from None
    plan = Plan.of_values(about["plan"])
    folder = Path(tracking.STORE_FOLDER).resolve() / "sweeps" / run.id
    folder.mkdir(parents=True, exist_ok=True)
    report(f"{name} works on sweep {run.name} for {chief}")
    last = 0.0

    def beat(trial_id: str) -> bool:
        nonlocal last
        if time.monotonic() - last < _BEAT:
            return True
        last = time.monotonic()
        return bool(call("Beat", trial_id.encode()))

    with View(plan, report=report) as view:
        Search(
            _client(channel, name, timeout),
            ActiveSweep(run.id, run.name),
            plan,
            [Slot(name, threads, {})],
            view,
            tags=trial_tags(run, plan.recipe) | {"worker": name},
            folder=folder,
            first_failures=FIRST_FAILURES,
            beat=beat,
        ).run()


def _client(channel: Any, name: str, timeout: float) -> Any:
    """Returns KerasTuner's client, on our channel: its own would know of no secret."""
    from keras_tuner.src import protos
    from keras_tuner.src.distribute import oracle_client

    class Client(oracle_client.OracleClient):
        def __init__(self) -> None:
            self._oracle = None
            self.stub = protos.get_service_grpc().OracleStub(channel)
            self.tuner_id = name
            self.multi_worker = False
            self.should_report = True

    oracle_client.TIMEOUT = timeout  # its own is an hour
    return Client()
