"""Reports as a browser shows them: Debian's Chromium, where there is one."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)

from kerascnn import tracking
from kerascnn.report.comparison import compare
from kerascnn.report.page import write_page
from kerascnn.report.run_report import run_report
from kerascnn.report.runs_report import runs_report
from kerascnn.tuning.report import sweep_report
from kerascnn.tuning.results import load_results
from tests.report.reported import HOSTILE, store_run

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Opened:
    """A page, and what it did that it should not."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The reports of a run with hostile names, of two runs, and of a sweep."""
    from tests.tuning.stored import store_sweep

    place = tmp_path_factory.mktemp("reports")
    with contextlib.chdir(place):
        first, second = (place / name for name in ("first", "second"))
        first.mkdir()
        second.mkdir()
        runs = [store_run(first), store_run(second, "other <b>")]
        store_sweep()
        sweep = load_results("wide")
        few = replace(sweep, trials=sweep.trials[:5])  # too few to take long
        pages = {
            "run": run_report(tracking.load_run(runs[0].id)),
            "runs": runs_report(compare(*runs)),
            "sweep": sweep_report(few),
        }
    for name, page in pages.items():
        write_page(page, place / f"{name}.html")
    return {name: place / f"{name}.html" for name in pages}


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path], request) -> Iterator[Opened]:
    """A report in a window of its own; every request but that for the file itself is refused."""
    options = {"name": "run", "width": 1280, "scheme": "light", **getattr(request, "param", {})}
    size: ViewportSize = {"width": options["width"], "height": 900}
    context = browser.new_context(viewport=size, color_scheme=options["scheme"])
    found = Opened(context.new_page())
    address = files[options["name"]].as_uri()

    def answer(route: Route) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            found.requests.append(route.request.url)
            route.abort()

    context.route(re.compile("^(?!data:)"), answer)
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.goto(address)
    expect(found.page.locator("[data-chart]:empty")).to_have_count(0)
    yield found
    context.close()
    assert found.complaints == []
    assert found.requests == []


def shown(page: Page, selector: str) -> list[str]:
    """The texts of the elements that can be seen."""
    return [one.inner_text() for one in page.locator(selector).all() if one.is_visible()]


@pytest.mark.parametrize(
    ("opened", "charts"),
    [({"name": "run"}, 6), ({"name": "runs"}, 3), ({"name": "sweep"}, 0)],
    indirect=["opened"],
)
def test_it_is_drawn(opened: Opened, charts: int) -> None:
    page = opened.page
    assert page.locator("[data-chart] svg[viewBox]").count() == charts
    for target in page.locator("[data-chart]").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] > 60
    broken = "[...document.images].filter((image) => image.src && !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
    for link in page.locator("nav a").all():
        assert page.locator(str(link.get_attribute("href"))).count() == 1


def test_names_are_texts_whatever_they_are(opened: Opened) -> None:
    page = opened.page
    assert page.evaluate("window.broken") is None
    names = [text.strip() for text in shown(page, "#class-table tbody th")]
    assert names == [name.replace("\u202e", "\\u202e") for name in HOSTILE]
    assert page.locator("script").count() == 4
    assert page.evaluate("document.scripts[0].type") == "application/json"


def test_tables_are_sorted(opened: Opened) -> None:
    page = opened.page
    recall = page.locator("#class-table thead th", has_text="recall")

    def values() -> list[float]:
        cells = page.locator("#class-table tbody tr td:nth-child(4)").all()
        return [float(str(cell.get_attribute("data-value"))) for cell in cells]

    before = values()
    recall.locator("button").click()
    assert values() == sorted(before, reverse=True) != before
    assert recall.get_attribute("aria-sort") == "descending"
    recall.locator("button").click()
    assert values() == sorted(before)
    page.locator("#class-table thead th button").first.press("Enter")
    names = [text.strip() for text in shown(page, "#class-table tbody th")]
    assert names.index("9") < names.index("10"), "as numbers where they are numbers"
    assert recall.get_attribute("aria-sort") is None


def test_tables_are_filtered(opened: Opened) -> None:
    page = opened.page
    page.locator('[data-filters="class-table"]').fill("__PROTO")
    rows = shown(page, "#class-table tbody tr")
    assert 1 <= len(rows) < len(HOSTILE)
    assert all("__proto__" in row for row in rows)
    assert shown(page, '[data-counts="class-table"]') == [f"{len(rows)} of {len(HOSTILE)}"]
    page.locator('[data-filters="class-table"]').fill("")
    assert len(shown(page, "#class-table tbody tr")) == len(HOSTILE)


def _cell(page: Page, true: int, said: int) -> Locator:
    return page.locator(f'[data-chart="confusion"] a[*|href="#cell-{true}-{said}"] rect')


def test_a_cell_leads_to_its_examples(opened: Opened) -> None:
    page = opened.page
    wrong = len(shown(page, ".gallery li"))
    assert shown(page, ".chosen") == ["24 of 120 test images are wrong, the worst first"]
    assert wrong == 24
    links = page.locator("#pairs tbody tr")
    most = links.first.locator("td").all_inner_texts()
    href = str(links.first.locator("a").get_attribute("href"))
    true, said = map(int, href.split("-")[1:])
    _cell(page, true, said).click()
    found = page.locator(".gallery li:visible")
    assert int(most[2]) < wrong
    expect(found).to_have_count(int(most[2]))  # what is shown changes a moment after the click
    for item in found.all():
        assert item.get_attribute("data-true") == str(true)
        assert item.get_attribute("data-said") == str(said)
    assert "taken for" in shown(page, ".chosen")[0]
    expect(page.locator("#examples h2")).to_be_in_viewport()
    page.go_back()
    expect(found).to_have_count(wrong)
    _cell(page, 3, 3).click()
    right = int(_cell(page, 3, 3).evaluate("(rect) => rect.ariaLabel.match(/(\\d+) images/)[1]"))
    expect(found).to_have_count(6)
    assert right > 6
    assert f"right and least sure of it: 6 of {right} images" in shown(page, ".chosen")[0]
    page.locator(".chosen a").click()
    expect(found).to_have_count(wrong)


def test_a_cell_says_what_it_is(opened: Opened) -> None:
    page = opened.page
    _cell(page, 3, 3).hover()
    tip = page.locator('[data-chart="confusion"] [aria-label="tip"]')
    expect(tip).to_contain_text("right")
    expect(tip).to_contain_text(re.compile(r"\d+ images, \d+\.\d\d% of"))


@pytest.mark.parametrize(
    "opened",
    [{"name": name, "width": 390} for name in ("run", "runs", "sweep")],
    ids=lambda options: options["name"],
    indirect=True,
)
def test_nothing_is_wider_than_a_phone(opened: Opened) -> None:
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    too_wide = """[...document.querySelectorAll("main *, header *")].filter((one) =>
        !one.closest(".scroll, svg") && one.getBoundingClientRect().right > 391).length"""
    assert page.evaluate(too_wide) == 0


@pytest.mark.parametrize("opened", [{"scheme": "dark"}], indirect=True, ids=["dark"])
def test_in_the_dark_it_is_dark(opened: Opened) -> None:
    page = opened.page
    light = """(part) => { const [r, g, b] = getComputedStyle(document.querySelector(part.of))
        [part.what].match(/[\\d.]+/g).map(Number); return (r + g + b) / 765; }"""
    assert page.evaluate(light, {"of": "body", "what": "backgroundColor"}) < 0.15
    assert page.evaluate(light, {"of": "body", "what": "color"}) > 0.8
    assert page.evaluate(light, {"of": "[data-chart=loss] svg text", "what": "fill"}) > 0.7
    page.emulate_media(color_scheme="light")
    assert page.evaluate(light, {"of": "body", "what": "backgroundColor"}) > 0.9


def test_on_paper_there_is_nothing_to_click(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("input").first.is_visible()
    assert page.locator("#class-table").is_visible()
    assert page.pdf()[:5] == b"%PDF-"
