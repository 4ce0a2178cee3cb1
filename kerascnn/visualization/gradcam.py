"""Where the evidence for a class lies, over the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field
from scipy.special import softmax

from kerascnn.inspection.gradcam import Method, evidence
from kerascnn.inspection.layers import logits_of
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.heat import in_rows, over, scaled
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Seen, Subject
from kerascnn.visualization.writing import in_style

_SIDE = 112  # pixels
_NAMES: Mapping[Method, str] = {"gradcam": "Grad-CAM", "layercam": "LayerCAM"}


@in_style
def draw_gradcam(
    images: np.ndarray,
    names: Sequence[str],
    heat: np.ndarray,
    of: np.ndarray,
    captions: Sequence[str],
    title: str,
) -> Figure:
    """Draws images, each with the maps of evidence beside it that were found in it.

    Args:
        images: uint8 (N, H, W, 1 or 3).
        names: Of the images.
        heat: Evidence (M, H, W), not negative; each map is drawn in its own scale.
        of: Which image each map is of, (M,).
        captions: Of the maps, at most two lines each.
        title: Over the sheet.
    """
    groups = [
        [
            (image, name),
            *(
                (over(image, scaled(heat[m])), captions[m])
                for m in np.flatnonzero(of == number).tolist()
            ),
        ]
        for number, (image, name) in enumerate(zip(images, names, strict=True))
    ]
    note = "red: the most evidence for the class named below; each map in its own scale"
    return draw_sheet(in_rows(groups), title=title, note=note, side=_SIDE)


class Gradcam(Kind, name="gradcam"):
    """Where the evidence for a class lies: Grad-CAM or LayerCAM.

    Of an image that the network gets wrong, for its answer and for the true class.
    """

    one_label: ClassVar[bool] = True
    images: ClassVar[int] = 64
    of_mistakes: ClassVar[int] = 12

    method: Method = Field(
        "gradcam",
        description="gradcam weights whole maps; layercam weights position by position, which is "
        "sharper in early layers",
    )
    layer: str | None = Field(
        None, description="layer whose maps are looked at; the last with more than one position"
    )
    target: str | None = Field(
        None,
        description="class that evidence is looked for; by default the answer, and the true class "
        "if that is another one",
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it."""
        seen = subject.images
        images = np.stack([image.pixels for image in seen])
        logits = logits_of(subject.model, images)
        pairs = [
            (number, target)
            for number, image in enumerate(seen)
            for target in self._targets(subject, image, logits[number])
        ]
        of, targets = np.array(pairs).T
        found = evidence(subject.model, images[of], targets, method=self.method, layer=self.layer)
        probabilities = softmax(logits, axis=1)
        captions = [
            f"{subject.classes[target]} {probabilities[number, target]:.0%}\n"
            f"{_role(target, int(logits[number].argmax()), seen[number].label)}"
            for number, target in pairs
        ]
        names = [
            image.name
            if image.label is None
            else f"{image.name}\nis {subject.classes[image.label]}"
            for image in seen
        ]
        layer = found.layer
        where = f"{layer.name} ({layer.what}, {'x'.join(map(str, layer.shape))})"
        none = [pair for pair, heat in zip(pairs, found.heat, strict=True) if not heat.any()]
        return Picture(
            (
                draw_gradcam(
                    images,
                    names,
                    found.heat,
                    of,
                    captions,
                    f"{subject.name}: {_NAMES[self.method]} in {where}",
                ),
            ),
            {
                "images": images,
                "of": of,
                "targets": targets,
                "maps": found.maps,
                "heat": found.heat,
                "logits": logits,
            },
            (
                f"{_NAMES[self.method]} in {where}",
                *(
                    f"{seen[number].name}: nothing in {layer.name} speaks for "
                    f"{subject.classes[target]}"
                    for number, target in none
                ),
            ),
        )

    def _targets(self, subject: Subject, image: Seen, logits: np.ndarray) -> list[int]:
        """Returns the classes that evidence is looked for in an image."""
        wanted = subject.target(self.target, image, logits)
        answer = int(logits.argmax())
        return [wanted] if self.target is not None or wanted == answer else [answer, wanted]


def _role(target: int, answer: int, label: int | None) -> str:
    """Returns what a class is to an image, in words."""
    if target == answer:
        return "the answer"
    return "the true class" if target == label else ""
