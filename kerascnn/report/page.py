"""A page of HTML that needs no other file: style, scripts, pictures and data are in it."""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kerascnn.errors import UserError
from kerascnn.files import has_folder, written_whole
from kerascnn.version import __version__

FILE = "report.html"  # the artifact of a run
_LIBRARIES = ("d3", "plot")  # in the order in which they need each other
_LIBRARY_FILES = {"d3": "d3.min.js", "plot": "plot.umd.min.js"}


@dataclass(frozen=True)
class Script:
    """A script as it stands in a page.

    Attributes:
        text: What it does.
        digest: By which the page's content security policy allows it, and nothing else.
    """

    text: Markup
    digest: str


@cache
def scripts() -> tuple[Script, ...]:
    """Returns the scripts of every page, with the licences of those that are not ours."""
    ours = files("kerascnn.report") / "templates" / "report.js"
    texts = [*map(_library, _LIBRARIES), ours.read_text(encoding="utf-8")]
    return tuple(_script(text) for text in texts)


def _library(name: str) -> str:
    folder = files("kerascnn.report") / "vendor"
    text = (folder / _LIBRARY_FILES[name]).read_text(encoding="utf-8")
    licence = (folder / f"{name}.LICENSE").read_text(encoding="utf-8")
    return f"/*!\n{licence}*/\n{text}"


def _script(text: str) -> Script:
    assert "</script" not in text
    assert "<!--" not in text
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return Script(Markup(text), f"sha256-{digest}")


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("kerascnn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # What stands in a page as JSON is JSON: no NaN, and the order that it was given in.
    templates.policies["json.dumps_kwargs"] = {
        "allow_nan": False,
        "sort_keys": False,
        "separators": (",", ":"),
    }
    return templates


def render(template: str, title: str, data: dict[str, Any], **context: Any) -> str:
    """Returns a page.

    Args:
        template: Name of the template.
        title: Of the page.
        data: What the charts are drawn of; texts, finite numbers, lists and mappings.
        **context: What else the template shows. Texts are escaped.
    """
    style = files("kerascnn.report") / "templates" / "report.css"
    return (
        _templates()
        .get_template(template)
        .render(
            title=title,
            data=data,
            scripts=scripts(),
            style=Markup(style.read_text(encoding="utf-8")),
            version=__version__,
            **context,
        )
    )


def number(value: float, digits: int = 4) -> float | None:
    """Returns a number as charts get it; None for what is none."""
    return round(float(value), digits) if math.isfinite(value) else None


def check_page_path(path: Path, what: str = "--out") -> None:
    """Refuses a path that no page can be written to, before there is one.

    Raises:
        UserError: If it does not end in .html, or its folder is missing.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{what} {path}: must end in .html")
    if not has_folder(path):
        raise UserError(f"{what} {path}: there is no folder {path.parent}")


def write_page(page: str, path: Path) -> None:
    """Writes a page, whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    try:
        with written_whole(path) as unfinished:
            unfinished.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
