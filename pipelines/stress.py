"""`kerascnn stress`: a run's model under distortions, and what they do to its layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .evaluate import SPLITS
from .output import echo, print_table

if TYPE_CHECKING:
    from kerascnn.evaluation.stress import StressTest
    from kerascnn.tracking import Run


@click.command("stress")
@click.argument("run", shell_complete=completion.runs)
@click.option("--kind", "kinds", multiple=True, help="Such as rotation; repeatable. All if none.")
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option(
    "--images",
    default=2000,
    show_default=True,
    type=click.IntRange(2, 10**7),
    help="At most so many: a random sample of larger splits.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write the table and the pictures there, too.",
)
def command(run: str, kinds: tuple[str, ...], split: str, images: int, out: Path | None) -> None:
    """Score RUN's model on images that are shifted, turned, scaled, noisy and so on.

    Five strengths of each distortion. Beside the accuracy, with its 95% interval, stands how far
    the distortion moves the activations of each layer: 0 is invariant, and 1 is as far as another
    image is. The table and the pictures are kept in the run.

    RUN is an id, an unambiguous prefix of one, a run's name, or latest.
    """
    from kerascnn import tracking
    from kerascnn.errors import UserError, unknown
    from kerascnn.evaluation.distortions import check_kinds
    from kerascnn.files import has_folder, is_folder

    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    check_kinds(kinds)
    if out is not None and not is_folder(out) and not has_folder(out):
        raise UserError(f"--out: cannot make {out}: there is no folder {out.parent}")

    loaded = tracking.load_run(run)
    loaded.check_one_label()
    loaded.artifact("model.keras")

    from kerascnn import assessment
    from kerascnn.data.inventory import progress

    with progress("scoring images", images) as advance:
        test = assessment.stress(loaded, split, kinds=kinds, images=images, advance=advance)
    _print(test)
    names = _keep(loaded, test, "_".join([split, *kinds]), out)
    echo(f"\nin the run: {', '.join(names)}")
    if out is not None:
        echo(f"in {out}, too")


def _print(test: StressTest) -> None:
    from kerascnn.evaluation.distortions import DISTORTIONS

    def cells(kind: str, strength: str, index: int | None) -> list[str]:
        point = None if index is None else test.points[index]
        accuracy = test.plain if point is None else point.accuracy
        distances = [0.0] * len(test.layers) if point is None else point.distances
        return [
            kind,
            strength,
            f"{accuracy.value:.2%}",
            f"{accuracy.low:.2%} to {accuracy.high:.2%}",
            *(f"{distance:.2f}" for distance in distances),
        ]

    rows: list[list[str] | None] = [cells("none", "", None)]
    for index, point in enumerate(test.points):
        first = index == 0 or test.points[index - 1].kind != point.kind
        if first:
            rows.append(None)
        distortion = DISTORTIONS[point.kind]
        strength = distortion.form.format(point.strength)
        rows.append(cells(point.kind if first else "", strength, index))
    echo(f"{test.split}: {test.count:,} images")
    echo("distance of each layer: 0 is invariant, 1 as far as another image\n")
    print_table(["distortion", "strength", "accuracy", "95% interval", *test.layers], rows)


def _keep(run: Run, test: StressTest, name: str, out: Path | None) -> list[str]:
    """Writes the table and the pictures into the run, and a folder; returns the names of files."""
    import shutil

    from kerascnn import tracking
    from kerascnn.errors import UserError
    from kerascnn.evaluation.stress import write_stress
    from kerascnn.visualization.stress import draw_layer_distances, draw_stress
    from kerascnn.visualization.writing import write_figure

    title = f"{run.name}: {test.count:,} {test.split} images"
    with tracking.new_files(run.id) as made:
        write_stress(test, made / f"stress_{name}.csv")
        write_figure(draw_stress(test, title), made / f"stress_{name}.png")
        write_figure(draw_layer_distances(test, title), made / f"stress_{name}_layers.png")
        names = sorted(path.name for path in made.iterdir())
        if out is not None:
            try:
                shutil.copytree(made, out, dirs_exist_ok=True)
            except OSError as error:
                raise UserError(f"cannot write {out}: {error.strerror or error}") from None
    return names
