"""What is looked at in a model file before any of it is read: no bomb, no way out of it."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.serving.members import (
    check_weights,
    opened_archive,
    stored_input_shape,
    stored_weights,
)


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Writes an archive of members: `archive({"config.json": b"{}"})`."""

    def write(members: dict[str | zipfile.ZipInfo, bytes], **options: Any) -> Path:
        with zipfile.ZipFile(tmp_path / "m.keras", "w", **options) as file:
            for member, content in members.items():
                file.writestr(member, content)
        return tmp_path / "m.keras"

    return write


@pytest.fixture(autouse=True)
def _quick_and_small() -> Any:
    """Whatever is in a file, it is told soon and in little memory."""
    began = time.monotonic()
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - began < 20
    assert peak < 2**26


def _names(path: Path) -> list[str]:
    with opened_archive(path) as archive:
        return archive.namelist()


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_model_is_opened_packed_or_not(archive, packed: int) -> None:
    weights = np.random.default_rng(0).random(50_000).tobytes()
    members = {"config.json": b"{}", "a/model.weights.h5": weights, "..a/b..c.json": b"1"}
    path = archive(members, compression=packed)
    with opened_archive(path) as file:
        assert {name: file.read(name) for name in file.namelist()} == members


@pytest.mark.parametrize(
    "name",
    ["../config.json", "../../etc/passwd", "a/../../b", "/etc/passwd", "..\\b", "a\\..\\b", "\\b",
     "C:\\b", "c:b", "..", "a/.."],
)  # fmt: skip
def test_a_member_that_leads_out_is_refused(archive, name: str) -> None:
    member = zipfile.ZipInfo("x")
    member.filename = name
    path = archive({"config.json": b"{}", member: b"harm"})
    with pytest.raises(UserError, match="leads out of the file: not loaded$"):
        _names(path)


def test_a_link_is_refused(archive) -> None:
    link = zipfile.ZipInfo("model.weights.h5")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UserError, match=r"its member 'model\.weights\.h5' is a link: not loaded$"):
        _names(archive({link: b"/etc/passwd"}))


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("config.json", 2**26, "would be 64 MiB; at most 16 MiB are read"),
        ("model.weights.h5", 2**26, r"would be 64 MiB, packed to [\d.]+ KiB"),
        ("other", 2**26, r"would be 64 MiB, packed to [\d.]+ KiB"),
    ],
)
def test_a_member_that_grows_is_refused(archive, name: str, size: int, message: str) -> None:
    packer = zipfile.ZipFile  # in pieces: the test, too, has little memory
    path = archive({})
    with packer(path, "w", zipfile.ZIP_DEFLATED) as file, file.open(name, "w") as member:
        for _ in range(size // 2**20):
            member.write(bytes(2**20))
    with pytest.raises(UserError, match=f"^{path}: its member '{name}' {message}: not loaded$"):
        _names(path)


def _with_size(path: Path, size: int) -> None:
    """Lets the list of members, and the member itself, tell another size."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = content.index(signature) + offset
        content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)


@pytest.mark.parametrize("size", [1, 2**20, 2**24 + 1, 2**32 - 2])
def test_a_size_that_is_a_lie_gives_no_more_than_is_promised(archive, size: int) -> None:
    path = archive({"config.json": bytes(2**22)}, compression=zipfile.ZIP_DEFLATED)
    _with_size(path, size)
    if size > 2**20:
        with pytest.raises(UserError, match=r"config\.json' would be"):
            _names(path)
        return
    with pytest.raises(zipfile.BadZipFile), opened_archive(path) as file:  # its checksum
        file.read("config.json")


def test_a_list_of_members_without_end_is_not_read(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for number in range(12_000):
            file.writestr(f"{number:0100}", b"")
    path = tmp_path / "many.keras"
    path.write_bytes(content.getvalue())
    with pytest.raises(zipfile.BadZipFile, match="too many members"):
        _names(path)


def test_what_is_no_file_or_far_too_large_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(UserError, match=r"pipe\.keras: is a pipe, not a file$"):
        _names(tmp_path / "pipe.keras")
    (tmp_path / "hole.keras").touch()
    os.truncate(tmp_path / "hole.keras", 2**40)
    with pytest.raises(UserError, match=r"hole\.keras: is 1 TiB large; at most 32 GiB are read$"):
        _names(tmp_path / "hole.keras")
    os.truncate(tmp_path / "hole.keras", 2**34)
    with pytest.raises(zipfile.BadZipFile):
        _names(tmp_path / "hole.keras")


def _weights(fill: Callable[[h5py.File], object]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


def test_numbers_are_counted_through_all_groups() -> None:
    def fill(file: h5py.File) -> None:
        file["layers/conv/vars/0"] = np.zeros((3, 3, 1, 6), np.float32)
        file["layers/conv/vars/1"] = np.zeros(6, np.float32)
        file["scale"] = np.float32(1)
        file.create_group("layers/empty")

    assert stored_weights(_weights(fill)) == 54 + 6 + 1


def _promises(file: h5py.File) -> None:
    file.create_dataset("w", (2**20, 2**20), "float32", chunks=(2**10, 2**10))  # nothing is stored


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "w", (4,))
    file.create_virtual_dataset("w", layout)


def _external(file: h5py.File) -> None:
    file.create_dataset("w", (4,), "float32", external=[("/etc/passwd", 0, 16)])


def _link_outside(file: h5py.File) -> None:
    file["w"] = h5py.ExternalLink("/etc/passwd", "w")


def _link_inside(file: h5py.File) -> None:
    file["w"] = h5py.SoftLink("/w")


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (_promises, "its weights would be 4 TiB or more, in"),
        (_virtual, "its weights lead out of the file"),
        (_external, "its weights lead out of the file"),
        (_link_outside, "its weights lead out of the file"),
        (_link_inside, "its weights lead out of the file"),
    ],
)
def test_weights_that_are_not_in_the_file_are_refused(fill, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stored_weights(_weights(fill))


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_what_is_not_hdf5_or_cut_off_is_an_oserror(keep: int) -> None:
    whole = _weights(lambda file: file.create_dataset("w", data=np.ones(1000)))
    with pytest.raises(OSError, match="open file"):
        stored_weights(whole[:keep])


def test_a_network_may_not_be_far_larger_than_its_weights() -> None:
    check_weights(1000, 1000)
    check_weights(61_706, 0)  # what costs nothing
    with pytest.raises(ValueError, match=r"^has 10,000,000 weights, of which the file holds 5$"):
        check_weights(10_000_000, 5)


def test_the_shape_of_the_images_that_a_network_takes(archive) -> None:
    one = {"class_name": "InputLayer", "config": {"batch_shape": [None, 28, 30, 1]}}
    dense = {"class_name": "Dense", "config": {}}

    def shape(*layers: Any) -> tuple[int, ...] | None:
        config = json.dumps({"config": {"layers": layers}}).encode()
        return stored_input_shape(archive({"config.json": config}))

    assert shape(one, dense) == (28, 30, 1)
    assert shape(one, one) is None
    assert shape(dense) is None
    assert shape({**one, "config": {"batch_shape": [None, None, None, 3]}}) is None
    assert stored_input_shape(archive({"a": b""})) is None
    path = archive({"config.json": b"{}"})
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match="damaged, or not a .keras file"):
        stored_input_shape(path)
