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

from kerascnn import provenance, tracking
from kerascnn.errors import TrainingError, UserError
from kerascnn.text import tell
from kerascnn.tracking import ActiveSweep
from kerascnn.tuning.plan import Plan

_BEAT = 2.0  # seconds


def work(
    chief: str,
    *,
    threads: int | None = None,
    timeout: float = 60.0,
    report: Callable[[str], None] = tell,
) -> None:
    """Runs trials for a chief until it has no more.

    Args:
        chief: HOST:PORT.
        threads: How many threads of the processor; all if None.
        timeout: Seconds after which a chief that does not answer is given up.
        report: Called with each line for the user.

    Raises:
        UserError: If the chief cannot be reached, or its tracking store cannot be used from here.
        TrainingError: If the chief stops answering, or several trials in a row fail.
    """
    match = re.fullmatch(r"(.+):(\d+)", chief)
    if not match:
        raise UserError(f"--chief: got '{chief}', must be HOST:PORT")
    import grpc

    from kerascnn.tuning.processes import start_server

    start_server()
    # A chief may come up late; gRPC itself would wait up to two minutes between two tries.
    channel = grpc.insecure_channel(chief, [("grpc.max_reconnect_backoff_ms", 2000)])
    try:
        grpc.channel_ready_future(channel).result(timeout)
    except grpc.FutureTimeoutError:
        raise UserError(
            f"no chief answers at {chief} within {timeout:g} seconds: is 'kerascnn sweep-chief' "
            "running, and can this machine reach that port?"
        ) from None
    try:
        _search(channel, match[1], match[2], threads, timeout, report)
    except grpc.RpcError as error:
        raise TrainingError(
            f"the chief at {chief} has gone or failed ({error.code().name}): "
            "'kerascnn sweep-chief --resume SWEEP' goes on with its sweep"
        ) from None
    finally:
        channel.close()


def _search(
    channel: Any,
    host: str,
    port: str,
    threads: int | None,
    timeout: float,
    report: Callable[[str], None],
) -> None:
    from kerascnn.tuning.chief import SERVICE
    from kerascnn.tuning.progress import View
    from kerascnn.tuning.search import Search
    from kerascnn.tuning.slots import Slot

    def call(method: str, request: bytes) -> Any:
        ask = channel.unary_unary(f"/{SERVICE}/{method}")
        return json.loads(ask(request, timeout=timeout, wait_for_ready=True))

    about = call("Describe", b"")
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
    name = f"{platform.node()}-{uuid.uuid4().hex[:6]}"
    folder = Path(tracking.STORE_FOLDER).resolve() / "sweeps" / run.id
    folder.mkdir(parents=True, exist_ok=True)
    report(f"{name} works on sweep {run.name} for {host}:{port}")
    last = 0.0

    def beat(trial_id: str) -> bool:
        nonlocal last
        if time.monotonic() - last < _BEAT:
            return True
        last = time.monotonic()
        return bool(call("Beat", json.dumps([name, trial_id]).encode()))

    with View(plan, report=report) as view:
        Search(
            _client(host, port, name, timeout),
            ActiveSweep(run.id, run.name),
            plan,
            [Slot(name, threads, {})],
            view,
            tags=provenance.tags() | {"worker": name},
            folder=folder,
            beat=beat,
        ).run()


def _client(host: str, port: str, name: str, timeout: float) -> Any:
    """Returns KerasTuner's client, which is told all of this by the environment."""
    os.environ["KERASTUNER_ORACLE_IP"] = host
    os.environ["KERASTUNER_ORACLE_PORT"] = port
    os.environ["KERASTUNER_TUNER_ID"] = name
    from keras_tuner.src.distribute import oracle_client

    oracle_client.TIMEOUT = timeout  # its own is an hour
    return oracle_client.OracleClient(None)
