from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tuning.results import load_results


@pytest.fixture
def results(wide):
    return load_results("wide")


def test_the_ranking_puts_full_trials_first(results):
    full = [trial.objective for trial in results.ranking if trial.full]
    part = [trial.objective for trial in results.ranking if not trial.full]
    assert [trial.full for trial in results.ranking] == [True] * 12 + [False] * 4
    assert full == sorted(full, reverse=True)
    assert part == sorted(part, reverse=True)
    assert results.best.objective == max(full)


def test_trials_that_failed_or_run_are_kept(results):
    assert [trial.number for trial in results.trials] == list(range(1, 19))
    assert results.count("FAILED") == results.count("RUNNING") == 1
    failed = results.trials[4]
    assert failed.error == "ResourceExhaustedError: out of memory"
    assert failed.objective is None
    assert failed.values["optimizer.learning_rate"] is not None


def test_values_are_those_of_the_trials_recipes(results):
    for trial in results.ranking:
        options = trial.run.recipe.model.options
        assert trial.values["model.filters"] == str(options["filters"])
        assert trial.values["augment.preset"] == trial.run.recipe.augment.preset
        assert (trial.values["model.dense_dropout"] is None) == (options["dense"] == ())


def test_columns_are_numbers_with_labels(results):
    rates = results.column("optimizer.learning_rate", results.trials)
    assert rates.log
    assert ((rates.values >= 3e-4) & (rates.values <= 1e-2)).all()
    dense = results.column("model.dense", results.trials)
    assert dense.labels == ("[]", "[64]", "[128]", "[256]")
    hidden = [trial.run.recipe.model.options["dense"] for trial in results.trials]
    assert [dense.labels[int(index)] for index in dense.values] == [
        str([*units]) for units in hidden
    ]
    assert np.isnan(results.column("model.dense_dropout", results.trials).values).any()


def test_the_best_recipe_reads_back_as_the_trials_own(results, tmp_path):
    path = tmp_path / "best.yaml"
    results.save_best(path)
    recipe, trial = load_recipe(path), results.best.run.recipe
    assert (recipe.model, recipe.optimizer, recipe.augment) == (
        trial.model,
        trial.optimizer,
        trial.augment,
    )
    # A full training: as long as the recipe that was searched around.
    assert recipe.training.epochs == results.recipe.training.epochs
    assert recipe.data.train_fraction == results.recipe.data.train_fraction
    header = path.read_text(encoding="utf-8").splitlines()[:4]
    assert (
        header[0]
        == f"# The best of sweep wide ({results.run.id[:8]}): trial {results.best.number} of 18."
    )
    assert header[1].startswith("# validation_accuracy 0.99")
    assert header[2] == "# 20 epochs, as the recipe that was searched around."
    assert header[3] == "# kerascnn train --recipe THIS_FILE"


def test_a_best_recipe_that_cannot_be_written(results, tmp_path):
    with pytest.raises(UserError, match=r"best.txt: must end in .yaml"):
        results.save_best(tmp_path / "best.txt")
    with pytest.raises(UserError, match="there is no folder"):
        results.save_best(tmp_path / "missing" / "best.yaml")


def test_importance_finds_what_the_score_is_made_of(results):
    shares = list(results.importance.shares)
    assert shares.index("optimizer.learning_rate") < 3
    assert set(shares) == set(results.space.searched)


def test_a_sweep_without_a_finished_trial(wide):
    results = load_results("wide")
    object.__setattr__(results, "trials", [results.trials[-1]])
    with pytest.raises(UserError, match="has no finished trial yet"):
        results.best  # noqa: B018
    assert results.importance is None


def test_an_unknown_sweep(wide):
    with pytest.raises(UserError, match="unknown sweep 'wied': did you mean wide"):
        load_results("wied")
