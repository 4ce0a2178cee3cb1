"""`kerascnn report`: a run, a sweep or several runs as one file to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo, shortened

if TYPE_CHECKING:
    from kerascnn.tracking import Run


@click.command("report")
@click.argument(
    "names",
    nargs=-1,
    required=True,
    metavar="RUN|SWEEP...",
    shell_complete=completion.runs_and_sweeps,
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write it here.  [default for several runs: report.html]",
)
def command(names: tuple[str, ...], out: Path | None) -> None:
    """Write a run, a sweep, or several RUNS beside each other as one HTML file.

    It opens from disk and asks nothing of the network. Of one run or sweep it is kept among the
    artifacts, too. RUN and SWEEP are ids, the beginnings of ids, names, or latest.
    """
    from kerascnn.report.page import check_page_path, write_page

    several = len(names) > 1
    if several and out is None:
        out = Path("report.html")
    if out is not None:
        check_page_path(out)
    if several:
        from kerascnn.report.comparison import compare
        from kerascnn.report.runs_report import runs_report

        page = runs_report(compare(*names))
    else:
        run, is_sweep = find(names[0])
        page = sweep_page(run) if is_sweep else run_page(run)
        kept = keep(run, page)
        if out is None:
            echo(f"report: {kept}")
    if out is not None:
        write_page(page, out)
        echo(f"report: {out}")


def find(name: str) -> tuple[Run, bool]:
    """Finds a run or a sweep, and returns whether it is a sweep; "latest" is a run where one is.

    Raises:
        UserError: If neither answers to the name, or more than one does.
    """
    from kerascnn import tracking
    from kerascnn.errors import UserError, unknown
    from kerascnn.tracking.runs import find as find_among

    runs, sweeps = tracking.list_runs(), tracking.list_sweeps()
    if not runs and not sweeps:
        tracking.load_run(name)  # says that there are none yet
    run = find_among(runs, name, kind="run") if runs else None
    sweep = find_among(sweeps, name, kind="sweep") if sweeps else None
    if run is not None and sweep is not None and name != "latest":
        raise UserError(
            f"'{name}' is run {run.id[:8]} and sweep {sweep.id[:8]}: give the id of one of them"
        )
    found = run or sweep
    if found is None:
        found = run = tracking.find_trial(name)
    if found is None:
        hint = "'kerascnn runs' and 'kerascnn sweeps' list them"
        raise unknown("run or sweep", name, {one.name for one in (*runs, *sweeps)}, hint=hint)
    return found, run is None


def run_page(run: Run) -> str:
    """Returns the page of a run."""
    from kerascnn.report.run_report import run_report
    from kerascnn.report.set_report import set_report

    return set_report(run) if run.several_labels else run_report(run)


def sweep_page(sweep: Run) -> str:
    """Returns the page of a sweep."""
    from kerascnn.tuning.report import sweep_report
    from kerascnn.tuning.results import load_results

    return sweep_report(load_results(sweep.id))


def keep(run: Run, page: str) -> Path | str:
    """Logs a page as an artifact of its run or sweep.

    Returns:
        Where it is: the path, or what to call it on another machine.
    """
    from kerascnn import tracking
    from kerascnn.report.page import FILE, write_page

    with tracking.new_files(run.id) as folder:
        write_page(page, folder / FILE)
    kept = run.artifact_folder
    if kept is None:
        return f"{FILE} among the artifacts of {run.name}"
    return shortened(kept / FILE)
