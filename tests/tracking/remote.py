"""A tracking server on this machine, with a PostgreSQL database and the artifacts behind it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def free_port() -> int:
    """Returns a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def missing() -> str | None:
    """Returns why there can be no such server here; None where there can."""
    if not _PROGRAMS:
        return "PostgreSQL is not installed (Debian's package postgresql)"
    if importlib.util.find_spec("psycopg2") is None:
        return "psycopg2 is not installed (the extra dev)"
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            pwd.getpwnam("postgres")
            return None
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


class Database:
    """A PostgreSQL server with an empty database, in a folder of its own.

    Attributes:
        uri: Its address.
    """

    def __init__(self, folder: Path):
        self._programs = _PROGRAMS[-1].parent
        self._folder = folder / "data"
        self._port = free_port()
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self.uri = f"postgresql+psycopg2://tester@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-D", self._folder, "-A", "trust", "-U", "tester", "-N")
        options = f"-c listen_addresses=127.0.0.1 -p {self._port} -c unix_socket_directories="
        self._options = ("-D", self._folder, "-w", "-l", folder / "log", "-o", options)
        self._run("pg_ctl", *self._options, "start")

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._programs / program, *map(str, arguments)],
            check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, user=self._user,
            cwd="/",
        )  # fmt: skip

    def restart(self) -> None:
        """Breaks every connection, as a crash does."""
        self._run("pg_ctl", *self._options, "-m", "immediate", "restart")

    def end(self) -> None:
        """Ends it."""
        self._run("pg_ctl", "-D", self._folder, "-m", "immediate", "stop")


class Server:
    """MLflow's server.

    Attributes:
        uri: Its address.
    """

    def __init__(self, database: Database, folder: Path):
        self._database, self._folder, self._port = database, folder, free_port()
        self.uri = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        log = self._folder / "server.log"
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--backend-store-uri",
                 self._database.uri, "--artifacts-destination", str(self._folder / "artifacts"),
                 "--serve-artifacts", "--host", "127.0.0.1", "--port", str(self._port),
                 "--workers", "1"],
                env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=said, stderr=said, cwd=self._folder, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while True:
            assert self._process.poll() is None, log.read_text(errors="replace")[-2000:]
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError),
                urllib.request.urlopen(f"{self.uri}/health", timeout=5),
            ):
                return
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def kill(self) -> None:
        """Ends it at once, in the middle of whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def remote_store() -> Iterator[tuple[Database, Server]]:
    """Starts a database and a server, and ends them."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)  # the database is another user's
        (Path(place) / "database").mkdir()
        database = Database(Path(place) / "database")
        try:
            server = Server(database, Path(place))
            try:
                yield database, server
            finally:
                server.kill()
        finally:
            database.end()
