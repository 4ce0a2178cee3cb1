"""`kerascnn advise`: what to train a data set with, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo

if TYPE_CHECKING:
    from kerascnn.advice import Advice


@click.command("advise")
@click.argument("dataset", shell_complete=completion.datasets)
@click.option(
    "--weights",
    metavar="imagenet|FILE|RUN",
    shell_complete=completion.weights,
    help="The trained weights to start from.",
)
@click.option("--image-size", type=int, help="Height and width that images are resized to.")
@click.option("--time-limit", metavar="TIME", help="The training is to take, such as 10m.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    shell_complete=completion.settings,
    help="Give any field, such as optimizer.name=adam; may be repeated.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the recipe: FILE.yaml.")
def command(
    dataset: str, settings: tuple[str, ...], out: Path | None, **options: str | int | None
) -> None:
    """Say what 'kerascnn train DATASET' trains DATASET with, and why.

    Network, image size, augmentation, batch size, schedule and length are chosen from the images,
    their number and classes, and the hardware. What is given is kept, and the rest fits it.

    \b
    kerascnn advise digits
    kerascnn advise folder:photos --time-limit 10m --out photos.yaml
    kerascnn train --recipe photos.yaml
    """
    from kerascnn.recipe import check_recipe_path

    if out is not None:
        check_recipe_path(out, "--out")

    from kerascnn.advice import advise

    advice = advise(dataset, settings, **options)
    print_advice(advice)
    if out is not None:
        from kerascnn.files import written_whole

        with written_whole(out) as unfinished:
            unfinished.write_text(advice.recipe.to_yaml(), encoding="utf-8")
        echo(f"\nto train so: kerascnn train --recipe {out}")


def print_advice(advice: Advice) -> None:
    """Prints the data, and the choices: their fields, as --set takes them, below the reason."""
    import yaml

    echo(advice.data)
    for choice in advice.choices:
        echo(f"\n{choice.why}:")
        for field, value in choice.values.items():
            text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
            echo(f"  {field}={text.splitlines()[0]}")
