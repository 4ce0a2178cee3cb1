"""`kerascnn datasets`: what is known, what one looks like, what is wrong with a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import echo, print_table
from .preview import command as preview

if TYPE_CHECKING:
    from kerascnn.data.check import CheckedFile, Report


@click.group("datasets", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the data sets that are known, and which of them are prepared."""
    if ctx.invoked_subcommand is None:
        from kerascnn.data.sources import known_sets

        rows = []
        for known in known_sets():
            numbers = (f"{number:,}" if number else "" for number in (known.classes, known.images))
            rows.append([known.name, *numbers, "yes" if known.prepared else "", known.what])
        print_table(
            ["data set", "classes", "training images", "prepared", "what"], rows, cut="what"
        )
        echo(
            "\nOther image-classification sets of TFDS go by their name; what is not prepared is "
            "downloaded. Your own: folder:PATH (a folder per class), csv:PATH (path,label)."
        )


command.add_command(preview)


@command.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="PNG of samples.  [NAME-samples.png]")
@click.option("--image-size", type=int, help="Side in pixels; the data's own if left out.")
@click.option("--labels", default="one", metavar="one|several", help="Of an image of a csv:FILE.")
@click.option("--skip-broken", is_flag=True, help="Leave unreadable files out.")
def show(
    name: str, out: Path | None, image_size: int | None, labels: str, skip_broken: bool
) -> None:
    """Print the classes, sizes and class balance of NAME, and draw samples of it."""
    from kerascnn.data import sources
    from kerascnn.data.early_checks import check_source
    from kerascnn.data.spec import DataSpec
    from kerascnn.visualization.paths import check_path
    from kerascnn.visualization.writing import write_figure

    spec = DataSpec(name=name, image_size=image_size, labels=labels, skip_broken=skip_broken)
    check_source(name, labels=spec.labels)
    out = check_path(out or f"{Path(sources.parse(name).value).name}-samples.png", what="--out")

    from kerascnn.data.labels import counts as counts_of
    from kerascnn.data.loading import load
    from kerascnn.visualization.samples import draw_samples

    data = load(spec)
    size = "x".join(str(side) for side in data.image_shape)
    echo(f"{data.name}: {len(data.classes)} classes, images of {size}, {data.fingerprint}\n")
    counts = {s.name: counts_of(s.labels, len(data.classes)) for s in data.splits.values()}
    rows = []
    for label, title in enumerate(data.classes):
        share = counts["train"][label] / data.splits["train"].size
        bar = "#" * max(1, round(40 * counts["train"][label] / counts["train"].max()))
        rows.append([title, *(f"{c[label]:,}" for c in counts.values()), f"{share:6.1%} {bar}"])
    rows.append(["all", *(f"{split.size:,}" for split in data.splits.values()), ""])
    print_table(["class", *data.splits, "share of training images"], rows)
    write_figure(draw_samples(data), out)
    echo(f"\nsamples: {out}")


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--fix-list",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the files to leave out, each with the reason.",
)
@click.option(
    "--near-duplicates",
    "near",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every pair of near-duplicates as CSV.",
)
@click.pass_context
def check(ctx: click.Context, path: Path, fix_list: Path | None, near: Path | None) -> None:
    """Read every image of the folder or CSV file PATH and report what is wrong.

    Ends with code 1 if files are broken, or the same in two splits or two classes.

    The list of --fix-list has a line for each file to leave out: its path below PATH, a tab, and
    the reason. `cut -f1 FILE` gives the paths alone; `train --set data.fix_list=FILE` leaves them
    out.

    Near-duplicates are told by perceptual hash: copies of another format, size or compression, or
    in grey. They are reported only: look at them before you leave them out.
    """
    from kerascnn.data import check as checking
    from kerascnn.data import sources
    from kerascnn.data.folders import scan
    from kerascnn.data.inventory import progress
    from kerascnn.errors import UserError
    from kerascnn.files import has_folder, is_folder, status

    for file in (fix_list, near):
        if file and not has_folder(file):
            raise UserError(f"cannot write {file}: there is no folder {file.parent}")
    is_csv = status(path) is not None and not is_folder(path)
    listing = scan(sources.Source("csv" if is_csv else "folder", str(path)))
    total = sum(len(paths) for paths, _ in listing.splits.values())
    with progress("reading images", total) as advance:
        report = checking.check(listing, advance)
    _print_report(report)
    if fix_list:
        number = checking.write_fix_list(report, fix_list)
        echo(f"\n{fix_list}: {number} files to leave out")
    if near:
        number = checking.write_near_duplicates(report.near or [], near)
        echo(f"\n{near}: {number} pairs of near-duplicates")
    ctx.exit(1 if report.broken or report.leaks or report.conflicts else 0)


def _print_report(report: Report) -> None:
    counts = report.counts()
    rows = [[name, *(f"{counts[split][name]:,}" for split in counts)] for name in report.classes]
    print_table(["class", *counts], rows)
    echo(f"\nlargest class / smallest: {report.imbalance:.2g}")
    for name, (low, median, high) in report.sizes().items():
        echo(f"{name}: {low} to {high} pixels, median {median}")
    kinds = (f"{number:,} {kind}" for kind, number in report.kinds().most_common())
    echo(f"kinds: {', '.join(kinds)}")
    _print_files("broken", [f"{file.path}: {file.facts.fault}" for file in report.broken])
    wrong = [f"{file.path}: is {file.facts.format}" for file in report.wrong_endings]
    _print_files("wrong endings (read all the same)", wrong)
    _print_files("the same in two splits (a leak)", [_names(group) for group in report.leaks])
    _print_files("the same in two classes", [_names(group) for group in report.conflicts])
    _print_files("duplicates", [_names(group) for group in report.duplicates])
    if report.near is None:
        echo("near-duplicates: not told, so many of these images are alike")
        return
    for kind, where in _NEAR.items():
        pairs = [pair for pair in report.near if pair.kind == kind]
        lines = [f"{p.first.path} ~ {p.second.path} ({p.distance} of 64 bits)" for p in pairs]
        _print_files(f"nearly the same{where}", lines, "--near-duplicates")


def _names(group: list[CheckedFile]) -> str:
    return " = ".join(file.path for file in group)


# Where the two files of a pair are, by its kind.
_NEAR = {
    "leak": " in two splits (likely a leak)",
    "conflict": " in two classes",
    "duplicate": "",
}


def _print_files(what: str, lines: list[str], option: str = "--fix-list") -> None:
    echo(f"{what}: {len(lines) or 'none'}")
    for line in lines[:20]:
        echo(f"  {line}")
    if len(lines) > 20:
        echo(f"  and {len(lines) - 20} more; {option} FILE writes them all")
