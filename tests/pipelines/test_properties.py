"""Whatever a command is given, it answers soon, on one line, and leaves nothing half made."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.scratch import scratch_folder
from kerascnn.tuning.space import load_space
from tests.conftest import Finished

# Something that TensorFlow imports raises the limit.
pytestmark = pytest.mark.filterwarnings("ignore:The recursion limit will not be reset")

SECONDS, BYTES = 30.0, 2**30  # of one command: more is a hang, or a bomb

# What no argument of a process can hold is not drawn: NUL, and bytes that are no text as others.
ARGUMENT = st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.characters(
    min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]
)
TEXTS = st.text(ARGUMENT, max_size=40) | st.sampled_from(
    [
        "", " ", "\n", "\t", "a\nb", "[/b]", "[bold]x", r"$\frac$", "$x$", "{0}%s", "\x1b[31mred",
        "\x1b]0;title\x07", "\u202eright", "\udcff\udcfe", "'\"`;&|", "x" * 300, "x" * 10_000,
        "é" * 200, "-", "--", "-x", "--x", "=", "a=b", ",", ",,", ":", "::", "latest", "..",
        "../..", ".", "~", "~nobody-here/x", "~/x", "/dev/null", "/dev/zero", "/dev/stdin",
        "/nowhere/x.png", "pipe", "pipe.png", "pipe.yaml", "pipe.keras", "sparse.png",
        "sparse.yaml", "sparse.keras",
        "folder", "folder.png", "folder.yaml", "folder.keras", "folder:", "folder:pipe", "csv:",
        "csv:pipe", "csv:sparse.png", "folder:~", "csv:/dev/zero", "folder:folder", "csv:folder",
        "x.png/y.png", "\udcff.png", "é" * 200 + ".png", "x/" * 3000 + "x.png", "[/b].txt",
    ]
)  # fmt: skip
NUMBERS = st.sampled_from(
    [
        "inf", "-inf", "nan", "-0", "-0.0", "0", "-1", "1", "1.5", "1e-400", "1e400", "1e3", "1e99",
        "True", "true", "null", "1_000", "0x10", "0b1", "٣", "²", "½", "", " 5 ", "+5", "5.", ".5",
        "1,5", "1 000", str(2**31), str(2**32), str(2**63), str(2**64), "9" * 20, "-" + "9" * 20,
        "9" * 5000, "0" * 400 + "1", "10m", "[1, 2]", "{}", "1e", "--5",
    ]
) | st.one_of(st.integers(), st.floats()).map(str)  # fmt: skip

# Commands with a place for a text. None of them goes on to train, whatever the text is: the data
# are not there, or the run is not.
GONE = ("linear", "folder:gone")
TEXT_LINES: list[tuple[str | None, ...]] = [
    (None,), ("train", None), ("train", None, "digits"), ("train", "lenet5", None),
    ("train", "--recipe", None), ("train", "--resume", None), ("train", *GONE, "--set", None),
    *(("train", *GONE, f"--{option}", None) for option in
      ("batch-size", "precision", "device", "init", "freeze", "optimizer", "augment", "cache",
       "balance", "time-limit", "name")),
    ("lr-find", None, "digits"), ("lr-find", *GONE, "--out", None),
    ("lr-find", *GONE, "--set", None), ("lr-find", "--recipe", None),
    ("sweep", None, "digits"), ("sweep", "--resume", None), ("sweep", *GONE, "--save-best", None),
    *(("sweep", *GONE, f"--{option}", None) for option in
      ("space", "tuner", "objective", "time-limit", "name", "set")),
    *(("sweep-chief", *GONE, f"--{option}", None) for option in
      ("listen", "secret-file", "tls-cert", "tls-key", "worker-timeout", "wait")),
    ("sweep-worker", "--chief", "127.0.0.1", "--secret-file", None),
    ("sweep-worker", "--chief", "127.0.0.1", "--tls-ca", None),
    ("sweep-worker", "--chief", "127.0.0.1", "--timeout", None),
    ("evaluate", None), ("evaluate", "gone", "--split", None), ("predict", None, "x.png"),
    ("predict", "gone", None), ("predict", "gone", "x.png", "--format", None),
    ("runs", "--filter", None), ("runs", "--sort", None), ("runs", "--columns", None),
    ("compare", None), ("compare", None, None), ("compare", "gone", "--out", None),
    *(("compare", "gone", f"--{option}", None) for option in ("csv", "json", "sweep", "filter")),
    ("compare", "--sweep", None), ("compare", "--filter", None),
    ("runs", "--csv", None), ("runs", "--json", None),
    ("sweeps", None), ("sweeps", "show", None), ("sweeps", "show", "gone", "--save-best", None),
    ("sweeps", "show", "gone", "--out", None),
    ("models", "--family", None), ("models", "--search", None),
    ("summary", None), ("summary", "lenet5", None), ("summary", "lenet5", "--input", None),
    ("summary", "lenet5", "--format", None), ("summary", "lenet5", "--diagram", None),
    ("summary", "convnet", "--filters", None), ("summary", "convnet", "--dense", None),
    ("datasets", None), ("datasets", "check", None), ("datasets", "show", "folder:gone", None),
    ("datasets", "show", "folder:gone", "--out", None), ("datasets", "check", "gone", "--fix-list",
     None), ("datasets", "preview", "folder:gone", "--augment", None),
    ("datasets", "preview", "folder:gone", "--set", None),
    ("datasets", "preview", "folder:gone", "--out", None),
    ("cache", None), ("cache", "clear", None), ("ui", "--host", "x.invalid", "--port", None),
    ("recipes", None), ("recipes", "show", None), ("recipes", "fields", None),
    ("recipes", "show", "digits-quick", "--set", None),
]  # fmt: skip
NUMBER_LINES: list[tuple[str | None, ...]] = [
    *(("train", *GONE, f"--{option}", None) for option in
      ("epochs", "steps", "batch-size", "threads", "learning-rate", "image-size", "seed",
       "time-limit", "device")),
    *(("lr-find", *GONE, f"--{option}", None) for option in ("from", "to", "steps")),
    *(("sweep", *GONE, f"--{option}", None) for option in
      ("trials", "executions", "max-epochs", "seed", "retrain", "workers", "time-limit")),
    ("sweep-worker", "--chief", "127.0.0.1", "--threads", None),
    ("sweep-chief", *GONE, "--worker-timeout", None), ("sweep-chief", *GONE, "--wait", None),
    ("predict", "gone", "x.png", "--top", None), ("runs", "--limit", None),
    ("sweeps", "show", "gone", "--limit", None), ("ui", "--port", None, "--host", "x.invalid"),
    *(("datasets", "preview", "folder:gone", f"--{option}", None) for option in
      ("originals", "copies", "seed")),
    ("datasets", "show", "folder:gone", "--image-size", None),
    *(("summary", "lenet5", f"--{option}", None) for option in ("classes", "batch-size")),
    ("summary", "convnet", "--filters", None), ("summary", "convnet", "--dropout", None),
    ("summary", "cifar-resnet20", "--input", None), ("summary", "mlp", "--hidden", None),
]  # fmt: skip
FIELDS = st.sampled_from(
    [
        "training.epochs", "training.steps", "training.seed", "training.threads",
        "training.batch_size", "training.label_smoothing", "training.accumulation",
        "training.early_stopping", "training.freeze", "training.time_limit", "training.ema",
        "optimizer", "optimizer.name", "optimizer.learning_rate", "optimizer.weight_decay",
        "optimizer.schedule", "optimizer.schedule.warmup", "optimizer.schedule.name", "augment",
        "augment.preset", "augment.operations", "augment.mean", "data", "data.image_size",
        "data.validation_fraction", "data.name", "model", "model.name", "model.dropout",
        "model.filters", "model.stages", "name", "description", "training", "",
    ]
)  # fmt: skip


@pytest.fixture
def place(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a pipe, a very large file and a folder, and an empty home."""
    work = workplace / "home" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(workplace / "home"))
    monkeypatch.setenv("KERASCNN_SWEEP_SECRET", "secret")
    for ending in ("", ".png", ".yaml", ".keras"):
        os.mkfifo(work / f"pipe{ending}")
        (work / f"folder{ending}").mkdir()
        with (work / f"sparse{ending}").open("wb") as file:
            file.truncate(2**36)
    return work


def _runs(place: Path) -> int:
    store = place / "mlruns" / "mlflow.db"
    if not store.exists():
        return 0
    with sqlite3.connect(store) as connection:
        (number,) = connection.execute("select count(*) from runs").fetchone()
    connection.close()
    return int(number)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.fixture
def answered(
    place: Path, kerascnn: Callable[..., Finished]
) -> Callable[[tuple[object, ...]], Finished]:
    """Runs a command, and holds it to what every command keeps to."""

    def answer(line: tuple[object, ...]) -> Finished:
        before, runs, memory = sorted(place.rglob("*")), _runs(place), _memory()
        scratch = set(scratch_folder().iterdir())
        began = time.monotonic()
        done = kerascnn(*line)
        assert time.monotonic() - began < SECONDS
        assert _memory() - memory < BYTES
        assert done.code in (0, 1, 2), done.err
        assert "Traceback" not in done.err
        assert not re.search(r"unexpected [A-Z]\w+: ", done.err), done.err
        lines = done.err.split("\n")
        assert lines.pop() == ""
        assert all(text.startswith(("Error: ", "Warning: ")) for text in lines), done.err
        if done.code == 2:
            assert len([text for text in lines if text.startswith("Error: ")]) == 1, done.err
            assert _runs(place) == runs
            made = {path for path in place.rglob("*") if path not in before}
            assert not {path for path in made if "mlruns" not in path.parts}
        seen = (done.out + done.err).replace("\n", "")
        assert not [character for character in seen if character < " " or character == "\x7f"]
        # TensorFlow's own stay as long as the process; the folder goes with it.
        left = {path.name for path in set(scratch_folder().iterdir()) - scratch}
        assert all(name.startswith("__autograph") for name in left), left
        return done

    return answer


def _filled(line: tuple[str | None, ...], text: str) -> tuple[str, ...]:
    return tuple(text if word is None else word for word in line)


@given(line=st.sampled_from(TEXT_LINES), text=TEXTS)
@settings(max_examples=2 * settings.get_profile("kerascnn").max_examples)
def test_texts(answered, line: tuple[str | None, ...], text: str) -> None:
    answered(_filled(line, text))


@given(line=st.sampled_from(NUMBER_LINES), number=NUMBERS)
def test_numbers(answered, line: tuple[str | None, ...], number: str) -> None:
    answered(_filled(line, number))


# YAML, from its smallest parts up.
SCALARS = st.sampled_from(
    [
        "~", "null", "true", "no", "1", "-0", "1_000", "0x1F", "0o17", "1:30", ".inf", ".nan",
        "1e400", "2024-99-99", "2024-01-01", "!!int abc", "!!float x", "!!binary x", "!!null x",
        "!!timestamp x", "!!python/object:os.system x", "!x y", "&a 1", "*a", "9" * 5000, "''",
        '"\\xZZ"', '"\\ud800"', "|", ">-", "%", "@x", "`x`", "\t", "- -", "? a", ": :", "<<",
        "{<<: *a}", "&a [*a]", "=", "digits", "lenet5", "linear", "sgd", "light", "folder:gone",
    ]
) | st.text(max_size=12)  # fmt: skip
KEYS = st.sampled_from(
    [
        "model", "data", "name", "training", "epochs", "optimizer", "schedule", "augment", "preset",
        "operations", "learning_rate", "int", "float", "choice", "when", "fixed", "log", "1", "~",
        "true", "''", "[a]", "{a: 1}", "2024-01-01", "<<", "!!int x", "&a b", "? x",
    ]
) | st.text(max_size=6)  # fmt: skip
YAML = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]")
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)
BLOCKS = st.lists(st.tuples(KEYS, YAML), max_size=5).map(
    lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs)
)
BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20))]
)
RECIPE = """\
model: {name: convnet, filters: 16}
data: {name: 'folder:gone', image_size: 32}
augment: {preset: light}
optimizer:
  name: sgd
  learning_rate: 0.1
  schedule: {name: cosine, warmup: 1}
training: {epochs: 3, batch_size: 32}
"""
SPACE = """\
model.stages: {int: [1, 4]}
model.filters: {int: [8, 64], step: 2, log: true}
model.dense: {choice: [[], [64], [128, 64]]}
model.dropout: {float: [0.0, 0.6], when: {model.dense: [[64], [128, 64]]}}
optimizer.learning_rate: {float: [0.0003, 0.1], log: true}
training.batch_size: {fixed: 64}
"""


def _replaced(text: str) -> st.SearchStrategy[str]:
    """A text in which one piece is another."""
    places = st.integers(0, len(text))
    return st.tuples(places, st.integers(0, 12), SCALARS | YAML).map(
        lambda change: text[: change[0]] + change[2] + text[change[0] + change[1] :]
    )


def _files(text: str) -> st.SearchStrategy[bytes]:
    whole = YAML | BLOCKS | _replaced(text)
    return (
        whole.map(lambda content: content.encode(errors="replace"))
        | st.binary(max_size=200)
        | whole.map(lambda content: content.encode("utf-16", errors="replace"))
        | st.sampled_from(["[", "{a: ", "- ", "a:\n "]).map(lambda start: start.encode() * 30_000)
    )


@given(field=FIELDS, value=NUMBERS | TEXTS | YAML)
@example(field="augment.preset", value="{}")
@example(field="augment.operations", value="[{}]")
@example(field="training.freeze", value="[!!timestamp x]")
@example(field="optimizer", value="\udcff")
def test_any_field_set_to_anything(answered, field: str, value: str) -> None:
    value = value.replace("\0", "")  # no argument holds it
    answered(("train", "convnet", "folder:gone", "--set", f"{field}={value}"))
    answered(("recipes", "show", "digits-quick", "--set", f"{field}={value}"))


@given(content=_files(RECIPE))
@example(content=BOMB.encode())
@example(content=(BOMB + "\nmodel: *a19").encode())
@example(content=b"x" * 2_000_000)
@example(content=b"a: &a {b: *a}")
@example(content=b"model: lenet5\ndata: folder:gone\ntraining: {epochs: 2024-99-99}\n")
def test_recipes_of_any_yaml(answered, place: Path, content: bytes) -> None:
    (place / "recipe.yaml").write_bytes(content)
    shown = answered(("recipes", "show", "recipe.yaml"))
    trained = answered(("train", "--recipe", "recipe.yaml", "--set", "data.name=folder:gone"))
    assert trained.code == 2
    assert shown.code in (0, 2)


@given(content=_files(SPACE))
@example(content=BOMB.encode())
@example(content=b"")
def test_spaces_of_any_yaml(answered, place: Path, content: bytes) -> None:
    path = place / "space.yaml"
    path.write_bytes(content)
    assert answered(("sweep", *GONE, "--space", path)).code == 2
    with contextlib.suppress(UserError):
        load_space(path).validate_against(load_recipe("convnet", data="digits"))


# Names of files and folders, as the system has them: bytes.
NAMES = (
    st.binary(max_size=40)
    | st.sampled_from(
        [b"[/b]", rb"$\frac$", b"\x1b[31m", b"\t", b"a\nb", b"\xff\xfe", b"x" * 240, b"-x", b"~",
         "é".encode(), b"=", b"a,b", b'"', b"%s", b"train", b"\xe2\x80\xae"]
    )
).map(lambda name: name.replace(b"/", b"").replace(b"\0", b""))  # fmt: skip


@pytest.fixture
def photos(place: Path) -> Callable[[list[bytes], bytes], Path]:
    """Makes a folder of images, from the names of its classes and what its files' names hold."""
    made = 0

    def make(classes: list[bytes], name: bytes) -> Path:
        nonlocal made
        made += 1
        root = place.parent / f"photos-{made}"
        for number, folder in enumerate(classes):
            below = os.fsencode(root) + b"/" + folder
            os.makedirs(below)
            for index in range(6):
                shade = Image.new("L", (8, 8), 40 * index + number)
                with open(below + b"/" + b"%d%s.png" % (index, name), "wb") as file:
                    shade.save(file, "PNG")
        return root

    return make


CLASSES = st.lists(
    NAMES.filter(lambda name: name not in (b"", b".", b"..")), min_size=2, max_size=3, unique=True
)


@given(classes=CLASSES, name=NAMES)
def test_names_of_classes_and_files(answered, photos, classes: list[bytes], name: bytes) -> None:
    root = photos(classes, name)
    answered(("datasets", "check", root))
    answered(("datasets", "show", f"folder:{root}", "--out", root / "samples.png"))
    answered(("predict", "gone", root))


@given(classes=CLASSES, name=NAMES, run=TEXTS)
@settings(max_examples=2)
@pytest.mark.ci
def test_a_training_with_any_names(
    answered, photos, classes: list[bytes], name: bytes, run: str
) -> None:
    root = photos(classes, name)
    line = ("train", "linear", f"folder:{root}", "--epochs", "1", "--name")
    answered((*line, run))
    trained = answered((*line, "well"))
    answered(("runs",))
    if trained.code == 0:
        answered(("evaluate", "well", "--per-class"))
        answered(("predict", "well", root))
