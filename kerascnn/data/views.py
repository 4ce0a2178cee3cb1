"""The images of a split, seen in several views each."""

from __future__ import annotations

from kerascnn.augment.views import ViewSpec, shape_for_views, views
from kerascnn.backend import graph_native, tf
from kerascnn.data.dataset import ImageData
from kerascnn.data.pipeline import evaluation_batches


def view_batches(
    data: ImageData, split_name: str, spec: ViewSpec, *, batch_size: int
) -> tf.data.Dataset:
    """The views of the images of a split in order, each image once.

    Args:
        data: From `load`.
        split_name: "train", "validation" or "test".
        spec: Which views; `spec.central` gives one of each image, to validate on.
        batch_size: Images in a batch; the last one may be smaller.

    Returns:
        (uint8 (spec.count * B, H, W, C): each view of the whole batch in turn, labels int32 (B,)).
    """
    shape = data.image_shape
    larger = shape_for_views(spec, shape)

    @graph_native
    def cut(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reshape(views(images, spec, shape), (-1, *shape)), labels

    batches = evaluation_batches(data, split_name, batch_size=batch_size, image_shape=larger)
    return batches if spec == ViewSpec() else batches.map(cut)
