"""`kerascnn predict`: image files in, classes and probabilities out."""

from __future__ import annotations

import csv
import io
import json
import sys

import click

from kerascnn.text import shown

from . import completion
from .output import echo, print_table


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
    results = experiment.predict(saved, files, top=top)
    if not isinstance(model, str):
        from kerascnn.inversion import inversion_hints

        for hint in inversion_hints(saved, model, files):
            echo(f"Warning: {hint}", err=True)
    failed = [result for result in results if result.error]
    for result in failed:
        echo(f"Error: {result.error}", err=True)
    readable = [result for result in results if not result.error]
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
        # As people write them; where that cannot be seen, escaped as JSON has it.
        hidden = any(shown(text) != text for file in pairs for text in (file, *saved.classes))
        echo(json.dumps(rows, indent=2, ensure_ascii=hidden))
    elif output == "csv":
        content = io.StringIO()
        writer = csv.writer(content, lineterminator="\n")
        extra = [] if least is None else ["unknown"]
        writer.writerow(["file", "rank", "class", "probability", *extra])
        for file, found in pairs.items():
            for rank, (name, share) in enumerate(found, start=1):
                also = [] if least is None else [int(unknown[file])]
                writer.writerow([file, rank, name, f"{share:.6f}", *also])
        if sys.stdout.isatty():
            echo(content.getvalue(), nl=False)
        else:  # whoever reads it wants the names as they are
            click.echo(content.getvalue(), nl=False)
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
