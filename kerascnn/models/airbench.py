"""The fast CIFAR-10 network of Jordan 2024, with what suits a processor's bfloat16 units.

Jordan 2024, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, arXiv:2404.00498, section 3.
"""

from __future__ import annotations

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.models.blocks import activate, check_fits, pool
from kerascnn.models.registry import Activation, Count, Widths, register_model


def apply_group(
    x: keras.KerasTensor, filters: int, *, depth: int, activation: str, name: str
) -> keras.KerasTensor:
    """3x3 convolutions, the first pooled, with batch normalisation: (B, H / 2, W / 2, filters).

    Kernels start as the identity on the maps that come in, as far as they go round; batch
    normalisation has shifts and no scales.

    Args:
        x: Feature maps (B, H, W, C).
        filters: The filters of each convolution.
        depth: Number of convolutions.
        activation: After each normalisation.
        name: The name of the group.
    """
    for number in range(1, depth + 1):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=layers.PartialIdentity(),
            name=f"{name}_conv{number}",
        )(x)
        if number == 1:
            x = pool(x, name=f"{name}_pool")
        x = keras.layers.BatchNormalization(
            momentum=0.6, epsilon=1e-5, scale=False, name=f"{name}_bn{number}"
        )(x)
        x = activate(x, activation, name=f"{name}_{activation}{number}")
    return x


@register_model(
    "airbench",
    family="airbench",
    year=2024,
    paper="Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
    input_shape=(32, 32, 3),
    classes=10,
)
def airbench(
    x: keras.KerasTensor,
    classes: int,
    *,
    filters: Widths = (64, 256, 256),
    depth: Count = 2,
    activation: Activation = "gelu",
) -> keras.KerasTensor:
    """Whitened 2x2 patches, groups of convolutions, the maximum over each map, scaled logits.

    The paper's has a bias after the whitening that is trained for three epochs. Without it no
    gradient need reach the first layer, the one with the largest maps.

    Args:
        x: Images (B, H, W, C), float, 9x9 or larger.
        classes: Number of classes.
        filters: The filters of each group; each halves the map.
        depth: Convolutions in each group.
        activation: After the whitening and each normalisation.
    """
    check_fits(x, 2, "whitening")
    x = layers.Whitening(2, name="whitening")(x)  # (B, 31, 31, 24)
    x = activate(x, activation, name=f"whitening_{activation}")
    for number, width in enumerate(filters, 1):
        x = apply_group(x, width, depth=depth, activation=activation, name=f"group{number}")
    # (B, 3, 3, 256)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)  # (B, 256)
    x = keras.layers.Dense(classes, use_bias=False, name="fc")(x)
    return keras.layers.Rescaling(1 / 9, name="scale")(x)
