"""What a training takes of its machine: MLflow's own system metrics."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from kerascnn.tracking.store import store_uri

SYSTEM = "system/"  # of their names


@contextlib.contextmanager
def system_metrics(run_id: str) -> Iterator[None]:
    """Has MLflow log processors, memory, disk, network and NVIDIA's GPUs while a block lasts.

    Every 10 seconds, or as MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL says; a run that is resumed goes
    on with its own. GPUs are seen where `nvidia-ml-py` is installed. Where the store cannot be
    written they end, and the run does not.

    Args:
        run_id: Of a run that is running.
    """
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    logging.getLogger("mlflow.system_metrics").setLevel(logging.CRITICAL)
    monitor = SystemMetricsMonitor(run_id, resume_logging=True, tracking_uri=store_uri())
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
