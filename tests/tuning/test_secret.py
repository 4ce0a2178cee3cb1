"""The secret of a sweep: where it comes from, and that no call without it comes through."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from kerascnn.errors import UserError
from kerascnn.tuning.secret import (
    VARIABLE,
    SecretAsked,
    SecretSent,
    given_secret,
    new_secret,
    read_small_file,
    worker_of,
)


@pytest.mark.parametrize(
    ("variable", "secret"),
    [(None, None), ("", None), (" \n", None), ("hush", b"hush"), (" hush\n", b"hush"),
     ("geheim: ü", "geheim: ü".encode())],
)  # fmt: skip
def test_the_variables_secret(variable: str | None, secret: bytes | None, monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(VARIABLE, variable)
    assert given_secret(None) == secret


def test_a_file_comes_before_the_variable(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "of the variable")
    (tmp_path / "secret").write_bytes(b"\n of the\xff file \r\n")
    assert given_secret(tmp_path / "secret") == b"of the\xff file"


def test_a_home_folders_file_is_meant_by_a_tilde(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "secret").write_text("hush\n")
    assert given_secret(Path("~/secret")) == b"hush"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (Path.mkdir, "there is no such file"),
        (_pipe, "is a pipe, not a file"),
        (Path.touch, "it is empty"),
        (lambda path: path.write_text(" \n"), "it is empty"),
        (lambda path: path.write_bytes(b"x" * 70_000), "is 68.4 KiB large; at most 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, make, message: str) -> None:
    path = tmp_path / "secret"
    make(path)
    with pytest.raises(UserError, match=f"^--secret-file {path}: {message}") as raised:
        given_secret(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("x" * 5000, r"^--tls-ca x+\.\.\.x+: File name too long$"),
        ("~nobody-of-that-name/ca", "^--tls-ca .*: there is no such home folder$"),
        ("a\0b", "holds a NUL character"),
        ("/dev/zero", "^--tls-ca /dev/zero: is a device, not a file$"),
    ],
)
def test_paths_that_are_none(path: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_small_file("--tls-ca", Path(path))


def test_new_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert min(map(len, made)) >= 43  # 256 bits
    assert all(secret.strip() == secret and secret.isascii() for secret in made)


class _Greeter(grpc.GenericRpcHandler):
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: request + worker_of(context).encode()
        )


@pytest.fixture
def refused() -> list[int]:
    return []


@pytest.fixture
def address(refused: list[int]) -> Iterator[str]:
    """A server that greets the worker by its name, if it knows the secret."""
    with ThreadPoolExecutor(2) as threads:
        asked = SecretAsked(b"hush\xff", lambda: refused.append(1))
        server = grpc.server(threads, handlers=[_Greeter()], interceptors=[asked])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(None).wait()


@pytest.fixture
def greeting(address: str) -> Callable[..., bytes]:
    def ask(*sent: grpc.UnaryUnaryClientInterceptor, metadata=None) -> bytes:
        with grpc.insecure_channel(address) as channel:
            call = grpc.intercept_channel(channel, *sent).unary_unary("/any/Thing")
            return bytes(call(b"good day, ", timeout=20, metadata=metadata))

    return ask


@pytest.mark.parametrize("name", ["first", "zweite-ü", ""])
def test_who_has_the_secret_is_answered_by_name(greeting, refused: list[int], name: str) -> None:
    expected = f"good day, {name}".encode()
    assert greeting(SecretSent(b"hush\xff", name)) == expected
    assert greeting(SecretSent(b"hush\xff", name), metadata=[("more", "of it")]) == expected
    assert refused == []


@pytest.mark.parametrize("secret", [b"", b"hush", b"hush\xff ", b"HUSH\xff"])
def test_another_secret_is_refused_and_counted(greeting, refused, secret: bytes) -> None:
    with pytest.raises(grpc.RpcError) as error:
        greeting(SecretSent(secret, "a"))
    assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert refused == [1]


@pytest.mark.parametrize(
    "metadata", [None, [("kerascnn-secret-bin", b"hush\xff")], [("kerascnn-worker-bin", b"a")]]
)
def test_half_of_it_is_not_enough(greeting, refused: list[int], metadata) -> None:
    with pytest.raises(grpc.RpcError) as error:
        greeting(metadata=metadata)
    assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert refused == [1]
