"""Commands made of kinds of pictures: their fields are the options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, get_origin

import click

from kerascnn.errors import UserError, unknown

from .output import echo

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from kerascnn.spec import Fault
    from kerascnn.visualization.kinds import Demo, Kind
    from kerascnn.visualization.picture import Picture

ENDINGS = (".png", ".svg", ".pdf", ".gif")


class PictureGroup(click.Group):
    """The commands of all pictures of one base, each imported when it is asked for."""

    lines: ClassVar[Mapping[str, str]] = {}  # name -> what it shows
    what: ClassVar[str] = ""  # one of them is, for messages
    heading: ClassVar[str] = ""  # over the list of them

    def kind_of(self, name: str) -> type[Kind] | type[Demo]:
        """Returns the class of a picture."""
        raise NotImplementedError

    def draw(self, ctx: click.Context, chosen: Any, **options: Any) -> None:
        """Draws a picture as it was chosen; the options are images, out and npz."""
        raise NotImplementedError

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns every name."""
        return list(self.lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the command of a picture, its fields as options."""
        if cmd_name not in self.lines:
            return None

        def run(chosen: Kind | Demo, **options: Any) -> None:
            self.draw(ctx, chosen, **options)

        return picture_command(self.kind_of(cmd_name), self.lines[cmd_name], run)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists what there is without importing it."""
        with formatter.section(self.heading):
            formatter.write_dl(list(self.lines.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command, or says which names are close."""
        if args[0] not in self.lines:
            hint = f"'kerascnn {self.name} --help' lists them"
            raise unknown(self.what, args[0], self.lines, hint=hint)
        return super().resolve_command(ctx, args)


def picture_command(
    kind: type[Kind] | type[Demo], line: str, run: Callable[..., None]
) -> click.Command:
    """Returns the command that draws a kind of picture.

    Args:
        kind: Its fields become options.
        line: What it shows.
        run: Called with the kind as chosen, and with images, out and npz.
    """
    fields = {name: field for name, field in kind.model_fields.items() if name != "name"}
    parameters: list[click.Parameter] = []
    if kind.images:
        parameters.append(click.Argument(["images"], nargs=-1, metavar="[IMAGE]..."))
    parameters += [_option(name, field) for name, field in fields.items()]
    parameters += [
        click.Option(
            ["--out"],
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write the picture there: FILE.png, .svg or .pdf, or .gif if it moves.",
        ),
        click.Option(
            ["--npz"],
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write the numbers that are drawn there: FILE.npz.",
        ),
    ]

    def callback(images: tuple[str, ...] = (), **values: Any) -> None:
        out, npz = values.pop("out"), values.pop("npz")
        chosen = _chosen(
            kind, {name: value for name, value in values.items() if value not in (None, ())}
        )
        _check_out(out, npz)
        run(chosen, images=images, out=out, npz=npz)

    assert kind.kind is not None
    return click.Command(
        kind.kind,
        params=parameters,
        callback=callback,
        help=f"{line}\n\n{_more(kind)}".strip(),
        short_help=line,
    )


def _more(kind: type[Kind] | type[Demo]) -> str:
    """Returns what a kind's docstring says after its first line."""
    return (kind.__doc__ or "").partition("\n\n")[2].strip()


def _option(name: str, field: FieldInfo) -> click.Option:
    flag = f"--{name.replace('_', '-')}"
    text = (field.description or "").strip()
    text = f"{text[:1].upper()}{text[1:]}"
    parts = get_args(field.annotation)
    several = get_origin(field.annotation) is tuple
    if field.annotation is bool:
        flags = flag if not field.default else f"--no-{name.replace('_', '-')}"
        constant = not field.default
        return click.Option(
            [flags, name], is_flag=True, flag_value=constant, default=None, help=text
        )
    if not several and field.default not in (None, ""):
        text = f"{text}  [default: {field.default}]" if text else f"[default: {field.default}]"
    if get_origin(field.annotation) is Literal:
        return click.Option(
            [flag, name], type=click.Choice([str(part) for part in parts]), help=text
        )
    return click.Option(
        [flag, name], multiple=several, help=text, metavar=_metavar(parts or (field.annotation,))
    )


def _metavar(types: tuple[Any, ...]) -> str:
    """Returns what stands for the value of an option in its help."""
    for kind, word in ((int, "INTEGER"), (float, "NUMBER")):
        if kind in types:
            return word
    return "TEXT"


def _chosen(kind: type[Kind] | type[Demo], values: Mapping[str, Any]) -> Kind | Demo:
    """Returns a kind with its fields; a mistake is told under the option's name."""
    from kerascnn.spec import SpecError

    try:
        return kind(**values)
    except SpecError as error:
        told = (
            f"--{fault.where.partition('.')[0].replace('_', '-')}: {fault.text}"
            for fault in error.faults
        )
        raise UserError("; ".join(told)) from None


def _told(fault: Fault) -> str:
    field = fault.where.partition(".")[0].replace("_", "-")
    return f"--{field}: {fault.text}" if field else fault.text


def _check_out(out: Path | None, npz: Path | None) -> None:
    from kerascnn.files import has_folder
    from kerascnn.visualization.paths import check_path

    if out is not None:
        check_path(out, what="--out", endings=ENDINGS)
    if npz is not None:
        if npz.suffix != ".npz":
            raise UserError(f"--npz {npz}: must end in .npz")
        if not has_folder(npz):
            raise UserError(f"cannot write {npz}: there is no folder {npz.parent}")


def write(picture: Picture, out: Path | None, npz: Path | None) -> None:
    """Writes a picture and its numbers where they were asked for, and says where they are."""
    from kerascnn.visualization.picture_files import write_arrays, write_picture

    if out is not None:
        for path in write_picture(picture, out):
            echo(f"picture: {path}")
    if npz is not None:
        write_arrays(picture, npz)
        echo(f"numbers: {npz}")
