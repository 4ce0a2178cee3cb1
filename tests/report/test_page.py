"""A page that needs no other file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.report.page import check_page_path, number, render, scripts, write_page

VENDOR = files("kerascnn.report") / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["package"])
def test_vendored_scripts_are_those_of_the_manifest(entry: dict[str, str]) -> None:
    content = (VENDOR / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"], "make vendor"
    assert entry["version"] in content[:200].decode("utf-8")
    assert entry["license"] == "ISC"
    licence = (VENDOR / entry["license_file"]).read_text(encoding="utf-8")
    assert "Permission to use, copy, modify" in licence


def test_nothing_else_is_vendored() -> None:
    named = {entry[key] for entry in MANIFEST for key in ("file", "license_file")}
    assert {item.name for item in VENDOR.iterdir()} == {*named, "manifest.json"}


def _page(data: object = "</script>", **context: object) -> str:
    head = {"name": "n", "model_name": "m", "data_name": "d", "id": "i", "status": "s"}
    usual = {
        "heading": head | {"started": "t"},
        "objective": "o",
        "best": "b",
        "best_number": 1,
        "tiles": [],
        "winner": None,
        "fields": [],
        "ranking": [],
        "pictures": [],
        "failures": [],
        "recipe": {"chosen": [], "usual": []},
    }
    return render("sweep.html", "a <title>", {"classes": [data]}, **(usual | context))


def test_texts_and_data_cannot_break_out() -> None:
    page = _page(objective="</td><script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "a &lt;title&gt;" in page
    assert page.count("<script") == page.count("</script>") == 1 + len(scripts())
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert json.loads(block) == {"classes": ["</script>"]}


def test_data_that_is_no_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        _page(float("nan"))


def test_only_its_own_scripts_may_run() -> None:
    page = _page()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    texts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in texts
    ]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    for entry in MANIFEST:
        licence = (VENDOR / entry["license_file"]).read_text(encoding="utf-8")
        assert licence in page, "goes where its script goes"


def test_numbers() -> None:
    assert number(0.123456) == 0.1235
    assert number(0.123456, 2) == 0.12
    assert number(float("nan")) is None
    assert number(float("inf")) is None


def test_where_a_page_can_be_written(tmp_path: Path) -> None:
    check_page_path(tmp_path / "a.html")
    write_page("content", tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == "content"
    with pytest.raises(UserError, match=r"--out .*a\.pdf: must end in \.html"):
        check_page_path(tmp_path / "a.pdf")
    with pytest.raises(UserError, match="there is no folder"):
        check_page_path(tmp_path / "none" / "a.html")
    (tmp_path / "b.html").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*b\.html: Is a directory"):
        write_page("content", tmp_path / "b.html")
