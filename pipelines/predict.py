"""`kerascnn predict`: image files in, classes and probabilities out."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerascnn.errors import UserError
from kerascnn.text import counted, shown

from . import completion
from .output import echo, print_table, starting

if TYPE_CHECKING:
    from kerascnn.serving.answers import Layout
    from kerascnn.serving.predict import Classifier, Prediction

_TABLE = 500  # files in a table: its columns are as wide as what is in them
_BLOCK = 64  # files that are written together elsewhere


@click.command("predict")
@click.argument("run", shell_complete=completion.runs)
@click.argument("paths", nargs=-1, required=True)
@click.option("--top", default=3, show_default=True, type=click.IntRange(1), help="Classes a file.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "jsonl", "csv", "parquet"]),
    help="What is written; a table, or with --out what its ending says.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write to as it goes: .csv, .jsonl, .json or .parquet. After an interruption the "
    "same command goes on where .csv and .jsonl stopped.",
)
@click.option(
    "--tta",
    metavar="VIEWS",
    help="Average over views of each image, whatever the recipe says: none, center-crop, flips, "
    "ten-crop or multi-scale.",
)
@click.option(
    "--unknown-below",
    "least",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Answer 'unknown' where the likeliest class has less than this probability; 'kerascnn "
    "evaluate --coverage' finds it.",
)
def command(
    run: str,
    paths: tuple[str, ...],
    top: int,
    output: str | None,
    out: Path | None,
    tta: str | None,
    least: float | None,
) -> None:
    """Classify image files, or every image in folders, with RUN's model.

    RUN is an id, an unambiguous prefix of one, a run's name, latest, a model.keras file, or a
    folder that 'kerascnn export' wrote. Files that cannot be read are reported on stderr; the exit
    code is then 1.

    A model that gives an image several labels answers with those that reach their thresholds.

    \b
    kerascnn predict latest photos --out photos.csv
    """
    from kerascnn.augment.views import named
    from kerascnn.data.folders import find_images
    from kerascnn.serving.exports.format import REPORT, is_export

    if tta is not None:
        named(tta)
    output = _format(output, out)
    files = find_images(paths)
    found, exported = None, is_export(run)
    if not exported:
        starting(f"{counted(len(files), 'file')} for {run}")
    if exported:
        if tta is not None:
            raise UserError("--tta: the views of an export are in its file, as its run had them")
        path = Path(run) / REPORT
    elif run.endswith(".keras"):
        path = Path(run)
    else:
        from kerascnn.tracking import load_run

        found = load_run(run)
        path = found.artifact("model.keras")

    from kerascnn.augment.views import ViewSpec
    from kerascnn.run_model import load_model
    from kerascnn.serving.answers import Layout, job_of
    from kerascnn.serving.exports.exported import classifier_of_export
    from kerascnn.serving.predict import classifier_of

    saved = None if exported else load_model(run if found is None else found)
    if saved is None:
        classifier = classifier_of_export(Path(run))
    else:
        classifier = classifier_of(saved, None if tta is None else ViewSpec(**named(tta)))
    thresholds = None
    if classifier.thresholds is not None:
        _check_several(least)
        thresholds = dict(zip(classifier.classes, classifier.thresholds, strict=True))
    layout = Layout(thresholds, least)
    if out is not None:
        job = job_of(path, files, {"format": output, "top": top, "tta": tta, "least": least})
        failed = _write(classifier, files, top, layout, out, output, job)
    elif output == "table":
        failed = _print_tables(classifier, files, top, layout)
    else:
        failed = _print_text(classifier, files, top, layout, output)
    if saved is not None and found is not None:
        from kerascnn.inversion import inversion_hints

        for hint in inversion_hints(saved, found, files):
            echo(f"Warning: {hint}", err=True)
    if failed:
        sys.exit(1)


def _format(output: str | None, out: Path | None) -> str:
    """Returns what is written."""
    from kerascnn.table_files import check_table_path

    if out is None:
        if output == "parquet":
            raise UserError("--format parquet: is a file: --out photos.parquet")
        return output or "table"
    check_table_path(out, "--out")
    if output == "table":
        raise UserError("--format table: is not for --out, which takes csv, jsonl, json or parquet")
    from kerascnn.serving.answers import format_of

    return output or format_of(out)


def _check_several(least: float | None) -> None:
    """Refuses options of one label an image."""
    source = click.get_current_context().get_parameter_source("top")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise UserError("--top: this model gives an image all labels that reach their thresholds")
    if least is not None:
        raise UserError(
            "--unknown-below: this model gives an image several labels, each from a threshold of "
            "its own on; where none is reached, none is given"
        )


def _blocks(
    classifier: Classifier, files: Sequence[Path], top: int, size: int, done: int = 0
) -> Iterator[list[Prediction]]:
    """Yields what is said of some files after the other; names those that cannot be read."""
    from kerascnn.data.inventory import progress
    from kerascnn.serving.predict import predictions

    with progress("images", len(files), done) as advance:
        results = predictions(classifier, files[done:] if done else files, top=top)
        while block := list(itertools.islice(results, size)):
            for result in block:
                if result.error:
                    echo(f"Error: {result.error}", err=True)
            yield block
            advance(len(block))


def _write(
    classifier: Classifier,
    files: Sequence[Path],
    top: int,
    layout: Layout,
    out: Path,
    output: str,
    job: str,
) -> int:
    """Writes a file; returns of how many files nothing could be said."""
    from kerascnn.serving.answers import RESUMABLE, AnswerFile

    total = len(files)
    answers = AnswerFile(out, output, layout, job)
    if answers.done:
        echo(f"going on after {answers.done:,} of {total:,} files in {answers.partial}")
    try:
        with answers:
            for block in _blocks(classifier, files, top, _BLOCK, answers.done):
                answers.add(block)
    except KeyboardInterrupt:
        if output in RESUMABLE:
            echo(
                f"{answers.done:,} of {total:,} files are in {answers.partial}: the same "
                "command goes on there",
                err=True,
            )
        raise
    unread = f"; {answers.failed:,} could not be read" if answers.failed else ""
    echo(f"wrote {out}: {total - answers.failed:,} of {total:,} files{unread}")
    return answers.failed


def _print_text(
    classifier: Classifier, files: Sequence[Path], top: int, layout: Layout, output: str
) -> int:
    """Prints CSV or JSON; returns of how many files nothing could be said."""
    from kerascnn.serving.answers import text_format

    texts = itertools.chain(map(str, files), classifier.classes)
    # As people write them; where that cannot be seen, escaped as JSON has it.
    hidden = any(shown(text) != text for text in texts)
    # Whoever reads CSV by a program wants the names as they are.
    write = click.echo if output == "csv" and not sys.stdout.isatty() else echo
    form = text_format(output, layout, escaped=hidden)
    write(form.head, nl=False)
    failed, more = 0, False
    for block in _blocks(classifier, files, top, _BLOCK):
        readable = [one for one in block if one.error is None]
        failed += len(block) - len(readable)
        write(form.body(readable, more), nl=False)
        more = more or bool(readable)
    write(form.tail, nl=False)
    return failed


def _print_tables(classifier: Classifier, files: Sequence[Path], top: int, layout: Layout) -> int:
    """Prints tables; returns of how many files nothing could be said."""
    failed = 0
    for block in _blocks(classifier, files, top, _TABLE):
        readable = [one for one in block if one.error is None]
        failed += len(block) - len(readable)
        if readable and layout.thresholds is not None:
            rows = [[str(one.path), _shares(one) or "none"] for one in readable]
            print_table(["file", "labels"], rows, cut="labels")
        elif readable:
            rows = []
            for one in readable:
                unknown = layout.is_unknown(one)
                answer = "unknown" if unknown else one.classes[0]
                share = f"{one.probabilities[0]:.1%}"
                rows.append([str(one.path), answer, share, _shares(one, 0 if unknown else 1)])
            print_table(["file", "class", "probability", "then"], rows, cut="then")
    return failed


def _shares(one: Prediction, first: int = 0) -> str:
    """Returns the classes of a file with their probabilities, from the n-th on."""
    pairs = zip(one.classes[first:], one.probabilities[first:], strict=True)
    return ", ".join(f"{name} {share:.1%}" for name, share in pairs)
