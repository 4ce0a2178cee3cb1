"""MLflow's registry of models: names, with versions, of which each is the model of a run.

A version is named `models:/NAME/3`, or by an alias that can be moved to another, as
`models:/NAME@champion`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerascnn.errors import UserError, unknown
from kerascnn.text import shown
from kerascnn.tracking.store import open_client, store_errors, store_uri

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel
    from mlflow.tracking import MlflowClient

PREFIX = "models:/"
_REFERENCE = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[\w-]+))")
_NAME = re.compile(r"[^/:@]{1,200}")
_ALIAS = re.compile(r"(?!v\d+$|latest$)[A-Za-z0-9_-]{1,200}")


def check_registration(name: str, alias: str | None = None) -> None:
    """Refuses what cannot be the name of a registered model, or an alias.

    Raises:
        UserError: If it cannot.
    """
    if not _NAME.fullmatch(name) or shown(name) != name or not name.strip():
        raise UserError(f"NAME: got '{shown(name)}', must be 1 to 200 characters without / : @")
    if alias is not None and not _ALIAS.fullmatch(alias):
        raise UserError(
            f"--alias: got '{shown(alias)}', must be letters, digits, - and _, and not 'latest' or "
            "a version such as 'v3'"
        )


def add_version(name: str, run_id: str, model_id: str, alias: str | None = None) -> int:
    """Makes the MLflow model of a run a version of a registered model.

    Args:
        name: Of the registered model; made where there is none.
        run_id: Of the run. Where it is a version of this name already, it stays that.
        model_id: Of its LoggedModel.
        alias: That then stands for this version, and for no other of the name.

    Returns:
        The number of the version.

    Raises:
        UserError: For a name or alias that cannot be.
    """
    check_registration(name, alias)
    client = open_client(create=True)
    assert client is not None
    with store_errors(), _as_mlflows_own():
        if name not in {model.name for model in _models(client)}:
            client.create_registered_model(name)
        known = [found for found in _versions_of(client, run_id) if found.name == name]
        version = known[0] if known else _new_version(client, name, run_id, model_id)
        if alias is not None:
            client.set_registered_model_alias(name, alias, version.version)
    return int(version.version)


def _new_version(client: MlflowClient, name: str, run_id: str, model_id: str) -> ModelVersion:
    source = f"{PREFIX}{model_id}"
    return client.create_model_version(name, source, run_id, model_id=model_id)


@contextlib.contextmanager
def _as_mlflows_own() -> Iterator[None]:
    """Makes the store the one that MLflow takes where it is told none, as its registry does."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = store_uri()
    try:
        yield
    finally:
        if before is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before


def _models(client: MlflowClient) -> list[RegisteredModel]:
    found: list[RegisteredModel] = []
    token = None
    while True:
        page = client.search_registered_models(page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


def _versions_of(client: MlflowClient, run_id: str) -> list[ModelVersion]:
    return list(client.search_model_versions(f"run_id = '{run_id}'"))


def run_of(reference: str) -> str:
    """Returns the id of the run whose model a registered version is.

    Args:
        reference: models:/NAME/VERSION or models:/NAME@ALIAS.

    Raises:
        UserError: If there is no such model, version or alias.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserError(
            f"got '{shown(reference)}', must be models:/NAME/VERSION or models:/NAME@ALIAS"
        )
    name, version, alias = match["name"], match["version"], match["alias"]
    client = open_client(create=False)
    with store_errors():
        models = {} if client is None else {model.name: model for model in _models(client)}
        if client is None or name not in models:
            raise unknown(
                "registered model", name, models, hint="'kerascnn register RUN NAME' makes one"
            )
        if alias is not None:
            known = {key: str(number) for key, number in models[name].aliases.items()}
            if alias not in known:
                raise unknown(f"alias of {name}", alias, known)
            version = known[alias]
        found = {
            str(one.version): one
            for one in client.search_model_versions(f"name = '{_quoted(name)}'")
        }
        if version not in found:
            raise unknown(f"version of {name}", version, found)
        run_id = found[version].run_id
    if not run_id:
        raise UserError(f"{shown(reference)} was registered without a run: kerascnn needs its run")
    return str(run_id)


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def registered_as(run_id: str) -> list[str]:
    """Returns what the model of a run is registered as: models:/NAME/VERSION, each."""
    client = open_client(create=False)
    assert client is not None
    with store_errors():
        return [f"{PREFIX}{one.name}/{one.version}" for one in _versions_of(client, run_id)]
