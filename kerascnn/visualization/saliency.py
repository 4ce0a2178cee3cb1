"""Which pixels an answer depends on, beside the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field
from scipy.special import softmax

from kerascnn.inspection.backward import rectifiers
from kerascnn.inspection.layers import logits_of
from kerascnn.inspection.saliency import PixelGradients, integrated_gradients, smooth_gradient
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.heat import as_colours, in_rows, scaled
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style

_SIDE = 112  # pixels
_SHOWN = 0.99  # quantile of a map that is drawn as strongest
_NAMES = {
    "gradient": "gradient",
    "guided": "guided",
    "integrated": "integrated",
    "smoothgrad": "SmoothGrad",
}


@in_style
def draw_saliency(
    images: np.ndarray,
    names: Sequence[str],
    maps: Mapping[str, np.ndarray],
    title: str,
    *,
    signed: bool = False,
) -> Figure:
    """Draws images, each with what its pixels do beside it.

    Args:
        images: uint8 (N, H, W, 1 or 3).
        names: Of the images.
        maps: What each value of the images does, (N, H, W, C), by method.
        title: Over the sheet.
        signed: Draw the sum over the channels, red for the class and blue against it; and not the
            largest magnitude of a channel.
    """

    def drawn(values: np.ndarray) -> np.ndarray:
        if signed:
            return as_colours((scaled(values.sum(axis=-1), quantile=_SHOWN) + 1) / 2, "RdBu_r")
        return as_colours(scaled(np.abs(values).max(axis=-1), quantile=_SHOWN), "inferno")

    groups = [
        [(image, name), *((drawn(found[number]), method) for method, found in maps.items())]
        for number, (image, name) in enumerate(zip(images, names, strict=True))
    ]
    note = (
        "red: more of it speaks for the class, blue: against it"
        if signed
        else "the brighter a pixel, the more the class's logit depends on it"
    )
    return draw_sheet(in_rows(groups), title=title, note=note, side=_SIDE)


class Saliency(Kind, name="saliency"):
    """Which pixels an answer depends on: gradients of four kinds.

    Of the logit of the image's class, or of the network's answer where the class is not known.
    """

    one_label: ClassVar[bool] = True
    images: ClassVar[int] = 16

    method: Literal["all", "gradient", "guided", "integrated", "smoothgrad"] = Field(
        "all", description="one kind alone; by default all, side by side"
    )
    target: str | None = Field(
        None, description="class whose logit it is of; by default the image's own"
    )
    signed: bool = Field(
        False, description="draw what speaks for the class in red, and against it in blue"
    )
    baseline: Literal["black", "white", "mean"] = Field(
        "black",
        description="integrated gradients: the image without content, black, white or all in the "
        "image's mean colour",
    )
    steps: int = Field(
        64, ge=2, le=2000, description="integrated gradients: points between baseline and image"
    )
    samples: int = Field(32, ge=1, le=2000, description="SmoothGrad: how many noisy images")
    noise: float = Field(
        0.15, ge=0, le=1, description="SmoothGrad: the noise, as a share of the image's range"
    )
    seed: int = Field(0, ge=0, description="SmoothGrad: of the noise")

    def picture(self, subject: Subject) -> Picture:
        """Draws it."""
        seen = subject.images
        images = np.stack([image.pixels for image in seen])
        logits = logits_of(subject.model, images)
        targets = np.array(
            [
                subject.target(self.target, image, row)
                for image, row in zip(seen, logits, strict=True)
            ]
        )
        found, lines = self._maps(subject, images, targets)
        probabilities = softmax(logits, axis=1)[np.arange(len(seen)), targets]
        names = [
            f"{image.name}\n{subject.classes[target]} {probability:.0%}"
            for image, target, probability in zip(seen, targets, probabilities, strict=True)
        ]
        figure = draw_saliency(
            images,
            names,
            {_NAMES[method]: values for method, values in found.items()},
            f"{subject.name}: which pixels the answer depends on",
            signed=self.signed,
        )
        arrays = {"images": images, "targets": targets, "logits": logits, **found}
        return Picture((figure,), arrays, tuple(lines))

    def _maps(
        self, subject: Subject, images: np.ndarray, targets: np.ndarray
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """Returns what the values of the images do, by method, and what is to be said of it."""
        found: dict[str, np.ndarray] = {}
        lines = []
        wanted = list(_NAMES) if self.method == "all" else [self.method]
        if {"gradient", "integrated", "smoothgrad"} & set(wanted):
            plain = PixelGradients(subject.model)
        for method in wanted:
            if method == "gradient":
                found[method], _ = plain(images, targets)
            elif method == "guided":
                found[method], _ = PixelGradients(subject.model, "guided")(images, targets)
                if not rectifiers(subject.model):
                    lines.append("guided: the network has no ReLU, so this is the gradient")
            elif method == "smoothgrad":
                found[method] = np.stack(
                    [
                        smooth_gradient(
                            plain,
                            image,
                            target,
                            samples=self.samples,
                            noise=self.noise,
                            seed=self.seed,
                        )
                        for image, target in zip(images, targets, strict=True)
                    ]
                )
            else:
                shares = []
                for seen, image, target in zip(subject.images, images, targets, strict=True):
                    share, end, start = integrated_gradients(
                        plain,
                        image,
                        target,
                        baseline=_baseline(self.baseline, image),
                        steps=self.steps,
                    )
                    shares.append(share)
                    lines.append(
                        f"{seen.name}: the logit of {subject.classes[target]} is {end:.4g}, that "
                        f"of the {self.baseline} image {start:.4g}; integrated gradients add up to "
                        f"{share.sum(dtype=float):.4g} of the {end - start:.4g} between them"
                    )
                found[method] = np.stack(shares)
        return found, lines


def _baseline(name: Literal["black", "white", "mean"], image: np.ndarray) -> np.ndarray | float:
    if name == "mean":
        return np.asarray(image.mean(axis=(0, 1)))
    return 0.0 if name == "black" else 255.0
