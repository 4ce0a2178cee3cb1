"""The data of a run as its inputs."""

from __future__ import annotations

import json

from kerascnn import tracking
from kerascnn.run_model import data_of
from kerascnn.tracking.store import open_client


def test_every_split_is_an_input_of_the_run(trained) -> None:
    run = tracking.load_run("first")
    client = open_client(create=False)
    assert client is not None
    inputs = client.get_run(run.id).inputs
    assert inputs is not None
    data = data_of(run)
    found = {item.tags[0].value: item.dataset for item in inputs.dataset_inputs}
    assert set(found) == {"training", "validation", "test"}
    for split, context in (("train", "training"), ("validation", "validation"), ("test", "test")):
        dataset = found[context]
        assert dataset.name == "digits"
        assert dataset.digest == f"{data.fingerprint}-{split}-{data.splits[split].size}"
        assert json.loads(dataset.profile or "") == {
            "num_rows": data.splits[split].size,
            "classes": 10,
        }
        schema = json.loads(dataset.schema or "")["mlflow_tensorspec"]
        (image,) = json.loads(schema["features"])
        assert image["tensor-spec"] == {"dtype": "uint8", "shape": [-1, *data.image_shape]}


def test_the_note_has_the_result_and_the_curves(trained) -> None:
    run = tracking.load_run("first")
    client = open_client(create=False)
    assert client is not None
    tags = client.get_run(run.id).data.tags
    note = tags["mlflow.note.content"]
    assert f"test accuracy {run.metrics['test_accuracy']:.2%}" in note
    assert (
        f"![learning_curves.png](get-artifact?path=learning_curves.png&run_uuid={run.id})" in note
    )
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags.get("mlflow.source.git.commit") == tags.get("git_commit")  # where there is one
