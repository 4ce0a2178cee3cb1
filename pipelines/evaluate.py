"""`kerascnn evaluate`: a run's model, scored on every example of a split."""

from __future__ import annotations

import click

from . import completion
from .output import echo, print_table

SPLITS = ("train", "validation", "test")


@click.command("evaluate")
@click.argument("run", shell_complete=completion.runs)
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--per-class", is_flag=True, help="Also print a row per class.")
def command(run: str, split: str, per_class: bool) -> None:
    """Score RUN's model on every example of a split of its data.

    RUN is an id, an unambiguous prefix of one, a run's name, or latest.
    """
    from kerascnn import tracking
    from kerascnn.errors import unknown

    loaded = tracking.load_run(run)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    loaded.artifact("model.keras")

    from kerascnn import experiment

    scores = experiment.evaluate(loaded, split)
    low, high = scores.interval
    echo(f"run        {loaded.name} ({loaded.id[:8]}), {loaded.status}")
    echo(f"split      {split}, {scores.count:,} images, every one scored")
    echo(f"top-1      {scores.accuracy:.2%}  (95% Wilson interval {low:.2%} to {high:.2%})")
    if scores.top5 is not None:
        echo(f"top-5      {scores.top5:.2%}")
    echo(f"loss       {scores.loss:.4f}")
    if per_class:
        from kerascnn.evaluation.tables import per_class as rows_of

        rows = rows_of(scores.confusion, scores.classes)
        print_table(
            list(rows[0]),
            [
                [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row.values()]
                for row in rows
            ],
        )
