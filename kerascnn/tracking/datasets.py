"""The data of a run as MLflow has data sets: one input for each split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.data.dataset import ImageData

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_CONTEXTS = {"train": "training", "validation": "validation", "test": "test"}


def inputs_of(data: ImageData) -> list[DatasetInput]:
    """Returns the splits of data as MLflow's inputs.

    Each has the name of the set, the fingerprint with split and size as its digest, the shape of
    images and labels as its schema, and its size and classes as its profile. MLflow tells data sets
    apart by name and digest.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.types import Schema, TensorSpec

    labels = (-1, len(data.classes)) if data.several_labels else (-1,)
    schema = {
        "mlflow_tensorspec": {
            "features": Schema(
                [TensorSpec(np.dtype("uint8"), (-1, *data.image_shape), "image")]
            ).to_json(),
            "targets": Schema([TensorSpec(np.dtype("int64"), labels, "label")]).to_json(),
        }
    }
    found = []
    for split, content in data.splits.items():
        name = data.source(split)
        kind, _, place = name.partition(":")
        local = kind in ("folder", "csv")
        source = {"uri": place} if local else {"tags": {"mlflow.source.name": name}}
        found.append(
            DatasetInput(
                Dataset(
                    name=name[:500],
                    digest=f"{data.fingerprint}-{split}-{content.size}"[:36],
                    source_type="local" if local else "code",
                    source=json.dumps(source),
                    schema=json.dumps(schema),
                    profile=json.dumps({"num_rows": content.size, "classes": len(data.classes)}),
                ),
                [InputTag("mlflow.data.context", _CONTEXTS[split])],
            )
        )
    return found
