"""`kerascnn evaluate`: a run's model, or several together, scored on every example of a split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo, print_table, starting

if TYPE_CHECKING:
    from kerascnn.evaluation.scores import AnyScores, Scores
    from kerascnn.evaluation.set_scores import SetScores
    from kerascnn.tracking import Run

SPLITS = ("train", "validation", "test")
KEPT = (*SPLITS, "folds")  # of which a run may have predictions


@click.command("evaluate")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=completion.runs)
@click.option(
    "--split",
    help="train, validation, test or folds.  [default: test, or folds; all images of other data]",
)
@click.option("--per-class", is_flag=True, help="Also print a row per class.")
@click.option(
    "--slices",
    "sliced",
    is_flag=True,
    help="Also by image size, brightness and class frequency.",
)
@click.option(
    "--tta",
    metavar="VIEWS",
    help="Average over views of each image, whatever the recipe says: none, center-crop, flips, "
    "ten-crop or multi-scale.",
)
@click.option("--data", metavar="NAME", help="Other data; its classes are matched by name.")
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="PRECISION",
    help="Find the confidence above which so large a share of the answers is right.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("coverage.png"),
    show_default=True,
    help="Where --coverage is drawn.",
)
def command(
    runs: tuple[str, ...],
    split: str | None,
    per_class: bool,
    sliced: bool,
    tta: str | None,
    data: str | None,
    coverage: float | None,
    out: Path,
) -> None:
    """Score RUN's model on every example of a split of its data.

    RUN is an id, an unambiguous prefix of one, a run's name, or latest. Several are scored each by
    itself and as a committee, whose answer is the mean of their probabilities.

    \b
    kerascnn evaluate latest --per-class
    kerascnn evaluate first second third
    kerascnn evaluate latest --tta flips
    kerascnn evaluate latest --data folder:new-photos
    kerascnn evaluate latest --coverage 0.99
    """
    starting(f"evaluating {', '.join(runs)}")

    from kerascnn import tracking
    from kerascnn.augment import views
    from kerascnn.data.early_checks import check_source
    from kerascnn.errors import unknown

    if tta is not None:
        views.named(tta)
    loaded = [tracking.load_run(run) for run in runs]
    if split is not None and split not in KEPT:
        raise unknown("split", split, KEPT)
    if sliced or coverage is not None or len(loaded) > 1:
        for run in loaded:
            run.check_one_label()
    if data is not None:
        check_source(data, labels="several" if loaded[0].several_labels else "one")
    if coverage is not None:
        from kerascnn.visualization.paths import check_path

        check_path(out, what="--out")
    for run in loaded:
        run.artifact("model.keras")

    from kerascnn import assessment
    from kerascnn.evaluation.costs import describe_costs
    from kerascnn.evaluation.set_scores import SetScores

    if len(loaded) > 1:
        members, scores = assessment.evaluate_together(loaded, split, tta=tta, data=data)
        _print_members(loaded, members, scores)
    else:
        found = assessment.evaluate(loaded[0], split, tta=tta, data=data)
        echo(f"run        {loaded[0].name} ({loaded[0].id[:8]}), {loaded[0].status}")
        if isinstance(found, SetScores):
            _print_sets(found, tta)
            _print_kept(found, tta, data)
            if per_class:
                _print_labels(found)
            return
        scores = found
        _print_scores(scores, tta)
        if costs := loaded[0].recipe.training.costs:
            echo(f"\n{describe_costs(scores.predictions, costs)}")
        _print_kept(scores, tta, data)
    if per_class:
        _print_classes(scores)
    if sliced:
        _print_slices(loaded, scores, data)
    if coverage is not None:
        _print_coverage(loaded, scores, coverage, out)


def _print_kept(scores: AnyScores, tta: str | None, data: str | None) -> None:
    """Tells what is kept of the scores of a run's own data, in its own views."""
    from kerascnn.evaluation.predictions import file_of
    from kerascnn.report.artifacts import score_files

    if tta is None and data is None:
        names = [file_of(scores.predictions.split), *score_files(scores)]
        echo(f"\nkept in the run: {', '.join(names)}")


def _print_sets(scores: SetScores, tta: str | None) -> None:
    """Prints the scores of images that may have several labels."""
    from kerascnn.evaluation.set_scores import SET_NAMES, shown

    views = f", views: {tta}" if tta is not None else ""
    echo(f"split      {scores.predictions.split}, {scores.count:,} images, every one scored{views}")
    echo(f"guessing   answers at random get a mean average precision of {scores.chance:.4f}\n")
    rows = [
        [SET_NAMES[name][0], *shown(name, estimate)]
        for name, estimate in scores.measures.overall.items()
    ]
    print_table(["", "value", "95% interval"], rows, right=["value"])


def _print_labels(scores: SetScores) -> None:
    """Prints a row for each label."""
    from kerascnn.evaluation.set_scores import LABEL_FIGURES, shown

    rows = []
    for of in scores.measures.classes:
        figures = [shown(name, getattr(of, name)) for name in LABEL_FIGURES]
        interval = figures[-1][1]
        values = [value for value, _ in figures]
        rows.append([of.name, of.support, f"{of.threshold:.4f}", *values, interval])
    echo()
    heads = ["count", "threshold", "precision", "recall", "f1", "average precision"]
    print_table(
        ["label", *heads, "95% interval of it"], rows, right=heads, last=("95% interval of it",)
    )


def _print_scores(scores: Scores, tta: str | None) -> None:
    from kerascnn.evaluation.measures import NAMES, shown

    low, high = scores.interval
    measures = scores.measures
    views = f", views: {tta}" if tta is not None else ""
    echo(f"split      {scores.predictions.split}, {scores.count:,} images, every one scored{views}")
    echo(f"top-1      {scores.accuracy:.2%}  (95% Wilson interval {low:.2%} to {high:.2%})")
    if scores.top5 is not None:
        echo(f"top-5      {scores.top5:.2%}")
    echo(f"loss       {scores.loss:.4f}")
    common, share = scores.trivial
    echo(f"guessing   always answering '{common}' gets {share:.2%}")
    if low <= share:
        echo(f"Warning: this is not surely better than always answering '{common}'", err=True)
    echo()
    rows = [
        [NAMES[name][0], *shown(name, estimate)]
        for name, estimate in measures.overall.items()
        if name not in ("accuracy", "top5_accuracy")
    ]
    print_table(["", "value", "95% interval"], rows, right=["value"])


def _print_members(runs: list[Run], members: list[Scores], scores: Scores) -> None:
    rows = []
    for name, found in [*zip((run.name for run in runs), members, strict=True), ("", scores)]:
        low, high = found.interval
        rows.append(
            [
                name or f"committee of {len(members)}",
                f"{found.accuracy:.2%}",
                f"{low:.2%} to {high:.2%}",
                f"{found.loss:.4f}",
            ]
        )
    echo(f"split      {scores.predictions.split}, {scores.count:,} images, every one scored\n")
    print_table(["run", "top-1", "95% interval", "loss"], rows, right=["top-1", "loss"])


def _print_classes(scores: Scores) -> None:
    from kerascnn.evaluation.measures import CLASS_FIGURES, shown
    from kerascnn.evaluation.tables import per_class

    mistaken = [row["most mistaken for"] for row in per_class(scores.confusion, scores.classes)]
    rows = []
    for of, most in zip(scores.measures.classes, mistaken, strict=True):
        figures = [shown(name, getattr(of, name)) for name in CLASS_FIGURES]
        recall = figures[1][1]
        rows.append([of.name, of.support, *(value for value, _ in figures), recall, most])
    echo()
    print_table(
        [
            "class", "count", "precision", "recall", "f1", "ROC area", "average precision",
            "95% interval of recall", "most mistaken for",
        ],
        rows,
        right=["count", "precision", "recall", "f1", "ROC area", "average precision"],
        last=("95% interval of recall", "ROC area", "average precision"),
    )  # fmt: skip


def _print_slices(runs: list[Run], scores: Scores, data: str | None) -> None:
    """Prints the accuracy of each slice; of a run's own data, it is kept in the run too."""
    from kerascnn import tracking
    from kerascnn.evaluation.predictions import file_of
    from kerascnn.evaluation.slices import brightness_of, slices, write_slices
    from kerascnn.visualization.slices import draw_slices
    from kerascnn.visualization.writing import write_figure

    predictions = scores.predictions
    training = runs[0].predictions("train") if runs[0].has(file_of("train")) else None
    rows = slices(predictions, training=training, brightness=brightness_of(predictions))
    echo()
    print_table(
        ["by", "slice", "images", "top-1", "95% interval"],
        [
            [
                row.by,
                row.name,
                f"{row.count:,}",
                f"{row.accuracy.value:.2%}",
                f"{row.accuracy.low:.2%} to {row.accuracy.high:.2%}",
            ]
            for row in rows
        ],
        right=["images", "top-1"],
    )
    if len(runs) > 1 or data is not None:
        return
    name = f"slices_{predictions.split}"
    with tracking.new_files(runs[0].id) as folder:
        write_slices(rows, folder / f"{name}.csv")
        overall = scores.measures.overall["accuracy"]
        title = f"{runs[0].name}: {predictions.split} images"
        write_figure(draw_slices(rows, overall, title), folder / f"{name}.png")
    echo(f"\nkept in the run: {name}.csv, {name}.png")


def _print_coverage(runs: list[Run], scores: Scores, precision: float, out: Path) -> None:
    """Chooses a threshold on the validation images, and shows what it gives on those scored."""
    from kerascnn import assessment
    from kerascnn.evaluation.coverage import coverage, threshold_for
    from kerascnn.evaluation.predictions import file_of
    from kerascnn.visualization.thresholds import draw_coverage
    from kerascnn.visualization.writing import write_figure

    if len(runs) > 1:
        _, chosen_on = assessment.evaluate_together(runs, "validation")
        validation = chosen_on.predictions
    elif runs[0].has(file_of("validation")):
        validation = runs[0].predictions("validation")
    else:
        assessment.evaluate(runs[0], "validation")
        validation = runs[0].predictions("validation")
    found = threshold_for(validation, precision)
    answered = scores.predictions.confidence >= found.confidence
    right = scores.predictions.correct[answered].mean() if answered.any() else float("nan")
    echo(
        f"\nanswers of at least {found.confidence:.4f} confidence: {found.precision:.2%} right on "
        f"the validation images ({found.answered:.1%} answered), {right:.2%} on these "
        f"({answered.mean():.1%} answered)"
    )
    names = " + ".join(run.name for run in runs)
    write_figure(draw_coverage(coverage(scores.predictions), names), out)
    if len(runs) == 1:
        use = f"kerascnn predict {runs[0].name} FILES --unknown-below {found.confidence:.4f}"
        echo(f"to use it: {use}")
    echo(f"drawn: {out}")
