"""The chief's port, its secret and its certificate."""

from __future__ import annotations

import datetime
import ipaddress
import socket
from collections.abc import Callable
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kerascnn.errors import UserError
from kerascnn.tuning import secret
from kerascnn.tuning.door import Door, _own_address
from kerascnn.tuning.secret import SecretAsked, SecretSent, worker_of


def certificate(folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """Writes a self-signed certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption(),
        )
    )
    return cert, private


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(secret.VARIABLE, raising=False)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_on_this_machine_alone_nothing_is_warned_of(listen: str) -> None:
    with Door(listen) as door:
        assert door.warning is None
        assert door.address == f"{listen.rpartition(':')[0]}:{door.port}"
        assert door.port > 0
        assert door.worker_command == (
            f"{secret.VARIABLE}={door.secret.decode()} kerascnn sweep-worker --chief {door.address}"
        )
        assert len(door.secret) >= 32


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_others_are_told_an_address_that_they_reach(listen: str) -> None:
    with Door(listen) as door:
        host, port = door.address.rsplit(":", 1)
        assert host == _own_address(ipv6="[" in listen)
        assert host.strip("[]") not in ("0.0.0.0", "::", "127.0.0.1", "::1", "localhost")
        assert door.warning is not None
        assert "in clear text; --tls-cert FILE and --tls-key FILE encrypt them" in door.warning
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10):
            pass


def test_two_do_not_share_a_port() -> None:
    with (
        Door("127.0.0.1:0") as door,
        pytest.raises(UserError, match=f"cannot listen at {door.address}: .* port is free"),
    ):
        Door(door.address)


@pytest.mark.parametrize(
    "listen",
    ["nowhere.invalid:1", "127.0.0.1", ":9090", "127.0.0.1:99999", "127.0.0.1:x", "unix:/tmp/x",
     "192.0.2.77:9090", "[::1:9090", "", "a b:1", "127.0.0.1:-1"],
)  # fmt: skip
def test_an_address_that_cannot_be_listened_at(listen: str) -> None:
    with pytest.raises(UserError, match="^cannot listen at .*: give HOST:PORT"):
        Door(listen)


def test_where_the_secret_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown only where nobody else knows it."""
    file = tmp_path / "a secret"
    file.write_bytes("  schlüssel\n".encode())
    monkeypatch.setenv(secret.VARIABLE, "from the variable")
    with Door("127.0.0.1:0") as door:
        assert door.secret == b"from the variable"
        assert door.worker_command == f"kerascnn sweep-worker --chief {door.address}"
    with Door("127.0.0.1:0", secret_file=file) as door:
        assert door.secret == "schlüssel".encode()
        assert f"sweep-worker --secret-file '{file}' --chief" in door.worker_command
    monkeypatch.setenv(secret.VARIABLE, "")
    with Door("127.0.0.1:0") as first, Door("127.0.0.1:0") as second:
        assert first.secret != second.secret


def test_files_that_hold_no_secret_or_certificate(tmp_path: Path) -> None:
    empty, large, text = tmp_path / "empty", tmp_path / "large", tmp_path / "text"
    empty.write_text(" \n")
    large.write_bytes(b"x" * 70_000)
    text.write_text("no certificate")
    cert, key = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, other = certificate(tmp_path / "other")
    (tmp_path / "locked").mkdir()
    sealed = certificate(tmp_path / "locked", b"password")
    for file, message in (
        (tmp_path, "there is no such file"),
        (tmp_path / "none", "there is no such file"),
        (empty, "it is empty"),
        (large, "is 68.4 KiB large; at most 64 KiB are read"),
    ):
        with pytest.raises(UserError, match=f"--secret-file {file}: {message}"):
            Door("127.0.0.1:0", secret_file=file)
        with pytest.raises(UserError, match=f"--tls-cert {file}: {message}"):
            Door("127.0.0.1:0", tls_cert=file, tls_key=key)
    for pair in ((text, key), (cert, text), (cert, other), (key, cert), sealed):
        with pytest.raises(UserError, match="not a certificate and its key without password"):
            Door("127.0.0.1:0", tls_cert=pair[0], tls_key=pair[1])
    with pytest.raises(UserError, match="--tls-cert FILE and --tls-key FILE go together"):
        Door("127.0.0.1:0", tls_key=key)


@pytest.fixture
def ask() -> Callable[..., str]:
    """Opens a door before a server that answers with the name of who asks, and asks."""

    def ask(door: Door, credentials: grpc.ChannelCredentials | None) -> str:
        asked = SecretAsked(door.secret, lambda: door.refusals.add("calls"))
        server = grpc.server(futures.ThreadPoolExecutor(1), interceptors=[asked])
        method = grpc.unary_unary_rpc_method_handler(
            lambda request, context: worker_of(context).encode()
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("S", {"M": method}),))
        server.add_insecure_port(door.inner_address)
        server.start()
        with door.opened():
            address = f"127.0.0.1:{door.port}"
            with (
                grpc.secure_channel(address, credentials)
                if credentials
                else grpc.insecure_channel(address)
            ) as plain:
                channel = grpc.intercept_channel(plain, SecretSent(door.secret, "wörker"))
                try:
                    return channel.unary_unary("/S/M")(b"", timeout=3).decode()
                finally:
                    server.stop(0).wait()

    return ask


def test_with_tls_only_tls_comes_in(tmp_path: Path, ask) -> None:
    cert, key = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    trusted = grpc.ssl_channel_credentials(cert.read_bytes())
    with Door("0.0.0.0:0", tls_cert=cert, tls_key=key) as door:
        assert door.warning is None
        assert f"sweep-worker --tls-ca {cert} --chief" in door.worker_command
        assert ask(door, trusted) == "wörker"
        assert door.refusals.news(now=True) is None
        for credentials in (None, grpc.ssl_channel_credentials(other.read_bytes())):
            with pytest.raises(grpc.RpcError):
                ask(door, credentials)
        assert "connections without TLS: " in (door.refusals.news(now=True) or "")


def test_without_tls_what_speaks_it_is_refused(tmp_path: Path, ask) -> None:
    cert, _ = certificate(tmp_path)
    with Door("127.0.0.1:0") as door:
        assert ask(door, None) == "wörker"
        with pytest.raises(grpc.RpcError):
            ask(door, grpc.ssl_channel_credentials(cert.read_bytes()))
        assert "connections that do not speak gRPC: " in (door.refusals.news(now=True) or "")
