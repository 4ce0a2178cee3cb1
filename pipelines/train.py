"""`kerascnn train`: from a model and a data set, or a recipe, to a tracked run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from . import completion
from .output import echo, shortened, starting
from .source import recipe_source, replaced_parts, source_options
from .tracking_options import tracking_options

if TYPE_CHECKING:
    from kerascnn.evaluation.scores import Scores
    from kerascnn.evaluation.set_scores import SetScores
    from kerascnn.experiment import Trained
    from kerascnn.recipe import Recipe

# Of parameters, where that is not --parameter.
_NAMES = {
    "model": "MODEL",
    "dataset": "DATASET",
    "recipe_name": "--recipe",
    "settings": "--set",
    "tags": "--tag",
}


@click.command("train")
@source_options("model.filters=64")
@click.option("--epochs", type=int, help="Passes over the training images.")
@click.option("--steps", type=int, help="Batches to train on, over all epochs.")
@click.option("--time-limit", metavar="TIME", help="Such as 10m: ends in time, schedule fitted.")
@click.option("--batch-size", metavar="N|auto", help="Images per step; auto: what fits.")
@click.option("--precision", help="auto, float32, mixed_bfloat16 or mixed_float16.")
@click.option("--device", help="auto, cpu, gpu or gpu:N.")
@click.option("--threads", type=int, help="Of the processor.")
@click.option(
    "--weights",
    "--init",
    "weights",
    metavar="imagenet|preset|FILE|RUN",
    shell_complete=completion.weights,
    help="Start from trained weights: ImageNet's, a KerasHub preset's, a file's, or a run's.",
)
@click.option(
    "--continue",
    "continue_from",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Train RUN on, as a new run: its recipe, weights and, where kept, optimizer.",
)
@click.option(
    "--freeze",
    multiple=True,
    metavar="LAYERS",
    help="Keep layers as they are, by name, such as 'conv*'; may be repeated.",
)
@click.option(
    "--optimizer",
    cls=completion.NameOption,
    metavar="NAME",
    names=completion.optimizer_names,
)
@click.option("--learning-rate", type=float, help="At the start of the schedule.")
@click.option(
    "--augment",
    metavar="PRESET",
    help="How training images are varied: none, light, medium, strong, mnist-affine, "
    "mnist-elastic, cifar-flip-crop, alexnet, vgg or inception.",
)
@click.option("--image-size", type=int, help="Height and width that images are resized to.")
@click.option(
    "--test",
    metavar="DATASET",
    shell_complete=completion.datasets,
    help="Test on these images; classes are matched by name.",
)
@click.option("--labels", metavar="one|several", help="Of an image; several: of a csv:FILE.")
@click.option("--folds", type=int, metavar="K", help="Cross-validate, then train on all images.")
@click.option("--cache", help="Of decoded images: auto, memory, disk or none.")
@click.option("--balance", help="Of the classes: none, weights or oversample.")
@click.option("--skip-broken", is_flag=True, default=None, help="Leave unreadable files out.")
@click.option("--seed", type=int, help="Of the initial weights, the order and the augmentation.")
@click.option("--deterministic", is_flag=True, default=None, help="Bit-equal repeats; slower.")
@click.option("--snapshots", type=int, metavar="N", help="Keep the weights of every N-th epoch.")
@click.option("--name", help="Of the run; made from model and data if left out.")
@tracking_options
@click.option(
    "--resume",
    "resumed",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Continue a run (id, prefix, name or latest) alone.",
)
@click.option("--report", is_flag=True, help="Also write report.html among its artifacts.")
@click.option("--dry-run", is_flag=True, help="Print recipe, layers and sizes, and stop.")
def command(
    model: str | None,
    dataset: str | None,
    recipe_name: str | None,
    settings: tuple[str, ...],
    freeze: tuple[str, ...],
    name: str | None,
    tags: tuple[str, ...],
    resumed: str | None,
    report: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Train MODEL on DATASET, or a --recipe with its own or these, and track the run.

    DATASET is digits, a TFDS name such as mnist, folder:PATH with a folder per class, or csv:FILE.
    DATASET alone is trained with what 'kerascnn advise DATASET' says.

    \b
    kerascnn train folder:photos
    kerascnn train lenet5 digits
    kerascnn train convnet folder:photos --image-size 64 --epochs 10
    kerascnn train --recipe digits-quick --set optimizer.learning_rate=0.01
    kerascnn train --recipe finetune folder:photos
    kerascnn train convnet folder:photos --folds 5
    kerascnn train convnet csv:photos.csv --labels several
    kerascnn train --continue latest --epochs 20
    kerascnn train --resume latest
    """
    from kerascnn.data.early_checks import check_data
    from kerascnn.data.sources import names_data
    from kerascnn.errors import UserError
    from kerascnn.recipe import load_recipe

    if resumed:
        given = click.get_current_context().params
        here = ("resumed", "experiment")  # the run, and where it is found
        others = [key for key, value in given.items() if value and key not in here]
        if others:
            raise UserError(
                "--resume continues a run as it was started, and takes nothing else: leave out "
                + ", ".join(_NAMES.get(key, f"--{key.replace('_', '-')}") for key in others)
            )
        starting(f"resuming {resumed}")
        from kerascnn import tracking

        found = tracking.load_run(resumed, trials=False)

        from kerascnn import experiment

        _print_end(experiment.resume(found))
        return
    options["freeze"] = list(freeze) or None
    if options["continue_from"] and not (model or dataset or recipe_name):
        from kerascnn.tracking import continued_recipe, run_to_continue

        before = run_to_continue(options["continue_from"])
        recipe = continued_recipe(before, settings, **options)
    elif model and not (dataset or recipe_name) and names_data(model):
        from kerascnn.advice import advise

        from .advise import print_advice

        advice = advise(model, settings, **options)
        print_advice(advice)
        echo()
        recipe = advice.recipe
    elif recipe_name:
        from kerascnn.starting_weights import load_recipe_for_weights

        model, dataset = replaced_parts(model, dataset)
        recipe = load_recipe_for_weights(
            recipe_name, settings, model=model, data=dataset, **options
        )
    else:
        source = recipe_source("train", model, dataset, recipe_name)
        recipe = load_recipe(source, settings, **options)
    check_data(recipe.data, recipe.training.class_names)
    starting(plan(recipe))
    if recipe.training.initialize is not None:
        from kerascnn.starting_weights import settle_weights

        recipe = settle_weights(recipe)
    if dry_run:
        from kerascnn.training.session import outline

        from .summary import print_analysis

        data, analysis, batch_size = outline(recipe)
        echo(f"{recipe.to_yaml()}\n{data.describe()}\n")
        print_analysis(analysis, batch_size)
        return
    from kerascnn import tracking

    tracking.check_name(name)
    own = tracking.read_tags(tags)
    tracking.check_store()

    from kerascnn import experiment

    trained = experiment.train(recipe, name=name, tags=own)
    _print_end(trained)
    if report:
        from kerascnn.pictures import keep_usual

        from .report import keep, run_page

        keep_usual(trained.run)

        echo(f"\nreport: {keep(trained.run, run_page(trained.run))}")


def plan(recipe: Recipe) -> str:
    """Returns what is to be done, in a few words."""
    from kerascnn.duration import format_duration
    from kerascnn.text import counted

    spec = recipe.training
    ends = [
        *([counted(spec.epochs, "epoch")] if spec.epochs else []),
        *([counted(spec.steps, "step")] if spec.steps else []),
        *([format_duration(spec.time_limit)] if spec.time_limit else []),
    ]
    least = " at most" if len(ends) > 1 else ""
    folds = f", {recipe.data.folds} folds" if recipe.data.folds else ""
    return f"{recipe.model.name} on {recipe.data.name}, {' or '.join(ends)}{least}{folds}"


def _print_end(trained: Trained) -> None:
    if trained.run.status == "KILLED":
        sys.exit(130)
    from kerascnn.evaluation.set_scores import SetScores

    recipe, test = trained.model.recipe, trained.scores.get("test")
    if isinstance(test, SetScores):
        _print_sets(trained, test)
    elif recipe.data.cross_validated:
        _print_folds(trained)
    else:
        _print_test(trained)
    echo(f"model: {shortened(trained.run.artifact('model.keras'))}")
    echo(
        "\nnext:\n"
        "  kerascnn evaluate latest --per-class    how good, class by class\n"
        "  kerascnn errors latest                  which images are wrong\n"
        "  kerascnn predict latest FILE_OR_FOLDER  your own images\n"
        "  kerascnn ui                             curves, tables, all runs side by side"
    )


def _one_label(trained: Trained, split: str) -> Scores:
    from kerascnn.evaluation.scores import Scores

    scores = trained.scores[split]
    assert isinstance(scores, Scores)
    return scores


def _print_folds(trained: Trained) -> None:
    """Tells what the folds come to, and what the last network does on test images, if any."""
    metrics, folds = trained.run.metrics, _one_label(trained, "folds")
    common, share = folds.trivial
    recipe = trained.model.recipe
    echo(
        f"\n{recipe.data.folds} folds: accuracy {metrics['folds_accuracy']:.2%} on average (95% "
        f"interval {metrics['folds_accuracy_low']:.2%} to {metrics['folds_accuracy_high']:.2%}), "
        f"loss {metrics['folds_loss']:.4f}, each of all {folds.count:,} images tested on once\n"
        f"the model was trained on all of them, for {recipe.training.epochs} epochs; always "
        f"answering '{common}' gets {share:.2%}"
    )
    if metrics["folds_accuracy_low"] <= share:
        echo(f"this is not surely better than always answering '{common}'")
    if "test" in trained.scores:
        test = _one_label(trained, "test")
        low, high = test.interval
        echo(
            f"test accuracy {test.accuracy:.2%} (95% interval {low:.2%} to {high:.2%}), "
            f"loss {test.loss:.4f}, all {test.count:,} images"
        )
    if recipe.training.costs:
        from kerascnn.evaluation.costs import describe_costs

        echo(describe_costs(folds.predictions, recipe.training.costs))
    _print_errors(folds)


def _which(recipe: Recipe) -> str:
    if recipe.training.keep == "last":
        return "the last one"
    from kerascnn.training.targets import monitored

    figure = monitored(recipe)
    most = "lowest" if figure == "loss" else "highest"
    return f"the {most} validation {figure.replace('_', ' ')} (*)"


def _print_sets(trained: Trained, test: SetScores) -> None:
    """Tells how the network does on test images that may have several labels."""
    best = int(trained.run.metrics["best_epoch"])
    low, high = test.exact_match.low, test.exact_match.high
    thresholds = test.predictions.thresholds
    echo(
        f"\ntest {test.headline} (at random {test.chance:.4f}), loss {test.loss:.4f}, all "
        f"{test.count:,} images\n"
        f"F1 {test.macro_f1:.2%} (mean of the labels), {test.micro_f1:.2%} (all answers together), "
        f"exact match {test.exact_match.value:.2%} (95% interval {low:.2%} to {high:.2%})\n"
        f"with the weights of epoch {best}, {_which(trained.model.recipe)}, and thresholds of "
        f"{thresholds.min():.2f} to {thresholds.max():.2f}, where the F1 of each label is highest "
        "on the validation images"
    )


def _print_test(trained: Trained) -> None:
    """Tells how the network does on the test images."""
    test = _one_label(trained, "test")
    low, high = test.interval
    common, share = test.trivial
    best = int(trained.run.metrics["best_epoch"])
    recipe = trained.model.recipe
    echo(
        f"\ntest accuracy {test.accuracy:.2%} (95% interval {low:.2%} to {high:.2%}), "
        f"loss {test.loss:.4f}, all {test.count:,} images\n"
        f"with the weights of epoch {best}, {_which(recipe)}; "
        f"always answering '{common}' gets {share:.2%}"
    )
    if low <= share:
        echo(f"this is not surely better than always answering '{common}'")
    if recipe.training.costs:
        from kerascnn.evaluation.costs import describe_costs

        echo(describe_costs(test.predictions, recipe.training.costs))
    _print_errors(test)


def _print_errors(test: Scores) -> None:
    """Tells where to look first: the most confused pair, and the worst class."""
    from kerascnn.evaluation.mistakes import confusions

    pairs = confusions(test.predictions)
    if not pairs:
        return
    most = pairs[0]
    true, said = test.classes[most.true], test.classes[most.said]
    echo(
        f"most confused: '{true}' taken for '{said}', {most.count:,} images "
        f"({most.share:.1%} of the class)"
    )
    support = test.confusion.sum(axis=1)
    shares = test.confusion.diagonal() / support.clip(1)
    worst = min(support.nonzero()[0].tolist(), key=lambda label: shares[label])
    echo(
        f"worst class: '{test.classes[worst]}', {shares[worst]:.1%} of {support[worst]:,} images "
        "recognized"
    )
