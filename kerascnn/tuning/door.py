"""The port that a chief listens at, and whom it lets in.

gRPC drops what is not its own without a word and takes up whatever port it likes. So the port is
ours: taken before the sweep is opened, under TLS where there are certificates, and only what speaks
gRPC's protocol is passed on, to a socket of the file system that nobody else sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import shlex
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.scratch import socket_folder
from kerascnn.tuning.secret import VARIABLE, given_secret, new_secret, read_small_file

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # that every client of gRPC begins with
_PATIENCE = 10.0  # seconds to begin in
_CONNECTIONS = 500  # at once; a process has a thousand files, as a rule
_CHUNK = 2**16  # bytes
_TELL_EVERY = 60.0  # seconds


class Refusals:
    """Counts what was refused, and says so now and then, however much it is."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last = ""  # address
        self._told, self._told_at = 0, 0.0
        self._lock = threading.Lock()

    def add(self, what: str, address: str = "") -> None:
        """Notes one more of a kind."""
        with self._lock:
            self._counts[what] += 1
            self._last = address or self._last

    def news(self, *, now: bool = False) -> str | None:
        """Returns a line where there is something new; not again within a minute unless `now`."""
        with self._lock:
            total = self._counts.total()
            if total == self._told or not (
                now or self._told == 0 or time.monotonic() - self._told_at > _TELL_EVERY
            ):
                return None
            self._told, self._told_at = total, time.monotonic()
            kinds = "; ".join(f"{what}: {number}" for what, number in self._counts.items())
            last = f" (the last one from {self._last})" if self._last else ""
            return f"refused so far: {kinds}{last}"


class Door:
    """A chief's port.

    Args:
        listen: HOST:PORT; port 0 takes a free one.
        secret_file: Holds the secret; that of KERASCNN_SWEEP_SECRET, or a new one, if None.
        tls_cert: The chief's certificate, with those between it and its authority's, as PEM.
        tls_key: The key of the certificate.

    Attributes:
        secret: That workers must send.
        refusals: What was refused.

    Raises:
        UserError: If the port cannot be listened at, or a file is not what it should be.
    """

    def __init__(
        self,
        listen: str,
        *,
        secret_file: Path | None = None,
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
    ):
        self.refusals = Refusals()
        self._tls_cert = tls_cert
        self._tls = _server_tls(tls_cert, tls_key)
        given = given_secret(secret_file)
        made = new_secret()
        self.secret = given or made.encode()
        self._secret_shown = f"{VARIABLE}={made} " if given is None else ""
        self._secret_file = secret_file
        host, self._sockets = _listen(listen)
        self.host, self.port = host, self._sockets[0].getsockname()[1]
        self._inner = socket_folder() / f"chief-{self.port}"
        self._open = 0

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._sockets:
            listener.close()

    @property
    def address(self) -> str:
        """HOST:PORT at which workers reach it."""
        return f"{_reachable(self.host)}:{self.port}"

    @property
    def worker_command(self) -> str:
        """The whole command that starts a worker; holds the secret where nobody else knows it."""
        file = f" --secret-file {shlex.quote(str(self._secret_file))}" if self._secret_file else ""
        tls = f" --tls-ca {shlex.quote(str(self._tls_cert))}" if self._tls else ""
        return f"{self._secret_shown}kerascnn sweep-worker{file}{tls} --chief {self.address}"

    @property
    def warning(self) -> str | None:
        """What to know of a port that others can listen in on; None where they cannot."""
        if self._tls or all(_is_loopback(here.getsockname()[0]) for here in self._sockets):
            return None
        return (
            f"{self.address} is open to the network without TLS: figures and the secret go in "
            "clear text; --tls-cert FILE and --tls-key FILE encrypt them"
        )

    @property
    def inner_address(self) -> str:
        """Where gRPC's server must listen for those who are let in."""
        return f"unix:{self._inner}"

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Lets people in during a block, from a thread of its own."""
        begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

        async def serve() -> None:
            end = asyncio.Event()
            tasks = [asyncio.create_task(self._accept(listener)) for listener in self._sockets]
            begun.set_result((asyncio.get_running_loop(), end))
            await end.wait()
            for task in tasks:
                task.cancel()

        thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        thread.start()
        loop, end = begun.result()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join()

    async def _accept(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        visits = set()  # asyncio itself does not hold on to them
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError:  # no files left, or they were gone before they were let in
                await asyncio.sleep(0.1)
                continue
            visit = asyncio.create_task(self._visit(connection, peer[0]))
            visits.add(visit)
            visit.add_done_callback(visits.discard)

    async def _visit(self, connection: socket.socket, address: str) -> None:
        """Lets one connection in, or refuses it."""
        if self._open >= _CONNECTIONS:
            self.refusals.add("connections too many", address)
            connection.close()
            return
        self._open += 1
        try:
            await self._receive(connection, address)
        finally:
            self._open -= 1

    async def _receive(self, connection: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        try:
            transport, protocol = await loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=_PATIENCE if self._tls else None,
            )
        except ConnectionError:  # it only looked whether there is somebody
            return
        except OSError:  # of which SSLError is one
            self.refusals.add("connections without TLS", address)
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            begun = await _beginning(reader)
            if begun == _PREFACE:
                await self._relay(reader, writer)
            elif begun:
                self.refusals.add("connections that do not speak gRPC", address)
        finally:
            transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._inner)
        inner_writer.write(_PREFACE)
        ways = [
            asyncio.create_task(_pump(reader, inner_writer)),
            asyncio.create_task(_pump(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            inner_writer.transport.abort()


async def _beginning(reader: asyncio.StreamReader) -> bytes:
    """Reads what a connection begins with, no further than where it is wrong."""
    begun = b""
    with contextlib.suppress(OSError):  # of which TimeoutError is one
        async with asyncio.timeout(_PATIENCE):
            while _PREFACE.startswith(begun) and len(begun) < len(_PREFACE):
                more = await reader.read(len(_PREFACE) - len(begun))
                if not more:
                    break
                begun += more
    return begun


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


def _listen(listen: str) -> tuple[str, list[socket.socket]]:
    """Returns the host, as it was given, and sockets that listen at each of its addresses."""
    failed = UserError(
        f"cannot listen at {listen}: give HOST:PORT of this machine, such as 127.0.0.1:9090 or, "
        "for other machines, 0.0.0.0:9090, whose port is free"
    )
    match = re.fullmatch(r"\[([\w:.%]+)\]:(\d{1,5})|([^:\[\]\s]+):(\d{1,5})", listen, re.ASCII)
    if not match or (port := int(match[2] or match[4])) >= 2**16:
        raise failed
    host = match[1] or match[3]
    found: list[socket.socket] = []
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, place in dict.fromkeys(places):
            taken = found[0].getsockname()[1] if found else port  # the same for each, if it was 0
            both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
            found.append(
                socket.create_server(
                    (place[0], taken, *place[2:]), family=family, dualstack_ipv6=both
                )
            )
    except (OSError, UnicodeError):
        for listener in found:
            listener.close()
        raise failed from None
    return f"[{host}]" if match[1] else host, found


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _reachable(host: str) -> str:
    """Returns a host as other machines know it: this machine's name or address for all of them."""
    bare = host.strip("[]")
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(bare.partition("%")[0]).is_unspecified:
            return _own_address(ipv6=":" in bare)
    return host


def _own_address(*, ipv6: bool) -> str:
    """Returns this machine's name, if it means an address that others reach, or that address."""
    name = socket.gethostname()
    with contextlib.suppress(OSError, UnicodeError):
        if not all(_is_loopback(str(place[4][0])) for place in socket.getaddrinfo(name, None)):
            return name
    # Nothing is sent: the system says from which address it would be. These two are nobody's.
    family, far = (socket.AF_INET6, "2001:db8::1") if ipv6 else (socket.AF_INET, "192.0.2.1")
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((far, 9))
        return f"[{probe.getsockname()[0]}]" if ipv6 else str(probe.getsockname()[0])
    return name


def _server_tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None or key is None:
        if cert is not key:
            raise UserError("--tls-cert FILE and --tls-key FILE go together: one is missing")
        return None
    for option, path in (("--tls-cert", cert), ("--tls-key", key)):
        read_small_file(option, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    try:
        context.load_cert_chain(cert, key, password="")  # of one that has some, do not ask
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UserError(
            f"--tls-cert {cert} and --tls-key {key}: not a certificate and its key without "
            f"password, in PEM ({_reason(error)})"
        ) from None
    return context


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error).lower().replace("_", " ")
