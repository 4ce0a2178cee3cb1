"""Runs as the store has them: read from its SQLite file, or by MLflow's client.

MLflow's imports take longer than everything else that a command does which lists runs, and its
client reads every param, metric and tag of a run to tell its name. So a store that is a file of
this machine is read by `DatabaseReader`: it takes the place of the client's search_runs, get_run,
get_metric_history and get_logged_model, and answers as they do. Every other store, and a file whose
tables are of a revision that is not known here, is read by the client.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kerascnn.tracking.store import experiment_name, local_database, open_client, store_errors

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun
    from mlflow.tracking import MlflowClient

REVISION = "dc11669786a5"  # of the tables, by alembic: MLflow 3.17's
_PATIENCE = 20  # seconds, with a writer; as MLflow's
_TOGETHER = 100  # runs whose params, metrics or tags are read at once
_NAME = "mlflow.runName"  # tag


@dataclass(frozen=True)
class StoredRun:
    """A run as the store has it.

    Attributes:
        id: 32 hexadecimal digits.
        name: As given.
        status: RUNNING, FINISHED, FAILED or KILLED, as it was written last.
        started: Milliseconds since the epoch.
        artifact_uri: The address of its artifacts.
        params: By name.
        metrics: Last value of every metric.
        tags: All but MLflow's own.
    """

    id: str
    name: str
    status: str
    started: int
    artifact_uri: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class StoredModel:
    """A LoggedModel of MLflow's.

    Attributes:
        model_id: As MLflow gave it.
        artifact_location: The address of its folder.
    """

    model_id: str
    artifact_location: str


class Point(NamedTuple):
    """A value of a metric.

    Attributes:
        step: The epoch, from 1.
        timestamp: Milliseconds since the epoch.
        value: What it was.
    """

    step: int
    timestamp: int
    value: float


class Reader(Protocol):
    """What is read of a store."""

    def runs(self, tags: Mapping[str, str | None], *, deleted: bool) -> list[StoredRun]:
        """Returns the runs of the experiment, newest first.

        Args:
            tags: What they are tagged with; None for a tag that they have not.
            deleted: Those that were deleted, instead of those that are there.
        """

    def run(self, run_id: str) -> StoredRun:
        """Returns the run of an id, also a deleted one."""

    def history(self, run_id: str, metric: str) -> list[Point]:
        """Returns all values of a run's metric, oldest first."""

    def model(self, model_id: str) -> StoredModel | None:
        """Returns a LoggedModel; None where there is none, or none more."""


def open_reader() -> Reader | None:
    """Opens the store; None where there is none yet.

    Raises:
        UserError: If it cannot be read.
    """
    with store_errors():
        path = local_database()
        if path is not None:
            database = DatabaseReader(path)
            if database.is_known():
                return database
    client = open_client(create=False)
    return None if client is None else ClientReader(client)


class ClientReader:
    """Reads by MLflow's client; see `Reader`."""

    def __init__(self, client: MlflowClient):
        self._client = client

    def runs(self, tags: Mapping[str, str | None], *, deleted: bool) -> list[StoredRun]:
        """See `Reader`."""
        from mlflow.entities import ViewType

        experiment = self._client.get_experiment_by_name(experiment_name())
        if experiment is None:
            return []
        wanted = [f"tags.`{name}` = '{value}'" for name, value in tags.items() if value is not None]
        found: list[StoredRun] = []
        token = None
        while True:
            page = self._client.search_runs(
                [experiment.experiment_id],
                filter_string=" and ".join(wanted),
                run_view_type=ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            # What is not there cannot be asked for.
            found.extend(
                _stored(run)
                for run in page
                if all(run.data.tags.get(name) == value for name, value in tags.items())
            )
            token = page.token
            if not token:
                return found

    def run(self, run_id: str) -> StoredRun:
        """See `Reader`."""
        return _stored(self._client.get_run(run_id))

    def history(self, run_id: str, metric: str) -> list[Point]:
        """See `Reader`."""
        points = self._client.get_metric_history(run_id, metric)
        return [Point(point.step, point.timestamp, point.value) for point in points]

    def model(self, model_id: str) -> StoredModel | None:
        """See `Reader`."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_logged_model(model_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # deleted in MLflow's UI
                return None
            raise
        return StoredModel(found.model_id, found.artifact_location)


def _stored(run: MlflowRun) -> StoredRun:
    return StoredRun(
        id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        started=run.info.start_time,
        artifact_uri=run.info.artifact_uri,
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags={key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")},
    )


_METRIC = "CASE WHEN is_nan THEN NULL ELSE value END"  # NULL is not a number
# The tables that hold what a run has, in the order of `StoredRun`: what is read, and of which rows.
_TABLES = {
    "params": ("value", ""),
    "latest_metrics": (_METRIC, ""),
    "tags": ("value", "AND key NOT GLOB 'mlflow.*'"),
}
_RUN = (
    "SELECT run_uuid, COALESCE(NULLIF(name, ''), (SELECT value FROM tags WHERE key = ? AND "
    "tags.run_uuid = runs.run_uuid)), status, start_time, artifact_uri FROM runs"
)


class DatabaseReader:
    """Reads an SQLite file; see `Reader`.

    Params, metrics and tags are read when they are asked for: of the newest runs all at once, of
    older ones, which only a search goes through, each name by itself.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path):
        self._path = path

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        # Not mode=ro: what a writer that was killed has left half done must be taken back first.
        address = f"{self._path.as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE)
        with contextlib.closing(connection):
            connection.execute("PRAGMA query_only = ON")
            yield connection

    def is_known(self) -> bool:
        """Whether the tables are of the revision that is read here."""
        if os.environ.get("MLFLOW_ENABLE_WORKSPACES", "").lower() not in ("", "0", "false"):
            return False
        try:
            with self._opened() as connection:
                found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # damaged, locked
                raise
            return False  # without such a table, it is none of MLflow's yet
        return found == [(REVISION,)]

    def runs(self, tags: Mapping[str, str | None], *, deleted: bool) -> list[StoredRun]:
        """See `Reader`."""
        conditions, values = ["lifecycle_stage = ?"], ["deleted" if deleted else "active"]
        for name, value in tags.items():
            if value is None:
                conditions.append("run_uuid NOT IN (SELECT run_uuid FROM tags WHERE key = ?)")
                values.append(name)
            else:
                conditions.append(
                    "run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?)"
                )
                values += [name, value]
        with self._opened() as connection:
            rows = connection.execute(
                f"{_RUN} WHERE experiment_id = (SELECT experiment_id FROM experiments WHERE "
                f"name = ? AND workspace = 'default') AND {' AND '.join(conditions)} "
                "ORDER BY start_time IS NULL, start_time DESC, run_uuid",
                [_NAME, experiment_name(), *values],
            ).fetchall()
        return self._with_values(rows)

    def run(self, run_id: str) -> StoredRun:
        """See `Reader`."""
        with self._opened() as connection:
            rows = connection.execute(f"{_RUN} WHERE run_uuid = ?", [_NAME, run_id]).fetchall()
        if not rows:
            client = open_client(create=False)
            assert client is not None
            return ClientReader(client).run(run_id)  # it says that there is none
        return self._with_values(rows)[0]

    def history(self, run_id: str, metric: str) -> list[Point]:
        """See `Reader`."""
        with self._opened() as connection:
            rows = connection.execute(
                f"SELECT step, timestamp, {_METRIC} FROM metrics "
                "WHERE run_uuid = ? AND key = ? ORDER BY timestamp, step, value",
                [run_id, metric],
            ).fetchall()
        return [Point(step, timestamp, _number(value)) for step, timestamp, value in rows]

    def model(self, model_id: str) -> StoredModel | None:
        """See `Reader`."""
        with self._opened() as connection:
            row = connection.execute(
                "SELECT model_id, artifact_location FROM logged_models "
                "WHERE model_id = ? AND lifecycle_stage != 'deleted'",
                [model_id],
            ).fetchone()
        return None if row is None else StoredModel(*row)

    def _with_values(self, rows: Sequence[tuple[Any, ...]]) -> list[StoredRun]:
        found: list[StoredRun] = []
        columns = [functools.cache(functools.partial(self._column, name)) for name in _TABLES]
        for start in range(0, len(rows), _TOGETHER):
            part = rows[start : start + _TOGETHER]
            ids = [row[0] for row in part]
            read = [functools.cache(functools.partial(self._values, name, ids)) for name in _TABLES]
            for run_id, name, status, started, artifact_uri in part:
                params, metrics, tags = (
                    _Lazy(run_id, values, column if start else None)
                    for values, column in zip(read, columns, strict=True)
                )
                found.append(
                    StoredRun(run_id, name, status, started, artifact_uri, params, metrics, tags)
                )
        return found

    def _values(self, table: str, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Returns what some runs have in a table, by run and name, in the order of writing."""
        column, condition = _TABLES[table]
        with store_errors(), self._opened() as connection:
            rows = connection.execute(
                f"SELECT run_uuid, key, {column} FROM {table} WHERE run_uuid IN "
                f"({','.join('?' * len(run_ids))}) {condition} ORDER BY run_uuid, rowid",
                run_ids,
            )
            found: dict[str, dict[str, Any]] = {run_id: {} for run_id in run_ids}
            for run_id, name, value in rows:
                found[run_id][name] = _number(value) if table == "latest_metrics" else value
        return found

    def _column(self, table: str, name: str) -> dict[str, Any]:
        """Returns what all runs have in a table under a name, by run."""
        column, condition = _TABLES[table]
        with store_errors(), self._opened() as connection:
            rows = connection.execute(
                f"SELECT run_uuid, {column} FROM {table} WHERE key = ? {condition}", [name]
            ).fetchall()
        if table == "latest_metrics":
            return {run_id: _number(value) for run_id, value in rows}
        return dict(rows)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


class _Lazy(Mapping[str, Any]):
    """The params, metrics or tags of a run, read with those of other runs.

    Args:
        run_id: Of the run.
        read: Returns all that it and the runs beside it have, by run and name.
        column: Returns what every run has under a name, by run; None to read it all.
    """

    def __init__(
        self,
        run_id: str,
        read: Callable[[], Mapping[str, Mapping[str, Any]]],
        column: Callable[[str], Mapping[str, Any]] | None,
    ):
        self._run_id, self._read, self._column = run_id, read, column

    @cached_property
    def _own(self) -> Mapping[str, Any]:
        return self._read()[self._run_id]

    def __getitem__(self, name: str) -> Any:
        if self._column is None:
            return self._own[name]
        found = self._column(name)
        if self._run_id not in found:
            raise KeyError(name)
        return found[self._run_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __repr__(self) -> str:
        return repr(self._own)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of it, in another process too, is what it holds."""
        return dict, (dict(self._own),)
