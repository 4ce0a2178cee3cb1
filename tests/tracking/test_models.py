"""The model of a run as MLflow's own functions find it, written once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import mlflow
import mlflow.keras
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.models import Model, get_model_info

import kerascnn
from kerascnn import tracking
from kerascnn.experiment import train
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.tracking.models import requirements
from kerascnn.tracking.removal import delete, deleted_runs, remove
from kerascnn.tracking.store import open_client, store_uri
from tests.serving.requests import ask, encoded, png


@pytest.fixture
def run(trained: Path, monkeypatch: pytest.MonkeyPatch) -> tracking.Run:
    """The run "first", and MLflow pointed at its store, as its users do."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri())
    return tracking.load_run("first")


def test_it_is_a_logged_model_of_the_run_with_its_figures(run: tracking.Run) -> None:
    client = open_client(create=False)
    assert client is not None
    found = client.get_run(run.id)
    assert found.outputs is not None
    (output,) = found.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert run.logged_model is not None
    assert run.logged_model.model_id == model.model_id
    assert (model.name, model.source_run_id, model.status) == ("model", run.id, "READY")
    assert model.params == {"model.name": "lenet5", "data.name": "digits"}
    figures = {metric.key: metric.value for metric in model.metrics or ()}
    assert figures["test_accuracy"] == run.metrics["test_accuracy"]
    assert len(client.get_metric_history(run.id, "test_accuracy")) == 1


def test_there_is_one_file(run: tracking.Run, trained: Path) -> None:
    file = run.artifact("model.keras")
    names = {path.name for path in file.parent.iterdir()}
    assert names == {
        "MLmodel", "conda.yaml", "input_example.json", "model.keras", "python_env.yaml",
        "requirements.txt", "serving_input_example.json",
    }  # fmt: skip
    assert len(list(trained.rglob("*.keras"))) == 2  # of two runs
    assert run.artifacts().count("model.keras") == 1
    assert run.has("model.keras")


def test_it_says_what_it_takes_gives_and_needs(run: tracking.Run) -> None:
    info = get_model_info(f"runs:/{run.id}/model")
    assert info.run_id == run.id
    assert info.signature.inputs.input_names() == ["image"]
    assert info.signature.outputs.input_names() == ["class", "probability", "probabilities"]
    assert info.metadata is not None
    assert info.metadata["classes"] == [str(digit) for digit in range(10)]
    needed = mlflow.artifacts.load_text(f"runs:/{run.id}/model/requirements.txt").split()
    assert needed == requirements()
    assert all("==" in line for line in needed)
    named = {line.partition("=")[0] for line in needed}
    assert {"mlflow", "kerascnn", "keras", "tensorflow"} <= named
    folder = run.artifact("model.keras").parent
    size = (folder / "model.keras").stat().st_size
    assert Model.load(str(folder)).model_size_bytes == size


def test_its_folder_is_as_mlflow_writes_it(run: tracking.Run, tmp_path: Path) -> None:
    folder = run.artifact("model.keras").parent
    ours = Model.load(str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow about type hints of its own
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            loader_module="kerascnn.tracking.pyfunc",
            mlflow_model=Model(
                ours.artifact_path,
                ours.run_id,
                model_uuid=ours.model_uuid,
                model_id=ours.model_id,
                metadata=ours.metadata,
            ).add_flavor("keras", **ours.flavors["keras"]),
            signature=ours.signature,
            input_example=pd.DataFrame(**json.loads((folder / "input_example.json").read_text())),
            pip_requirements=requirements(),
        )
    for file in (tmp_path / "model").iterdir():
        written, theirs = (folder / file.name).read_text(), file.read_text()
        if file.name == "MLmodel":
            differ = {"utc_time_created", "model_size_bytes"}
            one, other = yaml.safe_load(written), yaml.safe_load(theirs)
            assert {key for key in {**one, **other} if one.get(key) != other.get(key)} == differ
        else:
            assert written == theirs, file.name


def test_keras_flavour_is_the_network(run: tracking.Run, noise_images) -> None:
    images = noise_images(3, 32, 32, 1)
    loaded = mlflow.keras.load_model(f"runs:/{run.id}/model")
    expected = kerascnn.load_model(run).model.predict_on_batch(images)
    np.testing.assert_allclose(loaded.predict_on_batch(images), expected, rtol=1e-5, atol=1e-6)


def test_calibrating_takes_its_place_and_removing_it_takes_it_along(workplace: Path) -> None:
    run = train("mlp", "digits", epochs=1, name="one", report=None).run
    before = run.artifact("model.keras").read_bytes()
    kerascnn.calibrate(run)
    again = tracking.load_run("one")
    assert again.artifact("model.keras") == run.artifact("model.keras")
    assert again.artifact("model.keras").read_bytes() != before
    assert len(list(workplace.rglob("*.keras"))) == 1
    delete([again])
    remove(deleted_runs())
    assert not list(workplace.rglob("*.keras"))
    assert not list(workplace.rglob("MLmodel"))
    client = open_client(create=False)
    assert client is not None
    experiment = client.get_experiment_by_name("kerascnn")
    assert experiment is not None
    assert not client.search_logged_models([experiment.experiment_id])


def test_a_model_that_was_deleted_in_mlflow_is_not_there(workplace: Path) -> None:
    recipe = load_recipe("mlp", data="digits")
    network = build_model("mlp", input_shape=(8, 8, 1), classes=10)
    with tracking.start_run(recipe, "one", {}, {}) as active, tracking.new_files(active.id) as made:
        save_model(SavedModel(network, tuple("0123456789"), recipe), made / "model.keras")
    run = tracking.load_run("one")
    assert run.artifact("model.keras").is_file()
    client = open_client(create=False)
    assert client is not None
    assert run.logged_model is not None
    client.delete_logged_model(run.logged_model.model_id)
    run = tracking.load_run("one")
    assert not run.has("model.keras")
    with pytest.raises(kerascnn.UserError, match=r"run one \(FINISHED\) has no model.keras"):
        run.artifact("model.keras")


@pytest.mark.ci
def test_another_process_loads_it_by_mlflow_alone(run: tracking.Run, trained: Path) -> None:
    code = (
        "import json, sys, mlflow.pyfunc\n"
        "model = mlflow.pyfunc.load_model(sys.argv[1])\n"
        "answer = model.predict(model.input_example)\n"
        "print(json.dumps(answer.to_dict('records')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"runs:/{run.id}/model"],
        capture_output=True,
        text=True,
        check=True,
    )
    (answer,) = json.loads(done.stdout.splitlines()[-1])
    assert answer["probabilities"][answer["class"]] == answer["probability"]


@pytest.mark.ci
def test_mlflow_serves_it(run: tracking.Run, trained: Path, tmp_path: Path, noise_images) -> None:
    image = png(noise_images(13, 11))
    (tmp_path / "noise.png").write_bytes(image)
    (expected,) = kerascnn.predict("first", tmp_path / "noise.png", top=1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{run.id}/model",
            "--env-manager", "local", "--port", str(port)]  # fmt: skip
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it runs uvicorn
    environment = os.environ | {"PATH": binaries}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            line, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            while True:
                with contextlib.suppress(ConnectionError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.5)
            status, answer = ask(port, "/invocations", encoded(image), "application/json")
            assert status == 200
            (found,) = answer["predictions"]
            assert found["class"] == expected.classes[0]
            assert found["probability"] == pytest.approx(expected.probabilities[0], rel=1e-4)
            status, answer = ask(port, "/invocations", encoded(b"no image"), "application/json")
            assert status == 400
            assert "image" in answer["message"]
        finally:
            os.killpg(server.pid, signal.SIGTERM)
