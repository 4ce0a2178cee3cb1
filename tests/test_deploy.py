"""The files for clusters: what they start is what the commands take."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import yaml

from pipelines.cli import cli

DEPLOY = Path(__file__).parents[1] / "deploy"


def parsed(arguments: list[str]) -> dict:
    """Returns what a command line of kerascnn means to its command; raises where it means none."""
    context = click.Context(cli)
    command = cli.get_command(context, arguments[0])
    assert command is not None, arguments[0]
    return command.make_context(arguments[0], arguments[1:]).params


def test_kubernetes_manifest() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "sweep-kubernetes.yaml").read_text()))
    service, chief, workers = documents
    assert [document["kind"] for document in documents] == ["Service", "Job", "Job"]
    assert [document["apiVersion"] for document in documents] == ["v1", "batch/v1", "batch/v1"]
    pods = [job["spec"]["template"] for job in (chief, workers)]
    assert service["spec"]["selector"] == pods[0]["metadata"]["labels"]
    (port,) = service["spec"]["ports"]
    (chief_box,), (worker_box,) = (pod["spec"]["containers"] for pod in pods)
    assert chief_box["ports"] == [{"containerPort": port["port"]}]
    for pod, box in zip(pods, (chief_box, worker_box), strict=True):
        assert pod["spec"]["restartPolicy"] == "Never"
        assert box["command"] == ["kerascnn"]
        mounted = {mount["name"] for mount in box["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}
        assert all(isinstance(argument, str) for argument in box["args"])
    assert parsed(chief_box["args"])["listen"] == f"0.0.0.0:{port['port']}"
    address = f"{service['metadata']['name']}:{port['port']}"
    assert parsed(worker_box["args"])["chief"] == address


def test_slurm_script() -> None:
    path = DEPLOY / "sweep.slurm"
    subprocess.run(["bash", "-n", path], check=True)
    lines = re.findall(r"^ +kerascnn (.+)$", path.read_text(), flags=re.MULTILINE)
    commands = [
        shlex.split(re.sub(r'"\$\(cat .*?\)"|"\$\w+"', lambda match: "7", line)) for line in lines
    ]
    assert [parsed(command)["max_epochs"] for command in commands[:1]] == [10]
    assert parsed(commands[1])["threads"] == 7
