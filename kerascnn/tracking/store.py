"""The tracking store: an MLflow database made whole, opened quietly.

It is SQLite at `mlruns/mlflow.db` under the working directory, with artifacts beside it, unless
MLFLOW_TRACKING_URI names another. In it, runs are in one experiment.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import re
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.cache import recall, remember
from kerascnn.errors import UserError
from kerascnn.files import locked
from kerascnn.tracking.moved import ARTIFACTS, follow

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "kerascnn"  # unless MLFLOW_EXPERIMENT_NAME names another
STORE_FOLDER = "mlruns"
_PATIENCE = 15  # seconds, with a tracking server
_SQLITE = b"SQLite format 3\0"
_SMALLEST_SPACE = 64 * 2**20  # bytes: the database, curves and a small model


def store_uri() -> str:
    """Returns the tracking store's address."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{_store_folder() / 'mlflow.db'}"


def experiment_name() -> str:
    """Returns the name of the experiment that runs are tracked in and looked for."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def _database(uri: str) -> Path | None:
    """Returns the SQLite file of a store; None for any other store."""
    start = "sqlite:///"
    return Path(uri.removeprefix(start)).resolve() if uri.startswith(start) else None


def local_database() -> Path | None:
    """Returns the SQLite file of the store, which runs follow; None where there is none.

    Raises:
        UserError: If it is no SQLite file.
    """
    path = _database(store_uri())
    if path is None or not path.exists():
        return None
    _check_file(path)
    follow(path, experiment_name())
    return path


def _store_folder() -> Path:
    return Path(STORE_FOLDER).resolve()


def _quieten_mlflow() -> None:
    # MLFLOW_LOGGING_LEVEL is overruled by the migrations' own configuration.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # That a server does not answer is said once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    # It logs a traceback of each error that it raises, which store_errors puts on one line.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    # A model needs what it declares, not what the project needs that lies in the working directory.
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    # A server that does not answer: MLflow's own 120 s, seven times, are silence for too long.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")


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
        from mlflow.version import VERSION

        version = VERSION.replace(".", "-")
        tables = recall("stores", version)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            if tables is not None:
                with contextlib.closing(sqlite3.connect(fresh)) as connection:
                    connection.executescript(tables)
            store = SqlAlchemyStore(f"sqlite:///{fresh}", (path.parent / ARTIFACTS).as_uri())
            store.engine.dispose()
            with contextlib.closing(sqlite3.connect(fresh)) as connection:
                # Everything into the one file that is moved.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if tables is None:
                    remember("stores", version, _empty_tables(connection))
            os.replace(fresh, path)


def _empty_tables(connection: sqlite3.Connection) -> str:
    """Returns what makes the tables of a fresh MLflow database, in SQL.

    MLflow makes them by all migrations since its first version, which takes a second.
    """
    connection.execute("DELETE FROM experiments")  # the default one names the store's folder
    text = "\n".join(connection.iterdump())
    connection.rollback()
    return text


_LIBRARIES = ("mlflow", "sqlalchemy", "sqlite3", "requests")


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Turns whatever the store raises into one line for the user."""
    where = _shown_uri()
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write runs to {where}: {error.strerror or error}; "
            "free space or set MLFLOW_TRACKING_URI to another store"
        ) from None
    except ModuleNotFoundError as error:
        raise UserError(
            f"cannot use the tracking store {where}: it needs the package '{error.name}', which is "
            "not installed"
        ) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _LIBRARIES:
            raise
        raise UserError(f"cannot use the tracking store {where}: {_cause(error)}") from error


def _shown_uri() -> str:
    """Returns the store's address as it may be shown: without a password."""
    return re.sub(r"//[^/@]*@", "//***@", store_uri().removeprefix("sqlite:///"))


# What MLflow and SQLAlchemy say in many words, as it is.
_CAUSES = {
    "database or disk is full": "the disk is full",
    "disk I/O error": "the disk cannot be read or written",
    "attempt to write a readonly database": "it cannot be written",
    "unable to open database file": "it cannot be opened",
    "file is not a database": "it is no database",
    "database disk image is malformed": "it is damaged",
    "database is locked": "another process has kept it locked for too long",
    "No space left on device": "the disk is full",
    "Permission denied": "permission denied",
    "failed with exception": "its server does not answer",
    "failed with timeout": "its server does not answer",
}


def _cause(error: Exception) -> str:
    text = str(error)
    for words, cause in _CAUSES.items():
        if words in text:
            return cause
    return next(iter(text.strip().splitlines()), type(error).__name__)[:300]


def open_client(*, create: bool) -> MlflowClient | None:
    """Opens the store; None where there is none yet and none is to be made.

    Raises:
        UserError: If it cannot be read, or with `create`, not be written.
    """
    _quieten_mlflow()
    uri = store_uri()
    with store_errors():
        path = _database(uri)
        if path is not None:
            if not path.exists():
                if not create:
                    return None
                if os.environ.get("MLFLOW_TRACKING_URI"):
                    warnings.warn(f"there was no tracking store at {path}: made one", stacklevel=2)
                _create_database(path)
            local_database()
            if create and not os.access(path, os.W_OK):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            if create and shutil.disk_usage(path.parent).free < _SMALLEST_SPACE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif uri.startswith(("http://", "https://")):
            _reach(uri)
        client = _client(uri)
        if create and client.get_experiment_by_name(experiment_name()) is None:
            _create_experiment(client, uri)
        return client


def _client(uri: str) -> MlflowClient:
    if uri.startswith(("http://", "https://")):
        return _patient_client(uri)
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri)


@functools.cache
def _patient_client(uri: str) -> MlflowClient:
    from kerascnn.tracking import patience

    return patience.PatientClient(uri, _shown_uri(), patience.PATIENCE)


def _check_file(path: Path) -> None:
    """Refuses at once what MLflow would try to open for a minute."""
    if not path.is_file():
        raise UserError(f"cannot use the tracking store {path}: it is no file")
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError as error:
        raise UserError(f"cannot use the tracking store {path}: {error.strerror}") from None
    if start != _SQLITE:
        raise UserError(f"cannot use the tracking store {path}: it is no SQLite database")


_reached: set[str] = set()


def _reach(uri: str) -> None:
    """Waits for a tracking server, but not for ever, and says so while it lasts."""
    if uri in _reached:
        return
    import requests

    deadline, said = time.monotonic() + _PATIENCE, False
    while True:
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=3)  # an answer, whatever it says
            break
        except requests.RequestException as error:
            reason = "it is silent" if isinstance(error, requests.Timeout) else "no connection"
        if time.monotonic() > deadline:
            raise UserError(
                f"no tracking server answers at {_shown_uri()} within {_PATIENCE} s ({reason}): "
                "is it running, and is MLFLOW_TRACKING_URI right?"
            )
        if not said:
            warnings.warn(f"waiting for the tracking server at {_shown_uri()}", stacklevel=2)
            said = True
        time.sleep(0.5)
    _reached.add(uri)


def _create_experiment(client: MlflowClient, uri: str) -> None:
    from mlflow.exceptions import MlflowException

    # Without a location of their own, artifacts would follow the directory a server starts in.
    path = _database(uri)
    folder = None if path is None else (path.parent / ARTIFACTS).as_uri()
    try:
        client.create_experiment(experiment_name(), folder)
    except MlflowException:
        if (
            client.get_experiment_by_name(experiment_name()) is None
        ):  # else another process was first
            raise


def check_store() -> None:
    """Opens the store for writing, or raises UserError: before any work that would be lost."""
    open_client(create=True)
