"""`kerascnn linear-probe`: a logistic regression on the features of a run's network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo

if TYPE_CHECKING:
    from kerascnn.few_images import Probed


@click.command("linear-probe")
@click.argument("run", shell_complete=completion.runs)
@click.argument("data", required=False, shell_complete=completion.datasets)
def command(run: str, data: str | None) -> None:
    """Train a logistic regression on what RUN's last hidden layer computes of DATA.

    The network stays as it is: a few seconds, where training takes minutes, and often enough for a
    few images. DATA may have other classes than RUN was trained on; without it, it is RUN's own.
    The penalty is chosen on the validation images. Features are kept ('kerascnn cache').

    RUN is an id, an unambiguous prefix of one, a run's name, latest, a model.keras file, or the
    name of a network with ImageNet's weights, such as keras:MobileNetV2.
    """
    check(run, data)

    from kerascnn.few_images import linear_probe

    print_probed(linear_probe(run, data), "L2 penalty 1/C with C = {:g}")


def check(run: str, data: str | None) -> None:
    """Refuses a run or data that is not there, before anything heavy is imported."""
    from kerascnn.data.early_checks import check_source
    from kerascnn.data.spec import DataSpec
    from kerascnn.errors import UserError
    from kerascnn.models.weights.published import published
    from kerascnn.tracking import load_run, names_network

    if data is not None:
        check_source(DataSpec(name=data).name)
    if run.endswith(".keras"):
        return
    if not names_network(run):
        loaded = load_run(run)
        loaded.artifact("model.keras")
        if data is None:
            loaded.check_one_label()
        return
    published(run)
    if data is None:
        raise UserError(f"{run} is a network, not a run: name the data to be told apart, too")


def print_probed(probed: Probed, setting: str) -> None:
    """Prints what a classifier on features is worth.

    Args:
        probed: It, and the data.
        setting: What was chosen on the validation images, as a format.
    """
    probe = probed.probe
    echo(probed.data.describe())
    echo(
        f"{probed.features:,} features of {probe.images:,} training images; chosen on the "
        f"validation images: {setting.format(probe.setting)}"
    )
    for split, found in (("validation", probe.validation), ("test", probe.test)):
        echo(
            f"{split} accuracy {found.value:.2%} (95% interval {found.low:.2%} to {found.high:.2%})"
        )
