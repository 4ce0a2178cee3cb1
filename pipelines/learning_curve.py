"""`kerascnn learning-curve`: the accuracy against the number of training images."""

from __future__ import annotations

from pathlib import Path

import click

from . import completion
from .linear_probe import check
from .output import echo, print_table


@click.command("learning-curve")
@click.argument("run", shell_complete=completion.runs)
@click.argument("data", required=False, shell_complete=completion.datasets)
@click.option(
    "--method",
    "methods",
    type=click.Choice(["linear", "knn"]),
    multiple=True,
    help="The classifier on the features; repeatable.  [default: both]",
)
@click.option(
    "--draws",
    default=3,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How often the training images of each number are drawn anew.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("learning_curve.png"),
    show_default=True,
    help="Where it is drawn.",
)
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="All draws.")
def command(
    run: str,
    data: str | None,
    methods: tuple[str, ...],
    draws: int,
    out: Path,
    table: Path | None,
) -> None:
    """Show how the accuracy on DATA grows with the images of each class, on RUN's features.

    Whether more images would help, and how many, is seen before they are taken. The network stays
    as it is; see 'kerascnn linear-probe' and 'kerascnn knn'.

    RUN is an id, an unambiguous prefix of one, a run's name, latest, a model.keras file, or the
    name of a network with ImageNet's weights, such as keras:MobileNetV2.
    """
    from kerascnn.table_files import check_table_path, write_csv
    from kerascnn.visualization.paths import check_path

    check_path(out, what="--out")
    if table is not None:
        check_table_path(table, "--csv")
    check(run, data)

    from kerascnn.few_images import learning_curves
    from kerascnn.visualization.learning_curve import draw_learning_curve
    from kerascnn.visualization.writing import write_figure

    chosen = list(dict.fromkeys(methods)) or ["linear", "knn"]
    curves = learning_curves(run, data, methods=chosen, draws=draws)  # type: ignore[arg-type]
    first = next(iter(curves.values()))
    echo(f"{first.data.describe()}\n")
    points = {str(name): curve.points for name, curve in curves.items()}
    names = list(points)
    print_table(
        ["images of a class", "images", *names],
        [
            [
                f"{row[0].per_class:,}",
                f"{row[0].images:,}",
                *(f"{point.mean:.2%}" for point in row),
            ]
            for row in zip(*points.values(), strict=True)
        ],
        right=["images of a class", "images", *names],
    )
    echo(f"mean test accuracy of {draws} draws each, of all images of one")
    write_figure(draw_learning_curve(points, f"{first.data.name} by the features of {run}"), out)
    echo(f"picture: {out}")
    if table is not None:
        rows = [
            [name, point.per_class, point.images, draw, f"{accuracy:.6f}"]
            for name, found in points.items()
            for point in found
            for draw, accuracy in enumerate(point.accuracies, start=1)
        ]
        write_csv(table, ["method", "per_class", "images", "draw", "test_accuracy"], rows)
        echo(f"table: {table}")
