"""`kerascnn cache`: what is kept from run to run, and how to be rid of it."""

from __future__ import annotations

import time

import click

from .output import echo, print_table


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show what is kept from run to run: decoded images, statistics, speeds, facts of image files.

    KERASCNN_CACHE names its folder, KERASCNN_CACHE_LIMIT how much may be kept, such as 20G or 500M:
    what has not been used for longest goes first. All of it can be made again.
    """
    if ctx.invoked_subcommand is not None:
        return
    from kerascnn.cache import KINDS, cache_folder, cache_limit, entries
    from kerascnn.data.inventory import remembered_files
    from kerascnn.files import size_text

    limit = size_text(cache_limit())
    rows = []
    total = 0
    for kind, (what, _) in KINDS.items():
        found = entries([kind])
        size = sum(entry.size for entry in found)
        number = remembered_files() if kind == "images" else len(found)
        used = time.strftime("%Y-%m-%d", time.localtime(found[-1].used)) if found else ""
        rows.append([kind, f"{number:,}", size_text(size), used, what])
        total += size
    print_table(["kind", "entries", "size", "last used", "what"], rows, right=["entries", "size"])
    echo(f"\n{cache_folder()}: {size_text(total)} of at most {limit}")


@command.command()
@click.argument("kind", required=False)
def clear(kind: str | None) -> None:
    """Remove everything that is kept, or what is of one KIND, such as decoded."""
    from kerascnn import cache
    from kerascnn.errors import unknown
    from kerascnn.files import size_text

    if kind is not None and kind not in cache.KINDS:
        raise unknown("kind", kind, cache.KINDS)
    removed = cache.clear([kind] if kind else list(cache.KINDS))
    size = size_text(sum(entry.size for entry in removed))
    echo(f"{cache.cache_folder()}: removed {size}{f' of {kind}' if kind else ''}")
