"""Vanishing gradients: how much of the error reaches the first layers of deep networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import Field

from kerascnn.backend import keras
from kerascnn.data import digits
from kerascnn.inspection.health import Gradients, gradient_sizes
from kerascnn.models.build import build_model
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.sweep_axes import log_axis
from kerascnn.visualization.writing import in_style, new_figure

_ACTIVATIONS = ("sigmoid", "tanh", "relu")


@in_style
def draw_gradients(panels: Mapping[str, Mapping[str, Gradients]], *, title: str = "") -> Figure:
    """Draws the size of the gradient against the depth, a panel for each group of networks.

    The last layer, which gives the logits, is left out: its gradient is the error itself.

    Args:
        panels: Gradients by name of the network, by title of the panel.
        title: Over the picture.
    """
    figure = new_figure(6.2 * len(panels), 5.0)
    figure.suptitle(title)
    for axes, (name, networks) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for label, found in networks.items():
            hidden = found.activations[:-1]
            axes.plot(range(1, len(hidden) + 1), hidden, "o-", markersize=3, label=label)
        there = np.concatenate([found.activations[:-1] for found in networks.values()])
        log_axis(axes, there[there > 0], lambda value, _: f"{value:g}", axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(
            title=name,
            xlabel="layer, from the input on",
            ylabel="gradient at its activations (root mean square)",
        )
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


class GradientsDemo(Demo, name="gradients"):
    """What reaches the first layers: plain or residual, sigmoid or ReLU."""

    depth: int = Field(20, ge=2, le=100, description="hidden layers of the fully connected nets")
    width: int = Field(100, ge=1, le=1000, description="units in each of them")
    networks: tuple[str, ...] = Field(
        ("cifar-plain20", "cifar-plain56", "cifar-resnet20", "cifar-resnet56"),
        min_length=1,
        description="to compare, on digits of 32x32",
    )
    batch: int = Field(32, ge=2, le=512, description="images that the gradient is the mean of")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="of the initial weights")

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it.

        Raises:
            UserError: If there is no such network, or it cannot take images of 32x32.
        """
        pixels, labels = digits.read()
        pixels, labels = pixels[: self.batch], labels[: self.batch]
        panels = {
            f"{self.depth} fully connected layers of {self.width}, by activation": dict(
                self._dense(pixels, labels)
            ),
            "deep networks, plain and residual": dict(self._residual(pixels, labels)),
        }
        found = {name: sizes for panel in panels.values() for name, sizes in panel.items()}
        arrays = {f"{name}_activations": sizes.activations for name, sizes in found.items()}
        arrays |= {f"{name}_weights": sizes.weights for name, sizes in found.items()}
        lines = [
            f"{name}: the gradient at {sizes.names[0]} is "
            f"{sizes.activations[0] / sizes.activations[-2]:.2g} times that at {sizes.names[-2]}"
            for name, sizes in found.items()
        ]
        return Picture(
            frames=(
                draw_gradients(
                    panels, title=f"Before training: gradients of the loss of {self.batch} digits"
                ),
            ),
            arrays=arrays,
            lines=tuple(lines),
            chart=True,
        )

    def _dense(self, pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, Gradients]]:
        for activation in _ACTIVATIONS:
            options = {"hidden": (self.width,) * self.depth, "activation": activation}
            yield activation, self._measured("mlp", pixels, labels, **options)

    def _residual(self, pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, Gradients]]:
        larger = np.repeat(pixels.repeat(4, axis=1).repeat(4, axis=2), 3, axis=3)  # 32x32x3
        for name in self.networks:
            yield name, self._measured(name, larger, labels)

    def _measured(
        self, name: str, pixels: np.ndarray, labels: np.ndarray, **options: Any
    ) -> Gradients:
        keras.utils.set_random_seed(self.seed)
        model = build_model(name, input_shape=pixels.shape[1:], classes=10, **options)
        return gradient_sizes(model, pixels, labels)
