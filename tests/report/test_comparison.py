"""Runs beside each other."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.report.comparison import RESULTS, compare
from kerascnn.table_files import write_json
from kerascnn.visualization.pareto import FRONT
from tests.report.stored import predictions, store_run


def test_what_differs_and_what_came_out(trained) -> None:
    comparison = compare("first", tracking.load_run("second"))
    assert [run.name for run in comparison.runs] == ["first", "second"]
    assert comparison.differences == [["training.epochs", "3", "2"]]
    rows = {name: values for name, *values in comparison.results}
    assert list(rows) == list(RESULTS)
    assert rows["status"] == ["FINISHED", "FINISHED"]
    first, second = comparison.runs
    expected = [f"{run.metrics['test_accuracy']:.2%}" for run in (first, second)]
    assert rows["test_accuracy"] == expected
    assert repr(comparison) == "<Comparison of first, second: 1 fields differ>"


def test_what_training_keeps_is_tested_and_drawn(trained) -> None:
    comparison = compare("first", "second")
    (pair,) = comparison.paired.tested
    better, worse = (run.metrics["test_accuracy"] for run in (pair.first, pair.second))
    assert better - worse == pytest.approx(pair.pairing.difference.value)
    assert better >= worse
    assert comparison.without_macs == []
    panels = comparison.draw_pareto().axes
    assert [axes.get_xlabel() for axes in panels] == ["seconds of training", "parameters", "MACs"]
    # LeNet-5's (LeCun et al. 1998), of one image.
    assert {run.params["macs"] for run in comparison.runs} == {"416520"}


def test_the_same_run_differs_in_nothing(trained) -> None:
    comparison = compare("first", "first")
    assert comparison.differences == []
    assert comparison.best is None
    with pytest.raises(UserError, match="two runs that have predictions of the same images"):
        comparison.draw_disagreements()


def test_curves_lie_over_each_other(trained) -> None:
    comparison = compare("second", "first")
    loss, _accuracy = comparison.draw().axes
    curves = {line.get_label(): np.array(line.get_ydata()).tolist() for line in loss.get_lines()}
    for run in comparison.runs:
        assert curves[f"{run.name} {run.id[:4]}"] == run.history["val_loss"]
    page = comparison._repr_html_()
    assert "<td>training.epochs</td><td>2</td><td>3</td>" in page
    assert "data:image/png;base64," in page


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Holds two seeds of one recipe, one run that costs more, and one of an older version."""
    place = tmp_path_factory.mktemp("stored")
    with contextlib.chdir(place):
        store_run("one", predictions(range(10)), settings=["training.seed=1"])
        store_run("two", predictions(range(14)), settings=["training.seed=2"])
        store_run(
            "wide", predictions([0]), settings=["optimizer.learning_rate=0.01"],
            params={"parameters": 100_000, "macs": 90_000}, metrics={"train_seconds": 9.0},
        )  # fmt: skip
        store_run(
            "old", predictions(range(50)), settings=["training.epochs=1"],
            params={"parameters": 1000},
        )  # fmt: skip
    return place


@pytest.fixture
def stored(place, work_in):
    return work_in(place)


def test_seeds_are_one_point_of_the_front(stored) -> None:
    comparison = compare("one", "two", "wide")
    assert [group.name for group in comparison.groups] == ["one and 1 more", "wide"]
    spread = comparison.groups[0].spread("test_accuracy")
    assert spread is not None
    assert (spread.mean, spread.count) == (pytest.approx(0.94), 2)
    assert spread.deviation == pytest.approx(0.02 / 2**0.5)
    seconds = comparison.draw_pareto().axes[0]
    front = next(line for line in seconds.get_lines() if line.get_color() == FRONT)
    assert np.array(front.get_data()).T.ravel() == pytest.approx([2.5, 0.94, 9.0, 0.995])


def test_pairs_with_the_best(stored) -> None:
    comparison = compare("one", "two", "wide")
    assert comparison.best is not None
    assert comparison.best.name == "wide"
    pairs = comparison.pairs_with_best
    assert [pair.second.name for pair in pairs] == ["one", "two"]
    assert len(comparison.paired.tested) == 3
    titles = [
        comparison.draw_disagreements(pair).texts[0].get_text()
        for pair in (None, comparison.paired.tested[2])
    ]
    assert titles == ["A: wide   B: one", "A: one   B: two"]


def test_the_table_has_what_is_on_screen(stored) -> None:
    comparison = compare("one", "two", "wide")
    head, rows = comparison.table()
    one, two, wide = (dict(zip(head, row, strict=True)) for row in rows)
    assert [row["training.seed"] for row in (one, two, wide)] == ["1", "2", "0"]
    assert one["test_accuracy"] == pytest.approx(0.95)
    assert one["seeds"] == two["seeds"] == 2
    assert two["seeds_test_accuracy_mean"] == pytest.approx(0.94)
    assert one["best_and_this_only_first_right"] == 9
    assert one["best_and_this_only_second_right"] == 0
    assert two["best_and_this_difference"] == pytest.approx(13 / 200)
    assert two["best_and_this_mcnemar_p"] == pytest.approx(2 / 2**13)
    assert two["best_and_this_mcnemar_p_holm"] == pytest.approx(3 * 2 / 2**13)
    assert wide["best_and_this_mcnemar_p"] is None


def test_everything_as_json(stored, tmp_path) -> None:
    comparison = compare("one", "two", "wide")
    write_json(tmp_path / "a.json", comparison.values())
    values = json.loads((tmp_path / "a.json").read_text())
    ids = {run["name"]: run["id"] for run in values["runs"]}
    assert values["differences"]["training.seed"] == ["1", "2", "0"]
    assert values["best"] == ids["wide"]
    assert [group["runs"] for group in values["seeds"]] == [
        [ids["one"], ids["two"]], [ids["wide"]]
    ]  # fmt: skip
    assert values["seeds"][1]["figures"]["test_accuracy"]["deviation"] is None
    assert [(pair["first"], pair["second"]) for pair in values["pairs"]] == [
        (ids["wide"], ids["one"]), (ids["wide"], ids["two"]), (ids["one"], ids["two"])
    ]  # fmt: skip
    last = values["pairs"][2]
    assert (last["examples"], last["only_first_right"], last["mcnemar_p"]) == (200, 4, 0.125)


def test_conditions_choose_among_all_runs_or_those_named(stored) -> None:
    chosen = compare(conditions=["test_accuracy > 0.94"])
    assert [run.name for run in chosen.runs] == ["wide", "one"]
    chosen = compare("one", "two", "wide", conditions=["training.seed>0", "test_accuracy<0.99"])
    assert [run.name for run in chosen.runs] == ["one", "two"]


def test_runs_without_macs_are_left_out_of_that_panel_alone(stored) -> None:
    comparison = compare("one", "wide", "old")
    assert [run.name for run in comparison.without_macs] == ["old"]
    parameters, macs = comparison.draw_pareto().axes[1:]
    fronts = [
        np.size(next(ln for ln in axes.get_lines() if ln.get_color() == FRONT).get_xdata())
        for axes in (parameters, macs)
    ]
    assert fronts == [3, 2]


def test_a_sweeps_trials_are_runs(wide) -> None:
    comparison = compare(sweep="wide")
    assert len(comparison.runs) == 16
    assert {run.status for run in comparison.runs} == {"FINISHED"}
    assert "trial" not in comparison.differing
    assert "model.filters" in comparison.differing
    assert comparison.accuracy == "validation_accuracy"
    assert comparison.paired.tested == []
    (line,) = comparison.paired.lacking
    assert line.startswith("trials of a sweep are not scored on test images: 'kerascnn sweep")
    assert [axes.get_xlabel() for axes in comparison.draw_pareto().axes] == ["parameters", "MACs"]
    few = compare(sweep="wide", conditions=["trial < 9"])
    assert [run.name for run in few.runs][-1] == "wide-8"


def test_many_runs_are_drawn_as_the_best_of_them(wide) -> None:
    comparison = compare(sweep="wide")
    ranked = sorted(comparison.runs, key=lambda run: -run.metrics["validation_accuracy"])
    drawn = {line.get_label() for line in comparison.draw().axes[0].get_lines()}
    shown = [f"{run.name} {run.id[:4]}" in drawn for run in ranked]
    assert shown == [True] * 12 + [False] * 4


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        ((), {}, "compare needs two runs or more"),
        (("first",), {}, "compare needs two runs or more, such as 'kerascnn compare latest RUN'"),
        (("first", "secnd"), {}, "unknown run 'secnd': did you mean second"),
        ((), {"sweep": "none"}, "no sweep 'none': 'kerascnn sweep MODEL DATASET' makes one"),
        (
            (), {"conditions": ["test_accuracy>2"]},
            "compare needs two runs or more: none of 2 runs meets 'test_accuracy>2'",
        ),
        (
            (), {"conditions": ["name=first", "training.epochs = 3"]},
            "more: 1 of 2 runs meets 'name=first' and 'training.epochs = 3'",
        ),
        ((), {"conditions": ["test_acuracy>0"]}, "unknown field 'test_acuracy': did you mean"),
        ((), {"conditions": ["accuracy"]}, "must be FIELD=VALUE"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(trained, runs, options, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compare(*runs, **options)


def test_no_runs_yet(workplace) -> None:
    with pytest.raises(UserError, match="compare needs two runs or more: there are none yet"):
        compare(conditions=["test_accuracy > 0.9"])
