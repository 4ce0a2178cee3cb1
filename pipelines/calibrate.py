"""`kerascnn calibrate`: a run's model made as sure as it is right."""

from __future__ import annotations

from pathlib import Path

import click

from . import completion
from .output import echo, print_table


@click.command("calibrate")
@click.argument("run", shell_complete=completion.runs)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("calibration.png"),
    show_default=True,
    help="Where both reliability diagrams are drawn.",
)
def command(run: str, out: Path) -> None:
    """Fit a temperature to RUN's validation images, and keep it in RUN's model.

    The model's answers stay the same; its probabilities become what they say. RUN is an id, an
    unambiguous prefix of one, a run's name, or latest.
    """
    from kerascnn import tracking
    from kerascnn.visualization.paths import check_path

    check_path(out, what="--out")
    loaded = tracking.load_run(run)
    loaded.check_one_label()
    loaded.artifact("model.keras")
    for split in ("validation", "test"):
        loaded.predictions(split)

    from kerascnn import assessment
    from kerascnn.evaluation.measures import NAMES, measure, shown
    from kerascnn.visualization.reliability import draw_reliabilities
    from kerascnn.visualization.writing import write_figure

    found = assessment.calibrate(loaded)
    sure = "too sure" if found.temperature > 1 else "not sure enough"
    echo(f"run          {loaded.name} ({loaded.id[:8]})")
    echo(f"temperature  {found.temperature:.4f}: the model was {sure}\n")
    before, after = measure(found.before).overall, measure(found.after).overall
    print_table(
        ["test images", "before", "95% interval", "after", "95% interval "],
        [
            [NAMES[name][0], *shown(name, before[name]), *shown(name, after[name])]
            for name in ("accuracy", "log_loss", "brier", "ece")
        ],
        right=["before", "after"],
    )
    tables = {"before": found.before, "after": found.after}
    title = f"{loaded.name}: test images, temperature {found.temperature:.3f}"
    diagrams = draw_reliabilities(tables, title)
    write_figure(diagrams, out)
    with tracking.new_files(loaded.id) as folder:
        write_figure(diagrams, folder / "calibration.png")
    echo(f"\ndrawn: {out}")
    echo("kept in the run: model.keras and its predictions at this temperature, calibration.png")
