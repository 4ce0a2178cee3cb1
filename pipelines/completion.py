"""What a shell offers after TAB: networks, data sets, recipes, runs, sweeps, fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completer(names: Callable[[], Iterable[str]], *, end: str = "") -> Completer:
    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            known = list(names())
        except Exception:  # a TAB is no place for errors
            known = []
        return [CompletionItem(f"{name}{end}") for name in known if name.startswith(incomplete)]

    return complete


def _models() -> Iterable[str]:
    from kerascnn.models.spec import known_names

    return known_names()


def _datasets() -> Iterable[str]:
    from kerascnn.data.sources import known_sets

    return [*(known.name for known in known_sets()), "folder:", "csv:"]


def _recipes() -> Iterable[str]:
    from kerascnn.recipe import recipe_names

    return recipe_names()


def optimizer_names() -> Iterable[str]:
    """Returns the names of all optimizers."""
    from kerascnn.training.optimizer_spec import OptimizerSpec

    return OptimizerSpec.names()


def _runs() -> Iterable[str]:
    from kerascnn.tracking import list_runs

    return ["latest", *(run.name for run in list_runs())]


def _weights() -> Iterable[str]:
    return ["imagenet", "preset", *_runs()]


def _sweeps() -> Iterable[str]:
    from kerascnn.tracking import list_sweeps

    return ["latest", *(sweep.name for sweep in list_sweeps())]


def _runs_and_sweeps() -> Iterable[str]:
    return dict.fromkeys([*_runs(), *_sweeps()])


def _fields() -> Iterable[str]:
    from kerascnn.recipe import recipe_fields

    return (field.name for field in recipe_fields())


models: Any = _completer(_models)
datasets: Any = _completer(_datasets)
recipes: Any = _completer(_recipes)
runs: Any = _completer(_runs)
weights: Any = _completer(_weights)
sweeps: Any = _completer(_sweeps)
runs_and_sweeps: Any = _completer(_runs_and_sweeps)
settings: Any = _completer(_fields, end="=")


class NameOption(click.Option):
    """An option that takes one of some names, which its help lists.

    Args:
        names: Returns them; called when they are to be seen, as imports may take a while.
    """

    def __init__(self, *args: Any, names: Callable[[], Iterable[str]], **attributes: Any):
        super().__init__(*args, shell_complete=_completer(names), **attributes)
        self._names = names

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Returns the option's line in the help."""
        *others, last = self._names()
        self.help = f"{', '.join(others)} or {last}."
        return super().get_help_record(ctx)
