"""Runs as they are read: found, shown, told apart."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tracking.runs import Run, differing, find

NEWEST_FIRST = [
    Run(id_ * 8, name, "FINISHED", 1e9, {"model.name": model}, metrics, {"hardware": "a"})
    for id_, name, model, metrics in (
        ("abcd", "c", "lenet5", {}),
        ("abce", "b", "convnet", {"test_accuracy": 0.99, "parameters": 61706.0}),
        ("1234", "a", "lenet5", {"test_accuracy": 0.97, "val_loss": 0.031415926}),
        ("5678", "a", "lenet5", {}),
        ("9abc", "1234", "lenet5", {}),
    )
]


@pytest.mark.parametrize(
    ("reference", "place"),
    [("latest", 0), ("c", 0), ("b", 1), ("abce", 1), ("ABCE", 1), ("56", 3), ("1234", 4)],
)
def test_a_reference_is_a_name_or_the_beginning_of_an_id(reference: str, place: int) -> None:
    assert find(NEWEST_FIRST, reference, kind="run") is NEWEST_FIRST[place]


def test_references_to_none_and_to_several() -> None:
    assert find(NEWEST_FIRST, "nothing", kind="run") is None
    with pytest.raises(
        UserError, match="^run 'a' is ambiguous: 12341234, 56785678; give more of the id$"
    ):
        find(NEWEST_FIRST, "a", kind="run")
    with pytest.raises(UserError, match="^sweep 'abc' is ambiguous: abcdabcd, abceabce; "):
        find(NEWEST_FIRST, "abc", kind="sweep")


def test_fields_by_name_and_as_they_are_shown() -> None:
    b, a = NEWEST_FIRST[1:3]
    assert a.field("model.name") == "lenet5"
    assert a.field("hardware") == "a"
    assert a.field("started") == 1e9
    assert a.field("nothing") is None
    shown = {name: b.text(name) for name in ("id", "test_accuracy", "parameters", "val_loss")}
    assert shown == {
        "id": "abceabce", "test_accuracy": "99.00%", "parameters": "61706", "val_loss": ""
    }  # fmt: skip
    assert a.text("val_loss") == "0.03142"
    assert a.text("started") == time.strftime("%Y-%m-%d %H:%M", time.localtime(1e9))


def test_a_run_tells_of_itself_on_one_line_and_as_a_table() -> None:
    b, a = NEWEST_FIRST[1], NEWEST_FIRST[0]
    assert repr(b) == "<Run b (abceabce): FINISHED, test accuracy 99.00%>"
    assert repr(a) == "<Run c (abcdabcd): FINISHED>"
    assert "<td>parameters</td><td>61706</td>" in b._repr_html_()


def test_what_differs() -> None:
    c, b, a = NEWEST_FIRST[:3]
    assert differing([a, b, c]) == {"model.name": ["lenet5", "convnet", "lenet5"]}
    assert differing([a, c]) == {}
    other = Run("0" * 32, "d", "FINISHED", 0, {"model.name": "lenet5", "new": "1"}, {}, {})
    assert differing([a, other]) == {"new": ["-", "1"]}


@pytest.fixture(scope="module")
def stored_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with four runs: "one", "two" twice, and one without a name."""
    place = tmp_path_factory.mktemp("stored")
    recipe = load_recipe("digits-quick")
    with contextlib.chdir(place):
        for name in ("one", "two", "two", None):
            with tracking.start_run(recipe, name, {"tag": str(name)}, {"parameters": 5}) as run:
                for step, loss in ((1, 0.7), (2, 0.5), (3, 0.2)):
                    run.log_epoch({"loss": loss, "val_loss": round(loss + 1, 1)}, step - 1)
                run.log_metrics({"test_accuracy": 0.9, "validation_loss": 3.0}, step=3)
    return place


@pytest.fixture
def stored(stored_place: Path, work_in: Callable[[Path], Path]) -> Path:
    return work_in(stored_place)


def test_no_runs_yet(workplace: Path) -> None:
    assert tracking.list_runs() == []
    with pytest.raises(UserError, match=r"no run 'latest': .*mlflow.db holds no runs yet; 'kerasc"):
        tracking.load_run("latest")
    assert not list(workplace.iterdir()), "asking makes no store"


def test_runs_are_found_by_id_prefix_name_and_latest(stored: Path) -> None:
    one = tracking.load_run("one")
    assert tracking.load_run(one.id) == one == tracking.load_run(one.id[:10])
    assert one.params["model.name"] == "lenet5"
    assert one.params["parameters"] == "5"
    assert one.tags["tag"] == "one"
    assert time.time() - 600 < one.started <= time.time()
    assert tracking.load_run("latest").name == "lenet5-digits-1"
    assert [run.name for run in tracking.list_runs()] == ["lenet5-digits-1", "two", "two", "one"]
    with pytest.raises(UserError, match="run 'two' is ambiguous: "):
        tracking.load_run("two")
    with pytest.raises(UserError, match="unknown run 'ones': did you mean one.*'kerascnn runs'"):
        tracking.load_run("ones")


def test_history_is_by_epoch_and_without_the_final_scores(stored: Path) -> None:
    history = tracking.load_run("one").history
    assert history == {"loss": [0.7, 0.5, 0.2], "val_loss": [1.7, 1.5, 1.2]}


def test_artifacts_that_a_run_has_not(stored: Path) -> None:
    one = tracking.load_run("one")
    with pytest.raises(UserError, match=r"run one \(FINISHED\) has no model.keras"):
        one.artifact("model.keras")
    assert one.recipe == load_recipe("digits-quick"), "it is there from the beginning on"


def test_the_recipe_is_the_one_that_was_trained(trained: Path) -> None:
    run = tracking.load_run("second")
    assert run.recipe == load_recipe("digits-quick", ["training.epochs=2"])


def test_a_name_is_a_networks_unless_a_run_has_it(trained: Path) -> None:
    assert tracking.names_network("resnet50")
    assert tracking.names_network("keras:MobileNetV2")
    assert not tracking.names_network("first")
    assert not tracking.names_network("resnet51")
