"""`kerascnn visualize RUN KIND`: pictures of what a network has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerascnn.errors import UserError
from kerascnn.visualization.contents import KINDS

from . import completion
from .output import echo, shortened
from .picture_options import PictureGroup, write

if TYPE_CHECKING:
    from kerascnn.tracking import Run
    from kerascnn.visualization.kinds import Kind
    from kerascnn.visualization.picture import Picture


class _Kinds(PictureGroup):
    lines, what, heading = KINDS, "kind of picture", "Kinds"

    def kind_of(self, name: str) -> type[Kind]:
        from kerascnn.visualization.kinds import Kind

        return Kind.of_name(name)

    def draw(self, ctx: click.Context, chosen: Kind, **options: Any) -> None:
        _draw(ctx.params["run"], chosen, **options)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        run = ctx.params["run"]
        if args[0] in ctx.help_option_names and run in KINDS:  # visualize KIND --help
            args = [run, *args]
        return super().resolve_command(ctx, args)


@click.group(
    "visualize",
    cls=_Kinds,
    subcommand_metavar="KIND [IMAGE]... [OPTIONS]",
    no_args_is_help=True,
    invoke_without_command=True,
)
@click.argument("run", shell_complete=completion.runs)
@click.pass_context
def command(ctx: click.Context, run: str) -> None:
    """Draw what RUN's network has learnt, and keep the picture in the run.

    \b
    kerascnn visualize latest filters
    kerascnn visualize latest patches --layer c3
    kerascnn visualize latest gradcam photo.jpg test:17
    kerascnn visualize latest patches --help

    RUN is an id, an unambiguous prefix of one, a run's name, latest, a model.keras file, or the
    name of a network, which is then drawn untrained. IMAGE is a file, a folder, or an example of
    the run's data by number, such as test:17.
    """
    if ctx.invoked_subcommand is None:
        raise UserError(f"which kind of picture of {run}? known: {', '.join(KINDS)}")


def _draw(
    reference: str, chosen: Kind, *, images: tuple[str, ...], out: Path | None, npz: Path | None
) -> None:
    from kerascnn import tracking

    run: Run | None = None
    if not reference.endswith(".keras") and not tracking.names_network(reference):
        run = tracking.load_run(reference)
        run.artifact("model.keras")  # it has one
        if chosen.one_label:
            run.check_one_label()

    from kerascnn.pictures import visualize
    from kerascnn.visualization.picture_files import default_ending, file_name

    picture = visualize(run or reference, chosen, images)
    for line in picture.lines:
        echo(line)
    name = file_name(chosen, images)
    if run is not None:
        for place in _keep(run, picture, name):
            echo(f"picture: {place}")
    elif out is None:
        out = Path(f"{Path(reference).stem}-{name}{default_ending(picture)}")
    write(picture, out, npz)


def _keep(run: Run, picture: Picture, name: str) -> list[Path | str]:
    """Makes a picture artifacts of a run, and returns where they are."""
    from kerascnn.pictures import keep

    kept, names = run.artifact_folder, keep(run, picture, name)
    if kept is None:
        return [f"{name} among the artifacts of {run.name}" for name in names]
    return [shortened(kept / name) for name in names]
