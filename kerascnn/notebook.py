"""What a notebook shows of results: tables and pictures as HTML."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table as HTML, its texts escaped.

    Args:
        head: The heading of each column.
        rows: The cells, row by row.
    """

    def row(cells: Sequence[Any], tag: str) -> str:
        texts = (f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
        return f"<tr>{''.join(texts)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<table><thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def picture(png: bytes) -> str:
    """Returns a picture as HTML that needs no other file."""
    text = base64.b64encode(png).decode("ascii")
    return f'<img style="max-width: 100%" src="data:image/png;base64,{text}">'


def heading(text: str) -> str:
    """Returns a line over a table, escaped."""
    return f"<p><b>{html.escape(text)}</b></p>"
