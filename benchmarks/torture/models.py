"""Model files of strangers: none runs code, each is refused soon and on one line."""

from __future__ import annotations

import base64
import copy
import io
import json
import marshal
import pickle
import random
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py

from benchmarks.torture.command_line import Place
from benchmarks.torture.count import Count

AT_ONCE = 2
SOON = 30.0  # seconds, the start of TensorFlow included

_CONFIG, _ABOUT, _WEIGHTS = "config.json", "kerascnn.json", "model.weights.h5"


class _Payload:
    """Code that runs where it is unpickled: it leaves a file."""

    def __init__(self, witness: Path):
        self._witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self._witness), "w"))


def _members(model: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(model) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(members: dict[str, bytes], more: dict[str, bytes] | None = None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in (*members.items(), *(more or {}).items()):
            archive.writestr(name, member)
    return content.getvalue()


def _layers(model: Path, witness: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields configs of layers and functions that run code if they are taken at their word."""
    code = marshal.dumps(compile(f"open({str(witness)!r}, 'w')", "lambda", "exec"))
    text = base64.b64encode(code).decode()
    function = {"class_name": "__lambda__", "config": {"code": text}}
    yield "a Lambda", {"module": "keras.layers", "class_name": "Lambda",
        "config": {"name": "x", "function": function}}  # fmt: skip
    yield "a bare __lambda__", function
    yield "a Lambda from within", {"module": "keras.src.layers.core.lambda_layer",
        "class_name": "Lambda", "config": {"name": "x", "function": text}}  # fmt: skip
    pickled = base64.b64encode(pickle.dumps(_Payload(witness))).decode()
    for module, name in (
        ("os", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "exec"),
        ("importlib", "import_module"), ("pickle", "loads"), ("numpy", "load"), ("kerascnn_x", "A"),
        ("keras.utils", "get_file"), ("keras.src.saving.saving_lib", "load_model"),
        ("keras.models", "load_model"), ("kerascnn.models.own", "import_own"),
        ("kerascnn.files", "remove_partial"), ("tensorflow", "io"),
    ):  # fmt: skip
        yield f"{module}.{name}", {"module": module, "class_name": name, "config": {
            "name": "x", "path": str(witness), "fname": str(witness), "origin": "file:///dev/null"
        }}  # fmt: skip
    for name in ("eval", "exec", "open", "system"):
        yield f"the function {name}", {"module": "builtins", "class_name": "function",
            "config": name, "registered_name": name}  # fmt: skip
    yield "a SavedModel", {"module": "keras.layers", "class_name": "TFSMLayer", "config": {
        "name": "x", "filepath": str(model.parent)}}  # fmt: skip
    yield "a Torch module", {"module": "keras.layers", "class_name": "TorchModuleWrapper",
        "config": {"name": "x", "module": pickled}}  # fmt: skip
    yield "a vocabulary that is a file", {"module": "keras.layers", "class_name": "StringLookup",
        "config": {"name": "x", "vocabulary": "/etc/passwd"}}  # fmt: skip


def _with_layer(config: dict[str, Any], layer: dict[str, Any]) -> bytes:
    """Returns the config of a network in which one layer is another."""
    changed = copy.deepcopy(config)
    layers = changed["config"]["layers"]
    layers[1] = {**layers[1], "registered_name": None, **layer}
    return json.dumps(changed).encode()


def _linked(weights: bytes, link: h5py.ExternalLink | h5py.SoftLink) -> bytes:
    content = io.BytesIO(weights)
    with h5py.File(content, "a") as file:
        file["stranger"] = link
    return content.getvalue()


def _huge(weights: bytes) -> bytes:
    content = io.BytesIO(weights)
    with h5py.File(content, "a") as file:
        file.create_dataset("huge", (2**20, 2**20), "f4", chunks=(64, 64))
    return content.getvalue()


def attacks(model: Path, witness: Path, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yields what is wrong with a file, and the file; `witness` is what their code would write."""
    members = _members(model)
    whole = model.read_bytes()
    config, about = json.loads(members[_CONFIG]), json.loads(members[_ABOUT])
    for name, layer in _layers(model, witness):
        yield name, _packed({**members, _CONFIG: _with_layer(config, layer)})
    zeros = bytes(600 * 2**20)
    for name in (_CONFIG, _ABOUT, _WEIGHTS):
        yield f"a bomb in {name}", _packed({**members, name: zeros})
    yield "a bomb beside", _packed(members, {"assets/bomb": zeros})
    del zeros
    for name in ("../../evil", "/tmp/evil", "..\\..\\evil", "C:\\evil", "a/../../evil"):
        yield f"a member {name}", _packed(members, {name: b"evil"})
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = 0o120777 << 16
    content = io.BytesIO(whole)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    yield "a link", content.getvalue()
    yield "many members", _packed({**members, **{f"assets/{n}": b"" for n in range(30_000)}})
    yield (
        "a newer format",
        _packed({**members, _ABOUT: json.dumps({**about, "format": 99}).encode()}),
    )
    yield "no classes", _packed({key: value for key, value in members.items() if key != _ABOUT})
    yield "no config", _packed({key: value for key, value in members.items() if key != _CONFIG})
    yield "no weights", _packed({key: value for key, value in members.items() if key != _WEIGHTS})
    yield "a deep config", _packed({**members, _CONFIG: b"[" * 100_000})
    yield "a config that is null", _packed({**members, _CONFIG: b"null"})
    yield (
        "weights elsewhere",
        _packed(
            {**members, _WEIGHTS: _linked(members[_WEIGHTS], h5py.ExternalLink("/etc/passwd", "/"))}
        ),
    )
    yield "more weights than there are", _packed({**members, _WEIGHTS: _huge(members[_WEIGHTS])})
    yield "a pickle", pickle.dumps(_Payload(witness))
    yield "a pickle for weights", _packed({**members, _WEIGHTS: pickle.dumps(_Payload(witness))})
    yield "an HDF5 file", members[_WEIGHTS]
    yield "nothing", b""
    while True:
        yield "random bytes", chance.randbytes(chance.randrange(1, 100_000))
        yield "cut off", whole[: chance.randrange(len(whole) - 1)]


def foreign(folder: Path, number: int, chance: random.Random, model: Path) -> Count:
    """Has `predict` load files that it must refuse."""
    count = Count("Model files of strangers: `predict`", "files")
    witness = folder / "witness"

    def attempt(attack: tuple[int, tuple[str, bytes]]) -> tuple[str, list[str]]:
        index, (what, content) = attack
        place = Place(folder / str(index))
        (place.work / "foreign.keras").write_bytes(content)
        (place.work / "image.png").write_bytes(_IMAGE)
        done = place.run("predict", "foreign.keras", "image.png")
        count.saw(done)
        faults = done.faults((2,))
        if done.seconds > SOON:
            faults.append(f"{done.seconds:.0f} seconds")
        if witness.exists():
            faults.append("its code was run")
            witness.unlink()
        there = sorted(path.name for path in place.work.iterdir())
        if there != ["foreign.keras", "image.png"] or place.left_over():
            faults.append(f"left behind: {there}, {place.left_over()}")
        return f"{what}", faults

    files = attacks(model, witness, chance)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # One after another: the bombs are made when they are needed.
        for begin in range(0, number, AT_ONCE):
            some = [(index, next(files)) for index in range(begin, min(begin + AT_ONCE, number))]
            for what, faults in pool.map(attempt, some):
                count.add(what, faults)
    return count.done()


def _small_image() -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.new("L", (16, 16), 200).save(content, "PNG")
    return content.getvalue()


_IMAGE = _small_image()
