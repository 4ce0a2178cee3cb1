"""What a model says of many files, as text or as a file that is written while it says it."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kerascnn.errors import UserError, unknown
from kerascnn.files import read_regular, written_whole

if TYPE_CHECKING:
    from kerascnn.serving.predict import Prediction

FORMATS = ("csv", "jsonl", "json", "parquet")
RESUMABLE = ("csv", "jsonl")

_EVERY = 1.0  # seconds between two notes of how far a file has come
_LARGEST_NOTE = 2**16  # bytes
_ROW_GROUP = 2**16  # rows of Parquet that are kept until they are written


def format_of(path: Path) -> str:
    """Returns the format that the ending of a file stands for.

    Raises:
        UserError: If it stands for none.
    """
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        raise unknown("format of --out", path.suffix or path.name, [f".{one}" for one in FORMATS])
    return name


@dataclass(frozen=True)
class Layout:
    """What is written of each file.

    Attributes:
        thresholds: Of a model that gives several labels, by name.
        unknown_below: Where the likeliest class has less than this probability, the file is said to
            be unknown; None to say nothing of it.
    """

    thresholds: Mapping[str, float] | None = None
    unknown_below: float | None = None

    def is_unknown(self, prediction: Prediction) -> bool:
        """Whether the likeliest class is too unlikely."""
        least = self.unknown_below
        return least is not None and prediction.probabilities[0] < least

    def record(self, prediction: Prediction) -> dict[str, Any]:
        """Returns what JSON has of a file."""
        pairs = zip(prediction.classes, prediction.probabilities, strict=True)
        if self.thresholds is not None:
            labels = [
                {"class": name, "probability": share, "threshold": self.thresholds[name]}
                for name, share in pairs
            ]
            return {"file": str(prediction.path), "labels": labels}
        record: dict[str, Any] = {"file": str(prediction.path)}
        if self.unknown_below is not None:
            record["unknown"] = self.is_unknown(prediction)
        record["predictions"] = [{"class": name, "probability": share} for name, share in pairs]
        return record

    @property
    def columns(self) -> list[str]:
        """The headings of tables."""
        last = ["threshold"] if self.thresholds is not None else []
        last += ["unknown"] if self.unknown_below is not None else []
        return ["file", "rank", "class", "probability", *last]

    def rows(self, prediction: Prediction) -> list[list[Any]]:
        """Returns what tables have of a file: a row for each class, the likeliest first.

        Of a file without any label, one row of rank 0.
        """
        file = str(prediction.path)
        ranked = enumerate(zip(prediction.classes, prediction.probabilities, strict=True), start=1)
        if self.thresholds is not None:
            labels = [[file, rank, name, p, self.thresholds[name]] for rank, (name, p) in ranked]
            return labels or [[file, 0, None, None, None]]
        last = [] if self.unknown_below is None else [self.is_unknown(prediction)]
        return [[file, rank, name, p, *last] for rank, (name, p) in ranked]


@dataclass(frozen=True)
class Text:
    """A format of text, which files are added to one after the other.

    Attributes:
        head: What it begins with.
        body: From some readable files, and whether others stand before them, to their text.
        tail: What it ends with.
    """

    head: str
    body: Callable[[Sequence[Prediction], bool], str]
    tail: str = ""


def text_format(name: str, layout: Layout, *, escaped: bool = False) -> Text:
    """Returns a format: "csv", "jsonl" or "json".

    Args:
        name: Of the format.
        layout: What is written of each file.
        escaped: Whether JSON has characters that are not ASCII as escapes.
    """
    if name == "csv":
        return Text(_csv([layout.columns]), lambda found, _: _csv(_cells(layout, found)))

    def dumped(one: Prediction, indent: int | None) -> str:
        return json.dumps(layout.record(one), indent=indent, ensure_ascii=escaped)

    if name == "jsonl":
        return Text("", lambda found, _: "".join(f"{dumped(one, None)}\n" for one in found))

    def items(found: Sequence[Prediction], more: bool) -> str:
        texts = [dumped(one, 2).replace("\n", "\n  ") for one in found]
        return "".join(f"{',' if more or i else ''}\n  {text}" for i, text in enumerate(texts))

    return Text("[", items, "\n]\n")


def _cells(layout: Layout, found: Iterable[Prediction]) -> Iterable[list[Any]]:
    for one in found:
        for file, rank, name, *figures in layout.rows(one):
            shown = [
                int(value) if isinstance(value, bool) else "" if value is None else f"{value:.6f}"
                for value in figures
            ]
            yield [file, rank, name or "", *shown]


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    content = io.StringIO()
    csv.writer(content, lineterminator="\n").writerows(rows)
    return content.getvalue()


def job_of(model: Path, paths: Iterable[Path], options: Mapping[str, Any]) -> str:
    """Returns what tells one job from another: a hash of the model, the options and the files.

    Args:
        model: The path of the model's file.
        paths: Of the files to classify.
        options: All that changes what is written.
    """
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(json.dumps(dict(options), sort_keys=True).encode())
    for path in paths:
        digest.update(os.fsencode(path) + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class _State:
    """How far a file has come: files, those that could not be read among them, and bytes."""

    done: int = 0
    failed: int = 0
    bytes: int = 0


class AnswerFile:
    """A file of answers, which is written as they come: with `with`, and renamed at its end.

    Until then it is FILE.partial. Of CSV and JSONL, FILE.partial.json notes how far it has come, so
    that the same job goes on there after an interruption; other formats begin again.

    Args:
        path: The path of the file to be, in a folder that exists.
        name: Of the format, one of FORMATS.
        layout: What is written of each file.
        job: From `job_of`.

    Attributes:
        partial: The path of what is written to.

    Raises:
        UserError: If it cannot be written, or another job has left a part of it.
    """

    def __init__(self, path: Path, name: str, layout: Layout, job: str):
        self._path, self._name, self._job = path, name, job
        self.partial = path.with_name(f"{path.name}.partial")
        self._note = path.with_name(f"{path.name}.partial.json")
        self._layout = layout
        self._state = _State()
        self._noted = time.monotonic()
        self._sink: _TextFile | _ParquetFile
        if name in RESUMABLE:
            with self._told():
                self._take_up()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"cannot write {self._path}: {error.strerror or error}") from None

    def _take_up(self) -> None:
        """Reads how far an earlier attempt has come."""
        if not self.partial.exists():
            return
        try:
            note = json.loads(read_regular(self._note, _LARGEST_NOTE))
            state = _State(note["done"], note["failed"], note["bytes"])
            usable = note["job"] == self._job and all(isinstance(n, int) for n in astuple(state))
        except (UserError, ValueError, TypeError, KeyError):
            usable = False
        if not usable:
            raise UserError(
                f"{self.partial}: is left by another command (another model, other options or "
                "files): remove it, or take another --out"
            )
        if state.bytes <= self.partial.stat().st_size:  # a power cut may take what was written last
            self._state = state

    @property
    def done(self) -> int:
        """How many files have been answered for, those of an earlier attempt included."""
        return self._state.done

    @property
    def failed(self) -> int:
        """How many of them could not be read."""
        return self._state.failed

    def __enter__(self) -> Self:
        with self._told():
            if self._name in RESUMABLE:
                self._keep()  # before there is a file that no note tells the job of
            if self._name == "parquet":
                self._sink = _ParquetFile(self.partial, self._layout)
            else:
                text = text_format(self._name, self._layout)
                self._sink = _TextFile(self.partial, text, self._state.bytes)
        return self

    def add(self, block: Sequence[Prediction]) -> None:
        """Writes what is said of some files; of those that could not be read, nothing."""
        readable = [one for one in block if one.error is None]
        with self._told():
            size = self._sink.write(readable)
            done, failed = len(block), len(block) - len(readable)
            # In one step, as Ctrl-C may come between two.
            self._state = _State(self.done + done, self.failed + failed, size)
            if self._name in RESUMABLE and time.monotonic() > self._noted + _EVERY:
                self._sink.flush()
                self._keep()

    def _keep(self) -> None:
        """Notes how far the file has come; what it has come to is written by then."""
        note = {"job": self._job, **asdict(self._state)}
        with written_whole(self._note) as unfinished:
            unfinished.write_text(json.dumps(note), encoding="utf-8")
        self._noted = time.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            with contextlib.suppress(OSError):
                if self._name in RESUMABLE:
                    self._sink.flush()
                    self._keep()
            with contextlib.suppress(OSError):
                self._sink.close()
            with contextlib.suppress(OSError):
                if self._name not in RESUMABLE:
                    self.partial.unlink(missing_ok=True)
            return
        with self._told():
            self._sink.finish()
            os.replace(self.partial, self._path)
            self._note.unlink(missing_ok=True)


class _TextFile:
    """A file of text, from so many bytes on."""

    def __init__(self, path: Path, text: Text, start: int):
        self._text, self._bytes = text, start
        self._file = path.open("r+b" if start else "wb")
        self._file.truncate(start)
        self._file.seek(start)
        self._more = False
        if not start:
            self._put(text.head)

    def _put(self, text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        self._file.write(content)
        self._bytes += len(content)

    def write(self, found: Sequence[Prediction]) -> int:
        self._put(self._text.body(found, self._more))
        self._more = self._more or bool(found)
        return self._bytes

    def flush(self) -> None:
        self._file.flush()

    def finish(self) -> None:
        try:
            self._put(self._text.tail)
        finally:
            self.close()

    def close(self) -> None:
        self._file.close()


class _ParquetFile:
    """A Parquet file, written in groups of rows."""

    def __init__(self, path: Path, layout: Layout):
        import pyarrow as pa
        from pyarrow import parquet

        kinds = {"file": pa.string(), "rank": pa.int32(), "class": pa.string(),
                 "unknown": pa.bool_()}  # fmt: skip
        self._schema = pa.schema([(name, kinds.get(name, pa.float32())) for name in layout.columns])
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._layout = layout
        self._rows: list[list[Any]] = []

    def write(self, found: Sequence[Prediction]) -> int:
        for one in found:
            self._rows += self._layout.rows(one)
        if len(self._rows) >= _ROW_GROUP:
            self.flush()
        return 0

    def flush(self) -> None:
        import pyarrow as pa

        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []

    def finish(self) -> None:
        self.flush()
        self._writer.close()

    def close(self) -> None:
        self._writer.close()
