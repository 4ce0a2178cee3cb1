"""`kerascnn predict`: image files in, classes and probabilities out."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kerascnn.errors import UserError
from kerascnn.text import shown

from . import completion
from .output import echo, print_table

if TYPE_CHECKING:
    from kerascnn.serving.archive import SavedModel
    from kerascnn.serving.predict import Prediction


@click.command("predict")
@click.argument("run", shell_complete=completion.runs)
@click.argument("paths", nargs=-1, required=True)
@click.option("--top", default=3, show_default=True, type=click.IntRange(1), help="Classes a file.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
@click.option(
    "--unknown-below",
    "least",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Answer 'unknown' where the likeliest class has less than this probability; 'kerascnn "
    "evaluate --coverage' finds it.",
)
def command(run: str, paths: tuple[str, ...], top: int, output: str, least: float | None) -> None:
    """Classify image files, or every image in folders, with RUN's model.

    RUN is an id, an unambiguous prefix of one, a run's name, latest, or a model.keras file.
    Files that cannot be read are reported on stderr; the exit code is then 1.

    A model that gives an image several labels answers with those that reach their thresholds.
    """
    from kerascnn.data.folders import find_images
    from kerascnn.tracking import load_run

    files = find_images(paths)
    model = run if run.endswith(".keras") else load_run(run)
    if not isinstance(model, str):
        model.artifact("model.keras")  # it has one

    from kerascnn import experiment
    from kerascnn.run_model import load_model

    saved = load_model(model)
    if saved.thresholds is not None:
        _check_several(least)
    results = experiment.predict(saved, files, top=top)
    if not isinstance(model, str):
        from kerascnn.inversion import inversion_hints

        for hint in inversion_hints(saved, model, files):
            echo(f"Warning: {hint}", err=True)
    failed = [result for result in results if result.error]
    for result in failed:
        echo(f"Error: {result.error}", err=True)
    readable = [result for result in results if not result.error]
    if saved.thresholds is not None:
        _print_sets(readable, saved, output)
        if failed:
            sys.exit(1)
        return
    pairs = {
        str(result.path): list(zip(result.classes, result.probabilities, strict=True))
        for result in readable
    }
    unknown = {file: least is not None and found[0][1] < least for file, found in pairs.items()}
    if output == "json":
        rows = [
            {
                "file": file,
                **({} if least is None else {"unknown": unknown[file]}),
                "predictions": [{"class": name, "probability": share} for name, share in found],
            }
            for file, found in pairs.items()
        ]
        _print_json(rows, [*pairs, *saved.classes])
    elif output == "csv":
        content = io.StringIO()
        writer = csv.writer(content, lineterminator="\n")
        extra = [] if least is None else ["unknown"]
        writer.writerow(["file", "rank", "class", "probability", *extra])
        for file, found in pairs.items():
            for rank, (name, share) in enumerate(found, start=1):
                also = [] if least is None else [int(unknown[file])]
                writer.writerow([file, rank, name, f"{share:.6f}", *also])
        _print_csv(content.getvalue())
    elif pairs:
        lines = []
        for file, found in pairs.items():
            guesses = found if unknown[file] else found[1:]
            then = ", ".join(f"{name} {share:.1%}" for name, share in guesses)
            answer = "unknown" if unknown[file] else found[0][0]
            lines.append([file, answer, f"{found[0][1]:.1%}", then])
        print_table(["file", "class", "probability", "then"], lines, cut="then")
    if failed:
        sys.exit(1)


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


def _print_sets(results: Sequence[Prediction], saved: SavedModel, output: str) -> None:
    """Prints the labels that reach their thresholds; the others are below them."""
    assert saved.thresholds is not None
    thresholds = dict(zip(saved.classes, saved.thresholds, strict=True))
    found = {
        str(result.path): list(zip(result.classes, result.probabilities, strict=True))
        for result in results
    }
    if output == "json":
        rows = [
            {
                "file": file,
                "labels": [
                    {"class": name, "probability": share, "threshold": thresholds[name]}
                    for name, share in labels
                ],
            }
            for file, labels in found.items()
        ]
        _print_json(rows, [*found, *saved.classes])
    elif output == "csv":
        content = io.StringIO()
        writer = csv.writer(content, lineterminator="\n")
        writer.writerow(["file", "rank", "class", "probability", "threshold"])
        for file, labels in found.items():
            for rank, (name, share) in enumerate(labels, start=1):
                writer.writerow([file, rank, name, f"{share:.6f}", f"{thresholds[name]:.6f}"])
            if not labels:
                writer.writerow([file, 0, "", "", ""])
        _print_csv(content.getvalue())
    elif found:
        print_table(
            ["file", "labels"],
            [
                [file, ", ".join(f"{name} {share:.1%}" for name, share in labels) or "none"]
                for file, labels in found.items()
            ],
            cut="labels",
        )


def _print_json(rows: list[dict[str, Any]], texts: Sequence[str]) -> None:
    # As people write them; where that cannot be seen, escaped as JSON has it.
    hidden = any(shown(text) != text for text in texts)
    echo(json.dumps(rows, indent=2, ensure_ascii=hidden))


def _print_csv(content: str) -> None:
    if sys.stdout.isatty():
        echo(content, nl=False)
    else:  # whoever reads it wants the names as they are
        click.echo(content, nl=False)
