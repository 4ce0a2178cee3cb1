"""`kerascnn runs`: the tracked runs as a table; deleted, and removed for good."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo, print_table

if TYPE_CHECKING:
    from kerascnn.tracking import Run


@click.group("runs", invoke_without_command=True)
@click.option(
    "--filter",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Such as model.name=lenet5 or test_accuracy>0.99; may be repeated.",
)
@click.option(
    "--sort",
    default="started",
    show_default=True,
    metavar="FIELD",
    help="Any metric, recipe field, or name, status, started; largest first.",
)
@click.option("--reverse", is_flag=True, help="Smallest first.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Rows.")
@click.option("--columns", metavar="FIELD,...", help="Further fields to show.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all rows, in full.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all rows, too.")
@click.pass_context
def command(
    ctx: click.Context,
    conditions: tuple[str, ...],
    sort: str,
    reverse: bool,
    limit: int,
    columns: str | None,
    csv_file: Path | None,
    json_file: Path | None,
) -> None:
    """List the tracked runs, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    from kerascnn import tracking
    from kerascnn.table_files import check_table_path, write_csv, write_json
    from kerascnn.tracking.selection import known_fields, select

    for path, option in ((csv_file, "--csv"), (json_file, "--json")):
        if path:
            check_table_path(path, option)
    runs = tracking.list_runs()
    if not runs:
        echo(f"no runs yet in {tracking.store_uri()}: 'kerascnn train' makes one")
        return
    chosen = select(runs, conditions, sort=sort, ascending=reverse)
    fields = [
        "name", "id", "status", "started", "model.name", "data.name", "parameters",
        "validation_accuracy", "test_accuracy", "train_seconds",
    ]  # fmt: skip
    if any(run.several_labels for run in chosen):
        fields.insert(-1, "test_mean_average_precision")
    fields += known_fields(columns.split(","), runs) if columns else []
    rows = [[run.text(field) for field in fields] for run in chosen[:limit]]
    last = ("parameters", "train_seconds", "started", "id", "validation_accuracy", "data.name")
    print_table(fields, rows, last=last)
    if len(chosen) > limit:
        echo(f"{limit} of {len(chosen)} runs; --limit shows more")
    if not (csv_file or json_file):  # all of them take a while, of thousands
        return
    values = [[run.field(field) for field in fields] for run in chosen]
    if csv_file:
        write_csv(csv_file, fields, values)
        echo(f"table: {csv_file}")
    if json_file:
        write_json(json_file, [dict(zip(fields, row, strict=True)) for row in values])
        echo(f"table: {json_file}")


@command.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=completion.runs)
def delete(runs: tuple[str, ...]) -> None:
    """Delete runs: they are not listed any more. 'kerascnn runs gc' frees the space.

    RUN is an id, the beginning of one, a name or latest.
    """
    from kerascnn import tracking

    delete_found(tracking.load_run(run, trials=False) for run in runs)


def delete_found(runs: Iterable[Run]) -> None:
    """Deletes runs or sweeps, each once, and says so."""
    from kerascnn.tracking import removal

    found = {run.id: run for run in runs}
    removal.delete(list(found.values()))
    for run in found.values():
        echo(f"deleted {run.name} ({run.id[:8]}), {run.status}")
    echo("to free the space: kerascnn runs gc")


@command.command()
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(0),
    metavar="DAYS",
    help="Age at which a checkpoint goes whose run could still be resumed.  [default: 30]",
)
@click.option("--dry-run", is_flag=True, help="Only list what is left, and what would go.")
def gc(days: float | None, dry_run: bool) -> None:
    """Free the space of deleted runs and sweeps, and of checkpoints that nobody needs.

    A deleted run goes with all its artifacts, for good. The checkpoint of an unfinished run is what
    'kerascnn train --resume' starts from.
    """
    from kerascnn import checkpoints, tracking
    from kerascnn.files import folder_size, size_text
    from kerascnn.tracking import removal

    days = checkpoints.LONGEST_DAYS if days is None else days
    runs = {run.id: run for run in tracking.list_runs()}
    deleted = removal.deleted_runs()
    stays = removal.kept_by_server()
    rows, total, going = [], 0, []
    for run in deleted:
        bytes_ = sum(map(folder_size, run.folders))
        fate = "stays" if stays else "goes"
        rows.append(["run", run.name, run.id[:8], "deleted", "", size_text(bytes_), fate])
        total += 0 if stays else bytes_
    gone = {run.id: run.name for run in deleted}
    for kept in checkpoints.kept_checkpoints():
        id_, owner = kept.run_id, runs.get(kept.run_id)
        goes = id_ in gone or checkpoints.unneeded(kept, owner, days)
        name = owner.name if owner else gone.get(id_, "?")
        status = owner.status if owner else "deleted" if id_ in gone else "of another store"
        written = time.strftime("%Y-%m-%d", time.localtime(kept.written))
        size, fate = size_text(kept.size), "goes" if goes else "stays"
        rows.append(["checkpoint", name, id_[:8], status, written, size, fate])
        if goes:
            going.append(kept)
            total += kept.size
    if not rows:
        echo("nothing is left over: no deleted runs, no checkpoints")
        return
    headings = ["what", "run", "id", "status", "written", "size", ""]
    print_table(headings, rows, right=["size"], last=("id", "written"))
    if deleted and stays:
        echo("\na tracking server removes no runs for its clients: 'mlflow gc' there does")
    if dry_run:
        echo(f"\n{size_text(total)} would be freed")
        return
    for kept in going:
        if not kept.remove():
            total -= kept.size
            echo(f"the checkpoint of {kept.run_id[:8]} stays: the run is being trained")
    if not stays:
        removal.remove(deleted)
    echo(f"\nfreed {size_text(total)}")
