"""The networks of keras.applications by name, `keras:NAME`, with their preprocessing inside.

What is listed here is known without importing Keras; Keras builds them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from kerascnn.backend import keras
from kerascnn.errors import UserError, same_form, unknown
from kerascnn.models.registry import Count, ModelEntry, Rate

PREFIX = "keras:"
FAMILY = "keras"

# How a family wants its pixels: minus 1 to 1; BGR minus ImageNet's mean; standardized by ImageNet's
# mean and deviation; raw, as its first layers do it.
Pixels = Literal["tf", "caffe", "torch", "inside"]

_MEAN_BGR = (103.939, 116.779, 123.68)
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0..1


@dataclass(frozen=True)
class Backbone:
    """A network of keras.applications.

    Attributes:
        name: Its function there.
        year: Of the paper.
        paper: Authors and title, short.
        side: Of the square images that its weights were trained on.
        smallest: Side of the smallest images that it takes.
        pixels: How it wants them.
    """

    name: str
    year: int
    paper: str
    side: int
    smallest: int
    pixels: Pixels


_VGG = (2014, "Simonyan and Zisserman, Very Deep Convolutional Networks", 224, 32, "caffe")
_RESNET = (2015, "He et al., Deep Residual Learning for Image Recognition", 224, 32, "caffe")
_RESNET_V2 = (2016, "He et al., Identity Mappings in Deep Residual Networks", 224, 32, "tf")
_MOBILE_NET_V3 = (2019, "Howard et al., Searching for MobileNetV3", 224, 32, "inside")
_DENSE_NET = (2016, "Huang et al., Densely Connected Convolutional Networks", 224, 32, "torch")
_NASNET = "Zoph et al., Learning Transferable Architectures"
_INCEPTION_V3 = "Szegedy et al., Rethinking the Inception Architecture"
_INCEPTION_RESNET = "Szegedy et al., Inception-v4, Inception-ResNet"
_EFFICIENT_NET = "Tan and Le, EfficientNet: Rethinking Model Scaling"
_EFFICIENT_NET_V2 = "Tan and Le, EfficientNetV2: Smaller Models and Faster Training"
_CONVNEXT = (2022, "Liu et al., A ConvNet for the 2020s", 224, 32, "inside")

_ROWS: tuple[tuple[Any, ...], ...] = (
    ("VGG16", *_VGG),
    ("VGG19", *_VGG),
    *((f"ResNet{depth}", *_RESNET) for depth in (50, 101, 152)),
    *((f"ResNet{depth}V2", *_RESNET_V2) for depth in (50, 101, 152)),
    ("InceptionV3", 2015, _INCEPTION_V3, 299, 75, "tf"),
    ("InceptionResNetV2", 2016, _INCEPTION_RESNET, 299, 75, "tf"),
    ("Xception", 2016, "Chollet, Xception: Depthwise Separable Convolutions", 299, 71, "tf"),
    *((f"DenseNet{depth}", *_DENSE_NET) for depth in (121, 169, 201)),
    ("MobileNet", 2017, "Howard et al., MobileNets", 224, 32, "tf"),
    ("MobileNetV2", 2018, "Sandler et al., MobileNetV2: Inverted Residuals", 224, 32, "tf"),
    ("MobileNetV3Small", *_MOBILE_NET_V3),
    ("MobileNetV3Large", *_MOBILE_NET_V3),
    ("NASNetMobile", 2017, _NASNET, 224, 32, "tf"),
    ("NASNetLarge", 2017, _NASNET, 331, 32, "tf"),
    *(
        (f"EfficientNetB{scale}", 2019, _EFFICIENT_NET, side, 32, "inside")
        for scale, side in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
    ),
    *(
        (f"EfficientNetV2{scale}", 2021, _EFFICIENT_NET_V2, side, 32, "inside")
        for scale, side in (
            ("B0", 224),
            ("B1", 240),
            ("B2", 260),
            ("B3", 300),
            ("S", 384),
            ("M", 480),
            ("L", 480),
        )
    ),
    *((f"ConvNeXt{size}", *_CONVNEXT) for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
)

BACKBONES = {row[0]: Backbone(*row) for row in _ROWS}

Width = Annotated[float, Field(gt=0, le=8)]  # times the filters of each layer


def is_backbone(name: str) -> bool:
    """Whether a name is keras:NAME."""
    return name.startswith(PREFIX)


def backbone_names() -> list[str]:
    """Returns every name."""
    return [f"{PREFIX}{name}" for name in BACKBONES]


def backbone_of(name: str) -> Backbone:
    """Returns the network of keras:NAME.

    Raises:
        UserError: If there is none; names the closest ones.
    """
    if name.removeprefix(PREFIX) not in BACKBONES:
        raise unknown("model", name, backbone_names(), hint="'kerascnn models' lists them")
    return BACKBONES[name.removeprefix(PREFIX)]


@cache
def backbone_entry(name: str) -> ModelEntry:
    """Returns the network of keras:NAME as registered networks are.

    Raises:
        UserError: If there is none; names the closest ones.
    """
    found = backbone_of(name)
    make = _WITH_OPTIONS.get(found.name, _plain)
    return ModelEntry(
        name,
        make(found),
        FAMILY,
        found.year,
        found.paper,
        (found.side, found.side, 3),
        1000,
        normalization="none",
    )


def _plain(backbone: Backbone) -> Callable[..., Any]:
    def build(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
        return _apply(backbone, x, classes)

    return build


def _mobile_net(backbone: Backbone) -> Callable[..., Any]:
    def build(
        x: keras.KerasTensor,
        classes: int,
        *,
        alpha: Width = 1.0,
        depth_multiplier: Count = 1,
        dropout: Rate = 0.001,
    ) -> keras.KerasTensor:
        return _apply(
            backbone,
            x,
            classes,
            alpha=alpha,
            depth_multiplier=depth_multiplier,
            dropout=dropout,
        )

    return build


def _mobile_net_v2(backbone: Backbone) -> Callable[..., Any]:
    def build(x: keras.KerasTensor, classes: int, *, alpha: Width = 1.0) -> keras.KerasTensor:
        return _apply(backbone, x, classes, alpha=alpha)

    return build


def _mobile_net_v3(backbone: Backbone) -> Callable[..., Any]:
    def build(
        x: keras.KerasTensor,
        classes: int,
        *,
        alpha: Width = 1.0,
        minimalistic: bool = False,
        dropout: Rate = 0.2,
    ) -> keras.KerasTensor:
        return _apply(
            backbone, x, classes, alpha=alpha, minimalistic=minimalistic, dropout_rate=dropout
        )

    return build


# Those whose functions have options beside weights, input and classes.
_WITH_OPTIONS: dict[str, Callable[[Backbone], Callable[..., Any]]] = {
    "MobileNet": _mobile_net,
    "MobileNetV2": _mobile_net_v2,
    "MobileNetV3Small": _mobile_net_v3,
    "MobileNetV3Large": _mobile_net_v3,
}


def _apply(
    backbone: Backbone, x: keras.KerasTensor, classes: int, **options: Any
) -> keras.KerasTensor:
    """Builds a network on raw pixels: (B, classes)."""
    height, width, channels = x.shape[1:]
    if min(height, width) < backbone.smallest:
        raise UserError(
            f"{PREFIX}{backbone.name}: got images of {height}x{width}; the smallest input is "
            f"{backbone.smallest}x{backbone.smallest}"
        )
    if channels != 3:
        raise UserError(
            f"{PREFIX}{backbone.name}: takes three channels, got {channels}: data.colour=rgb "
            "repeats grey images"
        )
    model = getattr(keras.applications, backbone.name)(
        weights=None,
        input_tensor=preprocess(x, backbone.pixels),
        input_shape=(height, width, channels),
        classes=classes,
        classifier_activation=None,
        **options,
    )
    name_layers(model)
    return model.output


def preprocess(x: keras.KerasTensor, pixels: Pixels) -> keras.KerasTensor:
    """Turns raw pixels into what a network of keras.applications wants.

    Args:
        x: RGB, 0..255 (B, H, W, 3).
        pixels: How it wants them.
    """
    if pixels == "inside":
        return x
    scale: list[float] | float
    offset: list[float] | float
    if pixels == "tf":
        scale, offset = 1 / 127.5, -1.0
    elif pixels == "torch":
        scale = [1 / (255 * std) for std in _STD]
        offset = [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)]
    else:
        x = keras.ops.flip(x, axis=-1)
        scale, offset = 1.0, [-mean for mean in _MEAN_BGR]
    return keras.layers.Rescaling(scale, offset=offset, name="preprocessing")(x)


def name_layers(model: keras.Model) -> None:
    """Gives layers that their authors left without a name one that is the same in every process.

    Keras numbers them through a process: the first convolution is conv2d_7 where seven were built
    before. And a last layer that is named as our outputs are gets another name.

    Args:
        model: Changed in place.
    """
    count: Counter[str] = Counter()
    for operation in model.operations:
        plain = re.sub(r"_\d+$", "", operation.name)
        if same_form(plain) == same_form(type(operation).__name__):
            number = count[plain]
            count[plain] += 1
            operation.name = f"{plain}_{number}" if number else plain
        elif operation.name == "logits":
            operation.name = "head"
