"""`kerascnn lr-find`: the learning-rate range test, drawn."""

from __future__ import annotations

from pathlib import Path

import click

from .output import echo
from .source import recipe_source, source_options


@click.command("lr-find")
@source_options("optimizer.name=sgd")
@click.option("--from", "low", default=1e-6, show_default=True, help="First learning rate.")
@click.option("--to", "high", default=10.0, show_default=True, help="Last learning rate.")
@click.option("--steps", default=200, show_default=True, help="Batches to train on.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("lr-find.png"),
    show_default=True,
    help="The picture: FILE.png, .svg or .pdf.",
)
def command(
    model: str | None,
    dataset: str | None,
    recipe_name: str | None,
    settings: tuple[str, ...],
    low: float,
    high: float,
    steps: int,
    out: Path,
) -> None:
    """Find a learning rate for MODEL on DATASET, or for a --recipe.

    Trains a fresh network for some steps while the learning rate grows from very small to too
    large, draws the loss over it, and suggests one. Nothing is tracked and nothing is kept.

    \b
    kerascnn lr-find lenet5 digits
    kerascnn lr-find --recipe digits-quick --set optimizer.name=sgd
    """
    from kerascnn.data.early_checks import check_data
    from kerascnn.recipe import load_recipe
    from kerascnn.visualization.paths import check_path
    from kerascnn.visualization.writing import write_figure

    check_path(out, what="--out")
    recipe = load_recipe(recipe_source("lr-find", model, dataset, recipe_name), settings)
    check_data(recipe.data, recipe.training.class_names)
    from kerascnn.run_model import start_of
    from kerascnn.starting_weights import settle_weights, weights_of

    recipe = settle_weights(recipe)

    from kerascnn.training.lr_find import range_test
    from kerascnn.training.session import assemble

    session = assemble(recipe, weights_of=weights_of, start_of=start_of)
    echo(session.data.describe())
    test = range_test(session, low=low, high=high, steps=steps)
    title = f"{recipe.model.name} on {session.data.name}, {recipe.optimizer.name}"
    write_figure(test.draw(title), out)
    echo(
        f"{len(test.rates)} steps, learning rate {test.rates[0]:.2g} to {test.rates[-1]:.2g}"
        f"{', stopped: the loss diverged' if test.diverged else ''}\n"
        f"suggestion: {test.suggestion:.2g} ({test.reason})\n"
        f"picture: {out}\n"
        f"next: kerascnn train ... --learning-rate {test.suggestion:.2g}"
    )
