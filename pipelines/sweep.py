"""`kerascnn sweep`: search the space around a recipe."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .output import echo, starting
from .source import recipe_source
from .tracking_options import tracking_options

if TYPE_CHECKING:
    from kerascnn.recipe import Recipe
    from kerascnn.tuning.space import SpaceSpec
    from kerascnn.tuning.sweep import Searching


_PATIENCE = 4.0  # seconds


@contextlib.contextmanager
def ends_in_time() -> Iterator[None]:
    """Ends the process soon after Ctrl-C, or what a scheduler or a closed terminal sends.

    What is under way may be ended well, but not for ever: a store may not answer. After that the
    process ends at once, as Python would take seconds to take TensorFlow down.
    """

    def interrupt(number: int, frame: Any) -> None:
        limit = threading.Timer(_PATIENCE, os._exit, [130])
        limit.daemon = True
        limit.start()
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if callable(signal.getsignal(number))  # elsewhere they end the process, or are ignored
    }
    try:
        yield
    except KeyboardInterrupt:
        if "kerascnn.tuning.processes" in sys.modules:
            sys.modules["kerascnn.tuning.processes"].abandon_server()
        with contextlib.suppress(OSError):  # of a terminal that is gone
            click.echo("interrupted", err=True)
            sys.stdout.flush()
        os._exit(130)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def search_options(command: Any) -> Any:
    """Adds what `sweep` and `sweep-chief` share."""
    options: list[Any] = [
        click.argument("model", required=False),
        click.argument("dataset", required=False),
        click.option("--recipe", "recipe_name", metavar="NAME", help="To vary, or a .yaml file."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="FIELD=VALUE",
            help="Of every trial's recipe; may be repeated.",
        ),
        click.option("--space", "space_file", metavar="FILE", help="Ranges of fields, in YAML."),
        click.option("--tuner", help="hyperband (the default), bayesian, random or grid."),
        click.option("--trials", type=int, help="In all, failed ones included; 20."),
        click.option("--folds", type=int, metavar="K", help="Cross-validate every trial."),
        click.option("--executions", type=int, help="Trainings of each trial, with other seeds."),
        click.option("--max-epochs", type=int, help="Of a trial; the recipe's."),
        click.option("--time-limit", metavar="TIME", help="Such as 2h: the search ends then."),
        click.option(
            "--objective",
            help="validation_accuracy (the default), validation_loss or validation_top5_accuracy.",
        ),
        click.option("--seed", type=int, help="Of what is tried."),
        click.option("--retrain", type=int, metavar="K", help="Train the winner K times more."),
        click.option("--deterministic", is_flag=True, help="Trials repeat bit by bit; slower."),
        click.option("--name", help="Of the sweep."),
        tracking_options,
        click.option(
            "--save-best",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write the best trial's recipe.",
        ),
        click.option("--resume", "resumed", metavar="SWEEP", help="Go on with a sweep."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def subject(
    model: str | None,
    dataset: str | None,
    recipe_name: str | None,
    settings: tuple[str, ...],
    space_file: str | None,
    deterministic: bool,
    folds: int | None = None,
) -> tuple[Recipe | None, SpaceSpec | None]:
    """Returns the recipe and the space that the options name; None for what they do not."""
    from kerascnn.data.early_checks import check_data
    from kerascnn.errors import UserError
    from kerascnn.recipe import load_recipe
    from kerascnn.tuning.space import load_space

    space = load_space(space_file) if space_file else None
    if not recipe_name and not (model and dataset):
        if model or settings or deterministic or folds is not None:
            raise UserError("sweep needs MODEL and DATASET, or --recipe NAME")
        return None, space
    source = recipe_source("sweep", model, dataset, recipe_name)
    if isinstance(source, dict):
        # Trials are short: a rate that falls to nothing by the end makes the most of each.
        source["optimizer"] = {"schedule": "cosine"}
    chosen = ["training.deterministic=true"] if deterministic else []
    recipe = load_recipe(source, [*chosen, *settings], folds=folds)
    check_data(recipe.data, recipe.training.class_names)
    return recipe, space


def search(
    model: str | None,
    dataset: str | None,
    recipe_name: str | None,
    settings: tuple[str, ...],
    space_file: str | None,
    deterministic: bool,
    resumed: str | None,
    save_best: Path | None,
    folds: int | None = None,
    searching: Searching | None = None,
    tags: tuple[str, ...] = (),
    **options: Any,
) -> None:
    """Runs or resumes a sweep and prints what came of it."""
    from kerascnn.errors import UserError
    from kerascnn.recipe import check_recipe_path

    if save_best is not None:
        check_recipe_path(save_best, "--save-best")
    recipe, space = subject(model, dataset, recipe_name, settings, space_file, deterministic, folds)
    chosen = {key: value for key, value in options.items() if value is not None}
    if resumed is not None:
        if tags:
            raise UserError("--tag: is of a new sweep; --resume goes on with one as it is")
        starting(f"resuming sweep {resumed}")
        from kerascnn import tracking

        resumed = tracking.load_sweep(resumed).id

        from kerascnn.tuning.sweep import resume_sweep

        results = resume_sweep(resumed, chosen, recipe=recipe, space=space, searching=searching)
    elif recipe is not None:
        from kerascnn.tuning.builtin import builtin_space
        from kerascnn.tuning.spec import SweepSpec

        spec = SweepSpec(**chosen)
        space = space or builtin_space(recipe.model.name)
        space.validate_against(recipe)
        starting(f"sweep around {recipe.model.name} on {recipe.data.name}")

        from kerascnn import tracking

        tracking.check_new_sweep(spec.name)
        own = tracking.read_tags(tags)
        tracking.check_store()

        from kerascnn.tuning.sweep import run_sweep

        results = run_sweep(recipe, space, spec, searching=searching, tags=own)
    else:
        raise UserError(
            "sweep needs MODEL and DATASET ('kerascnn sweep convnet mnist'), --recipe NAME, or "
            "--resume SWEEP"
        )
    from .sweeps import print_results

    echo()
    print_results(results)
    if save_best and results.ranking:
        results.save_best(save_best)
        echo(f"\nbest recipe: {save_best}")
    name = results.run.name
    steps = [
        (f"sweeps show {name} --out pictures", "objective, hyperparameters, costs"),
        (f"sweep --resume {name} --trials N", "go on"),
    ]
    if results.ranking and not results.recipe.data.cross_validated:
        steps.insert(0, (f"evaluate {name}", "the best trial's model, on the test images"))
    wide = max(len(step) for step, _ in steps)
    echo("\nnext:")
    for step, what in steps:
        echo(f"  kerascnn {step:<{wide}}   {what}")


@click.command("sweep")
@search_options
@click.option("--workers", type=int, help="Trials at once, each with its GPU or its threads.")
@ends_in_time()
def command(**options: Any) -> None:
    """Search the space around MODEL on DATASET, or around a --recipe.

    \b
    kerascnn sweep convnet mnist --trials 12 --max-epochs 3
    kerascnn sweep --recipe digits-quick --space space.yaml --tuner bayesian
    kerascnn sweep convnet folder:photos --folds 5
    kerascnn sweep --resume latest --trials 40
    """
    search(**options)
