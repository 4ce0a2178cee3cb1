"""What MLflow's generic model takes and gives: images of every kind, names with probabilities."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, scoring_server
from PIL import Image

import kerascnn
from kerascnn import tracking
from kerascnn.tracking import pyfunc
from kerascnn.tracking.store import store_uri


@pytest.fixture
def model(trained: Path, monkeypatch: pytest.MonkeyPatch) -> PyFuncModel:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri())
    return mlflow.pyfunc.load_model(f"runs:/{tracking.load_run('first').id}/model")


@pytest.fixture
def sets_model(sets: Path, monkeypatch: pytest.MonkeyPatch) -> PyFuncModel:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri())
    return mlflow.pyfunc.load_model(f"runs:/{tracking.load_run('pairs').id}/model")


@pytest.fixture
def picture(tmp_path: Path, noise_images) -> Path:
    """An image of another size than the network's, in grey."""
    path = tmp_path / "noise.png"
    Image.fromarray(noise_images(13, 11)).save(path)
    return path


def text_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_every_kind_of_image_gets_the_answer_of_predict(model, picture) -> None:
    (expected,) = kerascnn.predict("first", picture, top=10)
    pixels = np.asarray(Image.open(picture))
    kinds = [
        picture.read_bytes(),
        str(picture),
        text_of(picture),
        f"data:image/png;base64,{text_of(picture)}",
        pixels,
        pixels[..., np.newaxis],
        np.repeat(pixels[..., np.newaxis], 3, axis=-1),
        pixels.tolist(),
    ]
    answer = model.predict(pd.DataFrame({"image": kinds}))
    assert list(answer.columns) == ["class", "probability", "probabilities"]
    assert len(answer) == len(kinds)
    for row in answer.to_dict("records"):
        assert row["class"] == expected.classes[0]
        assert row["probability"] == pytest.approx(expected.probabilities[0], abs=1e-6)
        named = dict(zip(expected.classes, expected.probabilities, strict=True))
        assert row["probabilities"] == pytest.approx(named, abs=1e-6)


def test_arrays_and_texts_by_name(model, picture, noise_images) -> None:
    images = noise_images(3, 32, 32, 1)
    answer = model.predict({"image": images})
    expected = kerascnn.load_model("first").model.predict_on_batch(images)
    assert answer["class"].tolist() == [str(row.argmax()) for row in expected]
    assert len(model.predict({"image": [text_of(picture)] * 2})) == 2
    assert len(model.predict({"image": str(picture)})) == 1
    assert len(model.predict(pd.Series([picture.read_bytes()], name="image"))) == 1


def test_more_images_than_a_batch(model, noise_images) -> None:
    images = noise_images(70, 9, 8, 1)
    answer = model.predict(pd.DataFrame({"image": list(images)}))
    alone = model.predict(pd.DataFrame({"image": [images[69]]}))
    assert len(answer) == 70
    assert answer["probability"][69] == pytest.approx(alone["probability"][0], abs=1e-6)


def test_several_labels(sets_model, sets: Path) -> None:
    picture = next((sets / "pairs").rglob("*.png"))
    (expected,) = kerascnn.predict("pairs", picture)
    answer = sets_model.predict(pd.DataFrame({"image": [str(picture)]}))
    assert list(answer.columns) == ["labels", "probabilities"]
    assert answer["labels"][0] == list(expected.classes)
    for name, share in zip(expected.classes, expected.probabilities, strict=True):
        assert answer["probabilities"][0][name] == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"no image", "image 1: image: is not an image"),
        ("not there.png", "image 1: got 'not there.png', which is not a file that is there nor"),
        (base64.b64encode(b"no image at all").decode(), "image 1: image: is not an image"),
        (np.zeros((4, 4, 2), np.uint8), r"has the shape \(4, 4, 2\), must be"),
        (np.zeros((0, 4), np.uint8), "has the shape"),
        (np.full((4, 4), 0.5), "holds float64, must hold whole numbers"),
        (np.full((4, 4), 300), "must hold whole numbers from 0 to 255"),
    ],
)
def test_what_is_no_image_is_named(model, picture, bad, message) -> None:
    with pytest.raises(MlflowException, match=message) as caught:
        model.predict(pd.DataFrame({"image": [picture.read_bytes(), bad]}))
    assert caught.value.get_http_status_code() == 400


def asked(model: PyFuncModel, body: object) -> list[dict[str, object]]:
    """Answers a request as `mlflow models serve` does."""
    schema = model.metadata.get_input_schema()
    done = scoring_server.invocations(json.dumps(body), "application/json", model, schema)
    assert done.status == 200
    rows: list[dict[str, object]] = json.loads(done.response)["predictions"]
    return rows


def test_every_body_that_a_server_takes(model, picture, monkeypatch) -> None:
    text, pixels = text_of(picture), np.asarray(Image.open(picture)).tolist()
    bodies = [
        {"dataframe_split": {"columns": ["image"], "data": [[text], [text]]}},
        {"dataframe_records": [{"image": text}, {"image": text}]},
        {"inputs": [text, text]},
        {"inputs": {"image": [text, text]}},
        {"inputs": {"image": [pixels, pixels]}},
        {"instances": [text, text]},
        {"instances": [{"image": text}, {"image": text}]},
    ]
    alone = model.predict(pd.DataFrame({"image": [picture.read_bytes()]}))
    for body in bodies:
        rows = asked(model, body)
        assert [row["class"] for row in rows] == [alone["class"][0]] * 2, body
    # The example that is kept with the model is one of them.
    example = json.loads(model.metadata.get_serving_input(str(example_folder())))
    assert len(asked(model, example)) == 1
    monkeypatch.setitem(sys.modules, pyfunc._SERVER, object())
    with pytest.raises(MlflowException, match="which is not base64 of one"):
        asked(model, {"inputs": [str(picture)]})


def example_folder() -> Path:
    return tracking.load_run("first").artifact("model.keras").parent


def test_a_bomb_is_refused(model) -> None:
    content = io.BytesIO()
    Image.new("1", (1, 1)).save(content, "PNG")
    header = bytearray(content.getvalue())
    header[16:24] = (30_000).to_bytes(4, "big") * 2
    with pytest.raises(MlflowException, match="image 0: image: "):
        model.predict(pd.DataFrame({"image": [bytes(header)]}))
