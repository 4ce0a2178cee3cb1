"""`kerascnn errors`: which examples a run gets wrong, listed and drawn, worst first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import completion
from .evaluate import KEPT
from .output import echo, print_table

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from kerascnn.evaluation.predictions import Predictions
    from kerascnn.evaluation.set_predictions import Table
    from kerascnn.tracking import Run

_PAIRS = 5


@click.command("errors")
@click.argument("run", shell_complete=completion.runs)
@click.option("--split", help="train, validation, test or folds.  [default: test, or folds]")
@click.option("--class", "name", metavar="CLASS", help="Only examples of this class.")
@click.option(
    "--confused", metavar="TRUE,SAID", help="Only examples of one class taken for another."
)
@click.option(
    "--sort",
    type=click.Choice(["loss", "confidence", "margin"]),
    default="loss",
    show_default=True,
    help="Worst first: highest loss, most confident, or most narrowly missed.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Rows.")
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="All rows.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("errors.png"),
    show_default=True,
    help="Where the worst are drawn as a labelled contact sheet.",
)
@click.option("--data", metavar="NAME", help="Where the images are now, if not where they were.")
@click.option(
    "--labels",
    is_flag=True,
    help="Images whose label is likely wrong, of validation and test or of all folds, instead.",
)
@click.option(
    "--fix-list",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --labels: where they are listed to be left out (data.fix_list), once looked at.",
)
def command(
    run: str,
    split: str | None,
    name: str | None,
    confused: str | None,
    sort: str,
    limit: int,
    table: Path | None,
    out: Path,
    data: str | None,
    labels: bool,
    fix_list: Path | None,
) -> None:
    """List the examples that RUN's model gets wrong, worst first, and draw them.

    RUN is an id, an unambiguous prefix of one, a run's name, or latest. The network does not run
    again: training and 'kerascnn evaluate' keep what it says of every example.
    """
    from kerascnn import tracking
    from kerascnn.errors import UserError, unknown
    from kerascnn.evaluation.mistakes import confusions, mistakes, rows_of
    from kerascnn.table_files import check_table_path
    from kerascnn.visualization.mistakes import draw_mistakes
    from kerascnn.visualization.paths import check_path

    check_path(out, what="--out")
    if split is not None and split not in KEPT:
        raise unknown("split", split, KEPT)
    if table is not None:
        check_table_path(table, "--csv")
    if name is not None and confused is not None:
        raise UserError("--class and --confused: give one of them")
    if fix_list is not None and not labels:
        raise UserError("--fix-list: is of likely label errors, and needs --labels")
    loaded = tracking.load_run(run)
    if loaded.several_labels:
        for option, given in (("--confused", confused), ("--labels", labels)):
            if given:
                raise UserError(f"{option}: run {loaded.name} gives an image several labels")
        if sort != "loss":
            raise UserError(f"--sort: got '{sort}', images with several labels are sorted by loss")
        _print_sets(loaded, split, name, limit, table, out, data)
        return
    if labels:
        if name is not None or confused is not None or table is not None:
            raise UserError("--labels: leave out --class, --confused and --csv")
        _print_label_errors(loaded, limit, out, data, fix_list)
        return
    predictions = loaded.predictions(split)
    split = predictions.split
    true, said = _chosen(predictions, name, confused)
    images_from = _data_of(loaded, predictions, data)
    rows = mistakes(predictions, true=true, said=said, order=sort)  # type: ignore[arg-type]
    wrong = int((~predictions.correct).sum())
    echo(f"run        {loaded.name} ({loaded.id[:8]}), {loaded.status}")
    echo(
        f"split      {split}, {predictions.size:,} images, {wrong:,} wrong ({_share(predictions)})"
    )
    if not len(rows):
        of = f" {predictions.classes[true]}" if true is not None else ""
        as_ = f" taken for {predictions.classes[said]}" if said is not None else ""
        echo(f"none of them{of}{as_}")
        return
    found = list(rows_of(predictions, rows))
    if table is not None:
        _write(found, table)
    echo()
    print_table(
        ["example", "true", "said", "how sure", "true class", "loss"],
        [
            [
                row["example"],
                row["true"],
                row["said"],
                f"{row['confidence']:.1%}",
                f"{row['true_probability']:.1%}",
                f"{row['loss']:.3f}",
            ]
            for row in found[:limit]
        ],
        right=["how sure", "true class", "loss"],
        last=("loss", "true class"),
    )
    if len(rows) > limit:
        echo(f"and {len(rows) - limit:,} more: --limit, or --csv FILE for all")
    if true is None:
        echo()
        print_table(
            ["most confused", "taken for", "images", "of the class", "such as"],
            [
                [
                    predictions.classes[pair.true],
                    predictions.classes[pair.said],
                    f"{pair.count:,}",
                    f"{pair.share:.1%}",
                    predictions.examples[pair.worst],
                ]
                for pair in confusions(predictions)[:_PAIRS]
            ],
            right=["images", "of the class"],
            last=("such as",),
        )
    draw = partial(draw_mistakes, predictions)
    _draw(loaded, predictions, rows, images_from, draw, out, found if true is None else None)


def _print_sets(
    run: Run,
    split: str | None,
    name: str | None,
    limit: int,
    table: Path | None,
    out: Path,
    data: str | None,
) -> None:
    """Lists and draws the images that are given other labels than they have."""
    from kerascnn.errors import unknown
    from kerascnn.evaluation.mistakes import set_mistakes, set_rows_of
    from kerascnn.visualization.mistakes import draw_set_mistakes

    predictions = run.set_predictions(split)
    split = predictions.split
    if name is not None and name not in predictions.classes:
        raise unknown("class", name, predictions.classes)
    images_from = _data_of(run, predictions, data)
    wrong = int((~predictions.exact).sum())
    echo(f"run        {run.name} ({run.id[:8]}), {run.status}")
    echo(
        f"split      {split}, {predictions.size:,} images, {wrong:,} are given other labels than "
        f"they have ({wrong / predictions.size:.2%})"
    )
    rows = set_mistakes(predictions, None if name is None else predictions.classes.index(name))
    if not len(rows):
        echo(f"none of them in '{name}'" if wrong else "none")
        return
    found = list(set_rows_of(predictions, rows))
    if table is not None:
        _write(found, table)
    echo()
    heads = ["example", "true", "missed", "too_many"]
    print_table(
        ["example", "has", "was not given", "was given too many", "loss"],
        [[*(row[head] for head in heads), f"{row['loss']:.3f}"] for row in found[:limit]],
        right=["loss"],
        last=("loss",),
    )
    if len(rows) > limit:
        echo(f"and {len(rows) - limit:,} more: --limit, or --csv FILE for all")
    draw = partial(draw_set_mistakes, predictions)
    _draw(run, predictions, rows, images_from, draw, out, found if name is None else None)


def _draw(
    run: Run,
    predictions: Table,
    rows: np.ndarray,
    images_from: str,
    draw: Callable[..., Figure],
    out: Path,
    kept: list[dict[str, Any]] | None,
) -> None:
    """Draws the worst of the wrong images, and keeps the picture and the whole list in the run.

    Args:
        run: That said so.
        predictions: All that it said of the split.
        rows: Of the wrong images, the worst first.
        images_from: Name of the data set that they are read from.
        draw: Called with rows, images and a title.
        out: Of the picture.
        kept: The list; None where it is not all of them, and nothing is kept.
    """
    from kerascnn import tracking
    from kerascnn.data.examples import read_images
    from kerascnn.visualization.mistakes import MOST
    from kerascnn.visualization.writing import write_figure

    split, drawn = predictions.split, rows[:MOST]
    images = read_images(images_from, predictions.examples[drawn].tolist())
    title = f"{run.name}: {len(drawn)} of {len(rows):,} wrong {split} images"
    sheet = draw(drawn, images, title=title)
    write_figure(sheet, out)
    if kept is not None:
        with tracking.new_files(run.id) as folder:
            _write(kept, folder / f"errors_{split}.csv")
            write_figure(sheet, folder / f"errors_{split}.png")
    missing = sum(image is None for image in images)
    echo(f"\ndrawn: {out}{f' ({missing} images are not there any more)' if missing else ''}")
    if kept is not None:
        echo(f"kept in the run: errors_{split}.csv, errors_{split}.png")


def _print_label_errors(
    run: Run, limit: int, out: Path, data: str | None, fix_list: Path | None
) -> None:
    from kerascnn import tracking
    from kerascnn.evaluation.label_errors import label_errors, write_fix_list
    from kerascnn.evaluation.predictions import file_of
    from kerascnn.visualization.label_errors import draw_label_errors
    from kerascnn.visualization.writing import write_figure

    folds = run.has(file_of("folds"))
    tables = [run.predictions(split) for split in (("folds",) if folds else ("validation", "test"))]
    images_from = {table.split: _data_of(run, table, data) for table in tables}
    test = run.recipe.data.test
    found = label_errors(tables)
    count = sum(table.size for table in tables)
    images = "images" if folds else "validation and test images"
    echo(f"run        {run.name} ({run.id[:8]}), {run.status}")
    echo(f"labels     {len(found):,} of {count:,} {images} are likely wrong")
    if not found:
        return
    echo()
    print_table(
        ["example", "split", "label", "likely", "how sure", "label's"],
        [
            [
                error.example,
                error.split,
                error.label,
                error.suggested,
                f"{error.probability:.1%}",
                f"{error.score:.1%}",
            ]
            for error in found[:limit]
        ],
        right=["how sure", "label's"],
        last=("label's", "split"),
    )
    if len(found) > limit:
        echo(f"and {len(found) - limit:,} more: --limit")
    sheet = draw_label_errors(images_from, found)
    write_figure(sheet, out)
    with tracking.new_files(run.id) as folder:
        write_fix_list(found, folder / "label_errors.txt", test=test)
        write_figure(sheet, folder / "label_errors.png")
    echo(f"\ndrawn: {out}\nkept in the run: label_errors.txt, label_errors.png")
    if fix_list is not None:
        write_fix_list(found, fix_list, test=test)
        echo(f"listed: {fix_list}")
        echo(f"look at each, then train with --set data.fix_list={fix_list}")


def _write(rows: list[dict[str, Any]], path: Path) -> None:
    from kerascnn.table_files import write_csv

    write_csv(path, list(rows[0]), [list(row.values()) for row in rows])


def _share(predictions: Predictions) -> str:
    return f"{(~predictions.correct).mean():.2%}"


def _chosen(
    predictions: Predictions, name: str | None, confused: str | None
) -> tuple[int | None, int | None]:
    """Returns the numbers of the true and the answered class that were asked for."""
    from kerascnn.errors import UserError, unknown

    classes = predictions.classes
    if confused is None:
        names = [name] if name is not None else []
    else:
        # Names of classes may hold commas themselves.
        cuts = [i for i, letter in enumerate(confused) if letter == ","]
        pairs = [[confused[:i].strip(), confused[i + 1 :].strip()] for i in cuts]
        if not pairs:
            raise UserError(f"--confused: got '{confused}', must be TRUE,SAID: two classes")
        names = next((pair for pair in pairs if set(pair) <= set(classes)), pairs[0])
    for each in names:
        if each not in classes:
            raise unknown("class", each, classes)
    numbers = [classes.index(each) for each in names]
    return (*numbers, None, None)[0], (*numbers, None, None)[1]


def _data_of(run: Run, predictions: Table, data: str | None) -> str:
    """Returns where the images are read from, which must be what was scored."""
    from kerascnn.data.sources import parse
    from kerascnn.errors import UserError

    if data is not None:
        parse(data)
        return data
    if parse(predictions.data).kind in ("folder", "csv"):  # others do not change
        from kerascnn.data.loading import load

        now = load(run.recipe.data).fingerprint
        if now != predictions.fingerprint:
            raise UserError(
                f"run {run.name}: {predictions.data} has changed since it was scored (fingerprint "
                f"{now}, was {predictions.fingerprint}): 'kerascnn evaluate' anew, or show what is "
                f"there now with --data {predictions.data}"
            )
    return predictions.data
