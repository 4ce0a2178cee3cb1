"""MLflow's own tags, and the user's."""

from __future__ import annotations

import sys

import pytest

from kerascnn.errors import UserError
from kerascnn.tracking.origin import check_tags, origin, read_tags


def test_program_commit_and_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setattr(sys, "argv", ["/x/bin/kerascnn", "train", "mlp", "csv:my files.csv"])
    assert origin({"git_commit": "abc"}) == {
        "mlflow.source.name": "kerascnn train mlp 'csv:my files.csv'",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": "abc",
        "mlflow.user": "somebody",
    }
    monkeypatch.setattr(sys, "argv", ["/x/study.py", "--token", "secret"])
    assert origin({})["mlflow.source.name"] == "study.py"


def test_tags_of_ones_own() -> None:
    assert read_tags(["team=vision", "why=a = b", "empty="]) == {
        "team": "vision", "why": "a = b", "empty": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("team", "--tag: got 'team', must be KEY=VALUE"),
        ("=x", "tag: got the name ''"),
        ("a*b=x", r"tag: got the name 'a\*b', must be letters"),
        ("git_commit=x", "tag: 'git_commit' is one that runs have already"),
        ("mlflow.user=x", "tag: 'mlflow.user' is one"),
        (f"a={'x' * 5001}", "tag a: has 5,001 characters, may have 5,000"),
    ],
)
def test_tags_that_cannot_be(pair: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_tags([pair])


def test_what_runs_have_is_taken() -> None:
    """Every tag that is not MLflow's."""
    from kerascnn import provenance

    for name in provenance.tags():
        with pytest.raises(UserError, match="runs have already"):
            check_tags({name: "x"})
