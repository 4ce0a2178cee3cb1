"""The tracking store: an MLflow database made whole, opened quietly.

It is SQLite at `mlruns/mlflow.db` under the working directory, with artifacts beside it, unless
MLFLOW_TRACKING_URI names another.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.errors import UserError
from kerascnn.files import locked

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "kerascnn"
STORE_FOLDER = "mlruns"
_SMALLEST_SPACE = 64 * 2**20  # bytes: the database, curves and a small model


def store_uri() -> str:
    """Returns the tracking store's address."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{_store_folder() / 'mlflow.db'}"


def _store_folder() -> Path:
    return Path(STORE_FOLDER).resolve()


def _quieten_mlflow() -> None:
    # MLFLOW_LOGGING_LEVEL is overruled by the migrations' own configuration.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs a traceback of each error that it raises, which store_errors puts on one line.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def _create_database(path: Path) -> None:
    """Makes a fresh MLflow database, whole or not at all.

    MLflow migrates an empty file in place: two processes at once, or a kill in the middle, leave
    it broken for good. So it is made elsewhere under a lock and moved in when it is complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < _SMALLEST_SPACE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with locked(path.parent / ".mlflow.lock", wait=True):
        if path.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            store = SqlAlchemyStore(f"sqlite:///{fresh}", (path.parent / "artifacts").as_uri())
            store.engine.dispose()
            with contextlib.closing(sqlite3.connect(fresh)) as connection:
                # Everything into the one file that is moved.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            os.replace(fresh, path)


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Turns whatever the store raises into one line for the user."""
    where = store_uri().removeprefix("sqlite:///")
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write runs to {where}: {error.strerror or error}; "
            "free space or set MLFLOW_TRACKING_URI to another store"
        ) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("mlflow", "sqlalchemy"):
            raise
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"cannot use the tracking store {where}: {reason}") from error


def open_client(*, create: bool) -> MlflowClient | None:
    """Opens the store; None where there is none yet and none is to be made.

    Raises:
        UserError: If it cannot be read, or with `create`, not be written.
    """
    _quieten_mlflow()
    uri = store_uri()
    with store_errors():
        if uri.startswith("sqlite:///"):
            path = Path(uri.removeprefix("sqlite:///"))
            if not path.exists():
                if not create:
                    return None
                _create_database(path)
            elif create and not os.access(path, os.W_OK):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            elif create and shutil.disk_usage(path.parent).free < _SMALLEST_SPACE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        from mlflow.tracking import MlflowClient

        client = MlflowClient(uri)
        if create and client.get_experiment_by_name(EXPERIMENT) is None:
            _create_experiment(client, uri)
        return client


def _create_experiment(client: MlflowClient, uri: str) -> None:
    from mlflow.exceptions import MlflowException

    # Without a location of their own, artifacts would follow the directory a server starts in.
    local = uri.startswith("sqlite:///")
    folder = Path(uri.removeprefix("sqlite:///")).parent / "artifacts"
    try:
        client.create_experiment(EXPERIMENT, folder.as_uri() if local else None)
    except MlflowException:
        if client.get_experiment_by_name(EXPERIMENT) is None:  # else another process was first
            raise


def check_store() -> None:
    """Opens the store for writing, or raises UserError: before any work that would be lost."""
    open_client(create=True)
