"""The pages of docs/: what they name exists, what they run runs, and `make docs` is strict."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from kerascnn_pipelines.cli import cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def _module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _inline(text: str) -> list[str]:
    """Returns what stands in backticks within a page's prose."""
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def _commands(text: str) -> Iterator[list[str]]:
    """Yields the words after `kerascnn` of the commands of a page's blocks."""
    for kind, _, body in BLOCK.findall(text):
        if kind == "bash" and "#!" not in body:  # tests/test_cluster_docs.py knows the scripts
            for line in body.splitlines():
                if line.startswith("kerascnn "):
                    yield shlex.split(line, comments=True)[1:]


def _found(words: list[str]) -> tuple[click.Command, list[str]]:
    """Returns the command that is meant, and the words after it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0].isupper():  # RUN, TOPIC: what the reader fills in
            break
        before = sum(isinstance(param, click.Argument) for param in command.params)
        inner = command.get_command(click.Context(command), words[before])
        assert inner is not None, words[before]
        command, words = inner, words[before + 1 :]
    return command, words


@each_page
def test_commands_are_ours(page: Path) -> None:
    for words in _commands(page.read_text(encoding="utf-8")):
        command, arguments = _found(words)
        command.make_context(command.name, list(arguments))


@each_page
def test_commands_and_options_in_the_text_are_ours(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    options = {"--debug", "--allowed-hosts"} | {  # of kerascnn itself; of MLflow
        option
        for name in cli.list_commands(click.Context(cli))
        for command in _with_inner(_found([name])[0])
        for param in command.params
        for option in (*param.opts, *param.secondary_opts, "--help", "--version")
    }
    for code in _inline(text):
        if code.startswith("kerascnn "):
            command, words = _found(code.split()[1:])
            known = {option for param in command.params for option in param.opts} | {"--help"}
            assert {word for word in words if word.startswith("--")} <= known, code
        elif code.startswith("--") and page.parent == DOCS:
            assert code.split()[0] in options, code


def _with_inner(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield inner


@each_page
def test_files_and_names_in_the_text_exist(page: Path) -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in _product())
    for code in _inline(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"(?:kerascnn|pipelines|tests|benchmarks|docs)/[\w./*-]*", code):
            assert list(ROOT.glob(code.rstrip("/"))), code
        elif re.fullmatch(r"[\w-]+\.(?:toml|txt|cfg)|Makefile|mkdocs\.yml", code):
            assert (ROOT / code).exists(), code
        elif match := re.fullmatch(r"(kerascnn(?:\.\w+)+)(?:\(.*\))?", code):
            assert _exists(match[1]), code
        elif re.fullmatch(r"KERASCNN_\w+", code):
            assert code in sources or code == "KERASCNN_TEST_DATA", code


def _product() -> list[Path]:
    return [path for part in ("kerascnn", "pipelines") for path in (ROOT / part).rglob("*.py")]


def _exists(name: str) -> bool:
    module, _, last = name.rpartition(".")
    if name in ("kerascnn.json", "kerascnn.models"):  # a file's member; an entry point group
        return True
    try:
        return hasattr(importlib.import_module(module), last) or bool(importlib.import_module(name))
    except ImportError:
        return False


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w/-]+\.md", text))
    assert named == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


def _build(place: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=place,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of what the site is built from."""
    place = tmp_path / "copied"
    shutil.copytree(DOCS, place / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", place)
    (place / "kerascnn").symlink_to(ROOT / "kerascnn")
    return place


@pytest.mark.ci
def test_a_public_name_on_no_page_and_a_broken_link_fail(copied: Path, tmp_path: Path) -> None:
    page = copied / "docs" / "api" / "runs.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before.replace("::: kerascnn.compare\n", ""), encoding="utf-8")
    done = _build(copied, tmp_path / "site")
    assert done.returncode != 0
    assert "public, and on no API page: kerascnn.compare" in done.stderr
    page.write_text(f"{before}\n[nowhere](../nowhere.md)\n", encoding="utf-8")
    done = _build(copied, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def test_everything_public_is_looked_for() -> None:
    public = set(_module(DOCS / "public_names.py").public_names())
    assert {"kerascnn.train", "kerascnn.layers.LRN", "kerascnn.tuning.ranges.Choice"} <= public
    assert "kerascnn.augment.colour.Hue" in public
    for name in public:
        assert _exists(name), name


def _follow(page: str, kerascnn, environment: dict[str, object]) -> None:
    """Does what a page says, in the working directory."""
    for kind, title, body in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if title:
            path = Path(title)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
        elif kind == "python":
            exec(compile(body, page, "exec"), environment)
        elif kind == "bash":
            for line in body.splitlines():
                if line.startswith("kerascnn ") and line != "kerascnn ui":
                    _run(line, kerascnn)
                elif line.startswith("pip install"):
                    _install(line.split()[-1])


def _run(line: str, kerascnn) -> None:
    words = shlex.split(line, comments=True)[1:]
    if Path("installed").is_dir():  # a package of the reader's own: a process finds it
        path = os.pathsep.join(["installed", str(ROOT), str(ROOT / ".path")])
        done = subprocess.run(
            [sys.executable, "-P", "-m", "kerascnn_pipelines.cli", *words],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        return
    done = kerascnn(*words)
    assert (done.code, done.err) == (0, ""), (line, done.err)


def _install(package: str) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", "installed"]
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, package], check=True)


@pytest.mark.ci
def test_the_tutorial(workplace: Path, kerascnn) -> None:
    _follow("tutorial.md", kerascnn, {})
    assert (workplace / "recall.png").stat().st_size > 1000


@pytest.mark.ci
def test_the_page_on_several_labels(workplace: Path, kerascnn) -> None:
    _follow("several-labels.md", kerascnn, {})
    assert (workplace / "pairs.html").stat().st_size > 10_000


@pytest.mark.ci
def test_the_operation_of_the_tutorial(tmp_path: Path) -> None:
    for part in ("kerascnn", "tests", "pyproject.toml"):
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "fixtures")
            shutil.copytree(source, tmp_path / part, ignore=ignored)
        else:
            shutil.copy(source, tmp_path)
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    (change,) = (body for kind, _, body in BLOCK.findall(text) if kind == "diff")
    subprocess.run(
        ["git", "apply"], input=change, text=True, cwd=tmp_path, check=True,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/augment", "-k", "gamma"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.ci
def test_the_other_pages_in_order(
    workplace: Path, kerascnn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # a page sets it
    environment: dict[str, object] = {}
    for page in ("first-run", "networks", "augmentation", "recipes", "runs", "python"):
        _follow(f"{page}.md", kerascnn, environment)
    _follow("saved-models.md", kerascnn, environment)
    _follow("export.md", kerascnn, environment)


def test_recipes_and_spaces_on_the_pages_are_yaml() -> None:
    for page in PAGES:
        for kind, _, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == "yaml":
                assert yaml.safe_load(body)
