"""VGG-M, also CNN-M (Chatfield, Simonyan, Vedaldi, Zisserman 2014)."""

from __future__ import annotations

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import conv_gaussian, fully_connected, gaussian, pool
from kerascnn.models.registry import Count, Rate, register_model


@register_model(
    "vgg-m",
    family="vgg",
    year=2014,
    paper="Chatfield et al., Return of the Devil in the Details",
    input_shape=(224, 224, 3),
    classes=1000,
    normalization="center",
)
def vgg_m(
    x: keras.KerasTensor,
    classes: int,
    *,
    dense: tuple[Count, Count] = (4096, 4096),
    dropout: Rate = 0.5,
) -> keras.KerasTensor:
    """VGG-M: 102,908,520 parameters at 224x224x3 and 1000 classes.

    Starting weights are N(0, 0.01^2), as in the authors' code; the paper calls 0.01 the variance.

    Args:
        x: Images (B, H, W, C), float; at least 41x41.
        classes: Number of classes.
        dense: Widths of full6 and full7; 2048, 1024 or 128 for full7 in the paper's section 3.3.
        dropout: After full6 and full7.

    Raises:
        DoesNotFitError: If the images are too small.
    """
    x = conv_gaussian(x, 96, 7, strides=2, padding=0, name="conv1")  # (B, 109, 109, 96)
    x = layers.LRN(name="norm1")(x)
    x = pool(x, 3, strides=2, padding="ceil", name="pool1")  # (B, 54, 54, 96)
    x = conv_gaussian(x, 256, 5, strides=2, padding=1, name="conv2")  # (B, 26, 26, 256)
    x = layers.LRN(name="norm2")(x)
    x = pool(x, 3, strides=2, padding="ceil", name="pool2")  # (B, 13, 13, 256)
    for number in (3, 4, 5):
        x = conv_gaussian(x, 512, 3, name=f"conv{number}")  # (B, 13, 13, 512)
    x = pool(x, 3, strides=2, padding="ceil", name="pool5")  # (B, 6, 6, 512)
    hidden = dict(zip(("full6", "full7"), dense, strict=True))
    return fully_connected(x, hidden, {"full8": classes}, dropout=dropout, initializer=gaussian)
