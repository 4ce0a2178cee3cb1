"""`kerascnn knn`: the classes of the nearest training images, by a run's network."""

from __future__ import annotations

import click

from . import completion
from .linear_probe import check, print_probed


@click.command("knn")
@click.argument("run", shell_complete=completion.runs)
@click.argument("data", required=False, shell_complete=completion.datasets)
def command(run: str, data: str | None) -> None:
    """Classify DATA by the training images that RUN's last hidden layer takes for most alike.

    Nothing is trained. DATA may have other classes than RUN was trained on; without it, it is RUN's
    own. How many neighbours vote is chosen on the validation images.

    RUN is an id, an unambiguous prefix of one, a run's name, latest, a model.keras file, or the
    name of a network with ImageNet's weights, such as keras:MobileNetV2.
    """
    check(run, data)

    from kerascnn.few_images import knn

    print_probed(knn(run, data), "k = {:g}")
