"""What docs/ says of sweeps over several machines can be run as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from kerascnn_pipelines.cli import cli

from kerascnn.tuning.secret import VARIABLE
from kerascnn.tuning.space import SpaceSpec

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "sweeps.md").read_text(encoding="utf-8")
MANIFEST = (DOCS / "sweep-kubernetes.yaml").read_text(encoding="utf-8")
OBJECTS = list(yaml.safe_load_all(MANIFEST))
JOBS = {item["metadata"]["name"]: item for item in OBJECTS if item["kind"] == "Job"}
VARIABLES = {
    "$SWEEP": "mnist-depth",
    "$CHIEF": "node1",
    "$SLURM_CPUS_PER_TASK": "8",
}


def _containers(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pod = job["spec"]["template"]["spec"]
    yield from pod.get("initContainers", [])
    yield from pod["containers"]


def _lines(text: str) -> Iterator[str]:
    """Returns the kerascnn commands in a script."""
    text = text.replace("\\\n", " ")
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    for line in text.splitlines():
        yield from re.findall(r"\bkerascnn (?:sweep|train)[^&|;>#]*", line.partition(" # ")[0])


def _all_commands() -> list[str]:
    commands = [
        line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S) for line in _lines(block)
    ]
    for job in JOBS.values():
        for container in _containers(job):
            line = shlex.join(container["command"])
            commands += _lines("\n".join([line, *container.get("args", [])]))
    return commands


@pytest.mark.parametrize("line", _all_commands())
def test_every_command_is_one_of_ours(line):
    _, name, *arguments = shlex.split(line)
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group) and arguments:
        command = command.commands[arguments.pop(0)]
    assert command is not None
    command.make_context(name, arguments)


def test_no_command_is_left_out():
    names = [line.split()[1] for line in _all_commands()]
    assert names.count("sweep-chief") == 5  # started and resumed, twice; with a certificate
    assert names.count("sweep-worker") == 3
    assert {"sweep", "sweeps", "train"} <= set(names)


@pytest.mark.parametrize("block", re.findall(r"```bash\n(.*?)```", PAGE, re.S))
def test_the_scripts_are_shell(block):
    subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_the_space_of_the_page_is_one():
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    assert len(SpaceSpec(ranges=yaml.safe_load(block)).searched) == 8


def test_the_manifest_has_what_kubernetes_asks_for():
    kinds = {"PersistentVolumeClaim": "v1", "Service": "v1", "Job": "batch/v1"}
    assert [item["kind"] for item in OBJECTS] == ["PersistentVolumeClaim", "Service", "Job", "Job"]
    for item in OBJECTS:
        assert item["apiVersion"] == kinds[item["kind"]]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", item["metadata"]["name"])
    for job in JOBS.values():
        pod = job["spec"]["template"]["spec"]
        assert pod["restartPolicy"] in ("OnFailure", "Never")
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert len(volumes) == len(pod["volumes"])
        for container in _containers(job):
            assert {"name", "image", "command", "resources"} <= set(container)
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            for variable in container.get("env", []):
                assert isinstance(variable.get("value", ""), str)
                assert ("value" in variable) != ("valueFrom" in variable)


def test_the_parts_of_the_manifest_find_each_other():
    claim, service, chief, worker = OBJECTS
    assert service["spec"]["selector"] == chief["spec"]["template"]["metadata"]["labels"]
    host = service["metadata"]["name"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    store, leader = _containers(chief)
    (follower,) = _containers(worker)
    assert f"--port={ports['store']}" in store["command"]
    assert any(f"{host}:{ports['store']}" in part for part in store["command"] if "hosts" in part)
    assert f"--listen 0.0.0.0:{ports['chief']}" in leader["args"][0]
    assert f"--chief={host}:{ports['chief']}" in follower["command"]
    for container in (leader, follower):
        variables = {variable["name"]: variable for variable in container["env"]}
        assert variables["MLFLOW_TRACKING_URI"]["value"] == f"http://{host}:{ports['store']}"
        kept = variables[VARIABLE]["valueFrom"]["secretKeyRef"]
        made = f"kubectl create secret generic {kept['name']} --from-literal={kept['key']}="
        assert made in PAGE
        assert made in MANIFEST
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in chief["spec"]["template"]["spec"]["volumes"]
    ]
    assert claim["metadata"]["name"] in claims
