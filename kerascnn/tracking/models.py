"""The model of a run as MLflow has models: a LoggedModel, and the run's `model.keras` in it.

Its folder holds MLmodel, with two flavours: `keras` (mlflow.keras.load_model) and `python_function`
(`kerascnn.tracking.pyfunc`), the requirements, an input example, and `model.keras` itself, once.
A run names its LoggedModel in a tag; runs of kerascnn 0.2 and earlier have `model.keras` among
their own artifacts.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.metadata
import io
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from kerascnn.scratch import scratch_folder
from kerascnn.serving.members import stored_about, stored_input_shape
from kerascnn.tracking.reading import ClientReader
from kerascnn.tracking.store import store_uri

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric
    from mlflow.tracking import MlflowClient

MODEL = "model.keras"  # a run's artifact, wherever it lies
MODEL_ID = "kerascnn.model"  # tag: the LoggedModel that holds it
NAME = "model"  # of the LoggedModel: runs:/ID/model
_LOADER = "kerascnn.tracking.pyfunc"
_REQUIREMENTS, _CONDA, _VIRTUALENV = "requirements.txt", "conda.yaml", "python_env.yaml"
_EXAMPLE, _SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
_PACKAGES = ("mlflow", "kerascnn", "keras", "tensorflow", "numpy", "pillow", "scipy")


def requirements() -> list[str]:
    """Returns what loading a model needs, as pip takes it, each at the version that is here."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES]


def log_model(
    client: MlflowClient,
    run_id: str,
    file: Path,
    metrics: Sequence[Metric] = (),
) -> None:
    """Makes a model file the MLflow model of a run, or takes its place in the one that is there.

    Args:
        client: Of the store.
        run_id: Of a run that has no `model.keras` among its own artifacts.
        file: Written by `save_model`, alone in a folder that is the caller's.
        metrics: Of the run, that the model has as well.
    """
    run = client.get_run(run_id)
    known = run.data.tags.get(MODEL_ID)
    if known is not None and ClientReader(client).model(known) is not None:
        client.log_model_artifact(known, str(file))
        return
    from mlflow.entities import LoggedModelOutput

    about = stored_about(file)
    assert about is not None
    recipe = about["recipe"]
    made = client.create_logged_model(
        run.info.experiment_id,
        NAME,
        run_id,
        params={"model.name": recipe["model"]["name"], "data.name": recipe["data"]["name"]},
        model_type="image classifier",
    )
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as place:
        folder = Path(place) / NAME
        write_folder(folder, file, run_id, made)
        client.log_model_artifacts(made.model_id, str(folder))
    client.finalize_logged_model(made.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(made.model_id, step=0)])
    if metrics:
        client.log_batch(run_id, metrics=[_of_model(metric, made.model_id) for metric in metrics])
    # Last: whoever sees it finds the whole model.
    client.set_tag(run_id, MODEL_ID, made.model_id)


def _of_model(metric: Metric, model_id: str) -> Metric:
    from mlflow.entities import Metric

    return Metric(metric.key, metric.value, metric.timestamp, metric.step, model_id=model_id)


def write_folder(folder: Path, file: Path, run_id: str, logged: LoggedModel) -> None:
    """Writes the folder of an MLflow model; the file goes into it.

    File by file as `mlflow.pyfunc.save_model` writes it, which takes seconds: it looks through all
    packages that are installed for whether those that are needed have the versions that they have.
    """
    from mlflow.models import Model

    about, shape = stored_about(file), stored_input_shape(file)
    assert about is not None
    several = about.get("thresholds") is not None
    model = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        signature=_signature(several_labels=several),
        saved_input_example_info={
            "artifact_path": _EXAMPLE,
            "type": "dataframe",
            "pandas_orient": "split",
            "serving_input_path": _SERVING_EXAMPLE,
        },
        metadata={"classes": list(about["classes"]), "kerascnn_version": about["kerascnn"]},
    )
    # mlflow.keras adds the ending.
    model.add_flavor(
        "keras",
        data=MODEL.removesuffix(".keras"),
        keras_version=importlib.metadata.version("keras"),
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    model.add_flavor(
        "python_function",
        loader_module=_LOADER,
        python_version=platform.python_version(),
        env={"conda": _CONDA, "virtualenv": _VIRTUALENV},
        code=None,
        streamable=False,
    )
    folder.mkdir()
    example = {"columns": ["image"], "data": [[_example(shape)]]}
    (folder / _EXAMPLE).write_text(json.dumps(example), encoding="utf-8")
    serving = json.dumps({"dataframe_split": example}, indent=2)
    (folder / _SERVING_EXAMPLE).write_text(serving, encoding="utf-8")
    _write_environment(folder)
    os.replace(file, folder / MODEL)
    model.model_size_bytes = (folder / MODEL).stat().st_size
    model.save(str(folder / "MLmodel"))


def _write_environment(folder: Path) -> None:
    """Writes what a model needs, for pip, for conda and for virtualenv."""
    needed, python = requirements(), platform.python_version()
    (folder / _REQUIREMENTS).write_text("\n".join(needed), encoding="utf-8")
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", _installed("pip", "<="), {"pip": needed}],
    }
    (folder / _CONDA).write_text(yaml.safe_dump(conda), encoding="utf-8")
    virtualenv = {
        "python": python,
        "build_dependencies": [_installed(name, "==") for name in ("pip", "setuptools", "wheel")],
        "dependencies": [f"-r {_REQUIREMENTS}"],
    }
    text = yaml.safe_dump(virtualenv, sort_keys=False)
    (folder / _VIRTUALENV).write_text(text, encoding="utf-8")


def _installed(name: str, bound: str) -> str:
    """Returns a package bound to the version that is installed; alone, where none is."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{name}{bound}{importlib.metadata.version(name)}"
    return name


def _signature(*, several_labels: bool) -> object:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, Array, Map

    answer = (
        [ColSpec(Array(DataType.string), "labels")]
        if several_labels
        else [ColSpec(DataType.string, "class"), ColSpec(DataType.double, "probability")]
    )
    return ModelSignature(
        inputs=Schema([ColSpec(AnyType(), "image")]),
        outputs=Schema([*answer, ColSpec(Map(DataType.double), "probabilities")]),
    )


def _example(shape: tuple[int, ...] | None) -> str:
    """Returns a grey image of the size that a network takes, as the base64 of a PNG file."""
    from PIL import Image

    height, width = shape[:2] if shape else (32, 32)
    content = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 128, np.uint8)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def models_of(client: MlflowClient, run_id: str) -> list[LoggedModel]:
    """Returns every LoggedModel that a run has made; one that was killed may have left another."""
    experiment = client.get_run(run_id).info.experiment_id
    return list(client.search_logged_models([experiment], f"source_run_id = '{run_id}'"))


def fetch_model(location: str, folder: str) -> Path:
    """Copies `model.keras` from the folder of an MLflow model, and returns the copy.

    Args:
        location: The address of the model's folder.
        folder: To copy to.
    """
    from mlflow.artifacts import download_artifacts

    address = f"{location}/{MODEL}"
    return Path(download_artifacts(address, dst_path=folder, tracking_uri=store_uri()))
