"""`kerascnn datasets preview`: what augmentation does to a data set, as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from .output import echo


@click.command("preview")
@click.argument("name")
@click.option(
    "--augment",
    default="none",
    show_default=True,
    metavar="PRESET",
    help="What to show: none, light, medium, strong, mnist-affine, mnist-elastic, "
    "cifar-flip-crop, alexnet, vgg or inception.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Override a field of augment or data, such as augment.fill=reflect; may be repeated.",
)
@click.option("--originals", default=8, show_default=True, type=click.IntRange(1, 64), help="Rows.")
@click.option("--copies", default=8, show_default=True, type=click.IntRange(1, 64), help="Columns.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The PNG to write.")
def command(
    name: str,
    augment: str,
    settings: tuple[str, ...],
    originals: int,
    copies: int,
    seed: int,
    out: Path | None,
) -> None:
    """Draw training images of NAME beside what augmentation makes of them.

    \b
    kerascnn datasets preview cifar10 --augment cifar-flip-crop
    kerascnn datasets preview mnist --set 'augment.operations=[mixup, {name: blur, sigma: [1, 2]}]'
    """
    import re

    from kerascnn.augment.spec import AugmentSpec
    from kerascnn.data.early_checks import check_source
    from kerascnn.data.spec import DataSpec
    from kerascnn.errors import UserError
    from kerascnn.recipe import override
    from kerascnn.visualization.paths import check_path
    from kerascnn.visualization.writing import write_figure

    values = override({"data": {"name": name}, "augment": {"preset": augment}}, settings)
    for field in values.keys() - {"data", "augment"}:
        raise UserError(f"--set {field}: only fields of augment and data matter here")
    chosen = values["augment"]
    spec = AugmentSpec(**({"preset": chosen} if isinstance(chosen, str) else chosen))
    source = DataSpec(**values["data"])
    if source.labels == "several":
        raise UserError("--set data.labels: a preview is of one label an image")
    check_source(source.name)
    named = re.sub(r"[^\w-]+", "-", f"{name}-{spec.preset}").strip("-") + ".png"
    path = check_path(out or named, what="--out")

    from kerascnn.data.loading import load
    from kerascnn.visualization.augmentation import draw_augmentation

    figure = draw_augmentation(load(source), spec, originals=originals, copies=copies, seed=seed)
    write_figure(figure, path)
    echo(f"wrote {path}")
