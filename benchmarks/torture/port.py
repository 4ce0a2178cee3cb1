"""Garbage on the port of a sweep's chief."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import grpc

from benchmarks.torture.command_line import Place
from benchmarks.torture.count import Count
from benchmarks.torture.store import runs_of
from kerascnn.tuning.secret import SecretSent

TRIALS = 2
CHIEF = (
    "sweep-chief", "mlp", "digits", "--tuner", "random", "--trials", TRIALS, "--max-epochs", 1,
    "--seed", 1, "--name", "attacked", "--set", "model.hidden=[32]", "--listen", "127.0.0.1:0",
)  # fmt: skip
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_METHODS = (
    "/kerascnn.Sweep/Describe", "/kerascnn.Sweep/Beat",
    *(f"/keras_tuner.Oracle/{name}" for name in
      ("GetSpace", "UpdateSpace", "CreateTrial", "UpdateTrial", "EndTrial", "GetTrial",
       "GetBestTrials", "Nothing")),
)  # fmt: skip


def _sent(content: bytes, port: int) -> None:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as peer:
        peer.sendall(content)
        peer.settimeout(0.2)
        peer.recv(1000)


def _tls(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as peer:
        peer.settimeout(2)
        context.wrap_socket(peer)


def _call(content: bytes, secret: bytes | None, method: str, port: int) -> None:
    with contextlib.suppress(grpc.RpcError), grpc.insecure_channel(f"127.0.0.1:{port}") as plain:
        stranger = [SecretSent(secret, "stranger")] if secret is not None else []
        channel = grpc.intercept_channel(plain, *stranger)
        channel.unary_unary(method)(content, timeout=10)
        raise AssertionError(f"{method} was answered without the secret")


def attacks(chance: random.Random) -> list[Callable[[int], None]]:
    """Returns functions that each send something to a port."""
    contents = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100_000, b"PRI * HTTP/2.0\r\n", b"",
        _PREFACE, _PREFACE + b"\0" * 9, _PREFACE + b"\xff" * 100_000,
        _PREFACE + bytes.fromhex("ffffff0400000000"), b"SSH-2.0-x\r\n",
    ]  # fmt: skip
    contents += [chance.randbytes(chance.randrange(1, 5000)) for _ in range(20)]
    contents += [_PREFACE + chance.randbytes(chance.randrange(1, 5000)) for _ in range(20)]
    found: list[Callable[[int], None]] = [partial(_sent, content) for content in contents]
    found += [_tls] * 3
    for method in _METHODS:
        for secret in (None, b"", b"guessed", chance.randbytes(5000)):
            content = chance.randbytes(chance.randrange(200))
            found.append(partial(_call, content, secret, method))
    chance.shuffle(found)
    return found


def garbage(folder: Path, chance: random.Random) -> Count:
    """Attacks a chief before its worker comes, and while it trains."""
    count = Count("Garbage on the port of a sweep's chief", "connections")
    place = Place(folder)
    chief = place.start(*CHIEF)
    chief.wait_until(lambda: "listening at" in chief.out)
    found = re.search(r"KERASCNN_SWEEP_SECRET=(\S+) kerascnn .*--chief \S+:(\d+)", chief.out)
    if not found:
        count.add("chief", [f"did not listen: {chief.finished(0).err}"])
        return count.done()
    secret, port = found[1], int(found[2])
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]  # say nothing
    (place.work / "secret").write_text(secret)
    sent = attacks(chance)
    answered = []

    def attack(send: Callable[[int], None]) -> None:
        try:
            send(port)
        except AssertionError as error:
            answered.append(str(error))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attack, sent[::2]))
        worker = place.start(
            "sweep-worker", "--chief", f"127.0.0.1:{port}", "--secret-file", "secret"
        )
        worker.wait_until(lambda: "trial" in worker.out + chief.out.partition("listening")[2])
        list(pool.map(attack, sent[1::2]))
    done = [worker.finished(), chief.finished()]
    for peer in kept:
        peer.close()
    count.saw(*done)
    faults = [*answered, *done[0].faults((0,)), *done[1].faults((0,))]
    statuses = [run.status for run in runs_of(place, "trial")]
    if statuses != ["FINISHED"] * TRIALS:
        faults.append(f"trials that are {statuses}")
    refusals = [line for line in done[1].out.splitlines() if line.startswith("refused so far")]
    if not refusals:
        faults.append("the chief does not say what it refused")
    else:
        told = re.sub(r" \(the last one from [^)]*\)", "", refusals[-1])
        count.notes.append(f"The chief finished its sweep and said: `{told}`.")
    if left := place.left_over():
        faults.append(f"left behind: {left}")
    count.add("chief", faults, len(sent) + len(kept))
    return count.done()
