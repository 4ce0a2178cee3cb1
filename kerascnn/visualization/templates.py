"""A linear classifier's weights as one picture per class: the lecture's visual viewpoint."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from kerascnn.errors import UserError
from kerascnn.inspection.kernels import kernels_of, layers_with_kernels
from kerascnn.text import first_names
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style, new_figure

_PER_ROW = 5
_MOST = 40


@in_style
def draw_templates(templates: np.ndarray, classes: tuple[str, ...], title: str = "") -> Figure:
    """Draws what a linear classifier multiplies an image with, class by class.

    Grey ones are red where ink speaks for the class and blue where it speaks against it, on one
    scale; coloured ones are images, each scaled to the whole range over all its channels together.

    Args:
        templates: float (H, W, 1 or 3, classes).
        classes: Their names.
        title: Over the picture.
    """
    height, width, channels, count = templates.shape
    columns = min(_PER_ROW, count)
    rows = math.ceil(count / columns)
    figure = new_figure(1.7 * columns + 0.9, 1.75 * rows * height / width + 0.5 + 0.25 * rows)
    figure.suptitle(title)
    top = float(np.abs(templates).max()) or 1.0
    grid = figure.subplots(rows, columns, squeeze=False)
    shown = None
    for number, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if number >= count:
            continue
        one = templates[..., number]
        axes.set_title(classes[number], fontsize="small")
        if channels == 1:
            shown = axes.imshow(one[..., 0], cmap="RdBu_r", vmin=-top, vmax=top)
        else:
            axes.imshow((one - one.min()) / (np.ptp(one) or 1))
    if shown is not None:
        figure.colorbar(shown, ax=grid, shrink=0.6, label="weight")
    return figure


class Templates(Kind, name="templates"):
    """The weights of a linear classifier, as one picture per class."""

    def picture(self, subject: Subject) -> Picture:
        """Draws them, of a network that has one layer with weights, which looks at the pixels."""
        layers = layers_with_kernels(subject.model)
        name, kernels = kernels_of(subject.model)
        if len(layers) != 1 or kernels.shape[:3] != tuple(subject.model.input_shape[1:]):
            raise UserError(
                f"{subject.name} is no linear classifier: it has {len(layers)} layers with weights "
                f"({first_names(layers)}); 'kerascnn train linear DATA' trains one, and 'filters' "
                "shows what the first layer has"
            )
        count = min(_MOST, len(subject.classes))
        drawn = draw_templates(
            kernels[..., :count], subject.classes[:count], f"{subject.name}: {name}"
        )
        lines = []
        if count < len(subject.classes):
            lines.append(f"the first {count} of {len(subject.classes)} classes are drawn")
        return Picture((drawn,), {"templates": kernels}, tuple(lines))
