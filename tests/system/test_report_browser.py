"""The report in a real browser: what it counts, how it is used by keyboard, and that it asks nobody for anything."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tasks.config import SelectionConfig
from tasks.reporting import COMPARISON, write_report, write_validation_page
from tests.reporting.judged import make_comparison, make_inputs
from tests.reporting.scoring import Scored, make_scored

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.system

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SELECTION = SelectionConfig(sensibility_threshold=6.5, rationality_threshold=4, min_words=3)
SUBSETS = ("sensibility", "rationality", "discard")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    """The system's own Chromium: nothing is downloaded for a test."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(BROWSERS)} is on the path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass(frozen=True)
class Report:
    """A written report, and the corpus it is of."""

    scored: Scored
    file: Path


def write(scored: Scored, folder: Path, selection: SelectionConfig | None = SELECTION) -> Report:
    folder.mkdir(parents=True)
    write_report(scored.select(selection), folder)
    return Report(scored, folder / "report.html")


@pytest.fixture(scope="module", params=[True, False], ids=["whole", "fractional"])
def report(request, make_home, tmp_path_factory) -> Report:
    root = tmp_path_factory.mktemp("report")
    return write(make_scored(make_home(root / "home"), 600, is_whole=request.param), root / "page")


@pytest.fixture(scope="module")
def shots(tmp_path_factory) -> Path:
    """Where screenshots are kept."""
    folder = Path(os.environ.get("CI_ARTIFACTS") or tmp_path_factory.mktemp("shots")) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Window:
    """A page, with everything it complained of and asked for."""

    page: playwright.Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def counts(self) -> tuple[int, ...]:
        cells = (self.page.locator(f"tr[data-subset={name}] [data-out=turns]") for name in SUBSETS)
        return tuple(int(cell.inner_text().replace(",", "")) for cell in cells)

    def chosen(self) -> SelectionConfig:
        return SelectionConfig(**json.loads(self.page.inner_text("#explorer-parameters"))["selection"])

    def press(self, selector: str, *keys: str) -> None:
        self.page.focus(selector)
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture
def show(browser, tmp_path) -> Iterator:
    """Open a report; at the end nothing may have been complained of, and nothing but the file asked for."""
    windows, contexts = [], []

    def open_window(report: Report, anchor: str = "", viewport=LAPTOP, **options) -> Window:
        context = browser.new_context(viewport=viewport, **options)
        window = Window(context.new_page())
        window.page.on("console", lambda said: window.complaints.append(said.text))
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.page.on("request", lambda request: window.requests.append(request.url))
        window.page.goto(report.file.as_uri() + anchor)
        windows.append(window)
        contexts.append(context)
        return window

    yield open_window
    for window in windows:
        assert window.complaints == []
        assert all(url.startswith("file://") for url in window.requests)
    for context in contexts:
        context.close()


def compare(window: Window, report: Report) -> tuple[int, ...]:
    """Assert that the page counts what a selection of the parameters it shows counts."""
    chosen = window.chosen().model_copy(update={"judge_id": ""})
    (expected,) = report.scored.preview([chosen])
    assert window.counts() == (expected.sensibility, expected.rationality, expected.discard)
    return window.counts()


S, R = "#sensibility-range", "#rationality-range"
MOVES = (
    (S, "ArrowRight", 1), (S, "ArrowLeft", 3), (R, "ArrowUp", 2), (R, "Home", 1), (S, "End", 1), (R, "PageUp", 4),
    (S, "PageDown", 3), (R, "ArrowDown", 5), (S, "Home", 1),
)  # fmt: skip


def test_moving_a_slider_counts_what_select_selects(report, show):
    window = show(report, "#selection")
    assert compare(window, report)
    assert window.chosen().min_words == 3
    seen = set()
    for rule in ("paper", "released"):
        window.page.check(f"input[value={rule}]")
        assert window.chosen().rule == rule
        for slider, key, times in MOVES:
            window.press(slider, *[key] * times)
            seen.add(compare(window, report))
        for axis, value in (("sensibility", "5"), ("rationality", "3.5")):
            window.page.fill(f"#{axis}-number", value)
        assert (window.chosen().sensibility_threshold, window.chosen().rationality_threshold) == (5, 3.5)
        seen.add(compare(window, report))
    assert len(seen) > 8


def test_the_command_of_the_page_previews_the_same_counts(report, show, monkeypatch):
    from flows.__main__ import app

    monkeypatch.setenv("EMPATHY_HOME", str(report.scored.home.settings.home_dir))
    window = show(report, "#selection")
    window.press("#rationality-range", "ArrowRight", "ArrowRight")
    _, *words = shlex.split(window.page.inner_text("#explorer-command"))
    done = CliRunner().invoke(app, [*words, "--preview", "--json"])
    counts = json.loads(done.stdout)["counts"]
    assert tuple(counts[name] for name in SUBSETS) == window.counts()


def test_a_choice_is_in_the_address_and_can_be_taken_back(report, show):
    window = show(report, "#selection/released/7/3")
    assert (window.chosen().rule, window.chosen().sensibility_threshold) == ("released", 7)
    compare(window, report)
    window.press("#sensibility-range", "ArrowRight")
    assert window.page.url.endswith(f"#selection/released/{window.chosen().sensibility_threshold:g}/3")
    window.page.click("#explorer-reset")
    assert window.chosen().rule == "paper"
    assert window.chosen().sensibility_threshold == 6.5
    for hostile in ("#selection/released/NaN/3", "#selection/x/5/5", "#selection/paper/11/5", "#%E0%A4%A", "#';--"):
        assert show(report, hostile).page.locator("h1").inner_text() == "Invented turns"


def test_what_is_counted_is_told_to_who_does_not_see_it(report, show):
    window = show(report, "#selection")
    window.press("#sensibility-range", "ArrowRight")
    status = window.page.locator("#explorer-status")
    playwright.expect(status).to_contain_text(f"sensibility {window.counts()[0]} turns")
    slider = window.page.get_by_role("slider", name="Sensibility threshold, slider")
    assert slider.get_attribute("aria-valuetext") == f"{window.chosen().sensibility_threshold:g}"
    unnamed = "els => els.filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim())).length"
    assert window.page.eval_on_selector_all("input, button, a", unnamed) == 0


def test_tabs_are_walked_by_keyboard_and_linked_to(report, show):
    window = show(report)
    tabs = window.page.get_by_role("tab")
    titles = tabs.all_inner_texts()
    assert titles[:5] == ["Summary", "Data", "Scores", "Judges", "Selection"]

    def opened() -> str:
        assert window.page.locator("[role=tabpanel]:visible").count() == 1
        selected = window.page.locator("[role=tab][aria-selected=true]")
        panel = window.page.locator("[role=tabpanel]:visible")
        assert selected.get_attribute("aria-controls") == panel.get_attribute("id")
        return selected.inner_text()

    assert opened() == "Summary"
    window.press("[aria-selected=true]", "ArrowRight", "ArrowRight")
    assert opened() == "Scores"
    window.page.keyboard.press("End")
    assert opened() == titles[-1]
    window.page.keyboard.press("ArrowRight")
    assert opened() == "Summary"
    window.page.keyboard.press("ArrowLeft")
    window.page.keyboard.press("Home")
    window.page.click("text=Data")
    assert (opened(), window.page.url.rpartition("#")[2]) == ("Data", "data")
    for anchor in ("lineage", "figure-plane", "figure-judge-bias-sensibility", "explorer"):
        window = show(report, f"#{anchor}")
        assert window.page.locator(f"#{anchor}").is_visible()


def test_a_search_shows_the_turns_that_hold_every_word(report, show):
    window = show(report, "#selection")
    found = window.page.locator(".searched tbody tr:visible")
    assert found.count() == 18
    window.page.get_by_role("button", name="Show all").click()
    n_all = found.count()
    assert n_all > 100
    window.page.get_by_label("Search").fill("guilty Sensibility")
    texts = [text.lower() for text in found.all_inner_texts()]
    assert 0 < len(texts) < n_all
    assert all("guilty" in text and "sensibility" in text for text in texts)
    status = window.page.locator(".searched [role=status]")
    assert status.inner_text() == f"{len(texts)} of {n_all} turns found"
    window.page.get_by_label("Search").fill("no such words")
    assert (found.count(), status.inner_text()) == (0, f"0 of {n_all} turns found")


def test_command_and_parameters_are_copied(report, show):
    window = show(report, "#selection", permissions=["clipboard-read", "clipboard-write"])
    for name in ("explorer-command", "explorer-parameters"):
        button = window.page.locator(f"[data-copy={name}]")
        button.click()
        playwright.expect(button).to_have_text("Copied")
        assert window.page.evaluate("navigator.clipboard.readText()") == window.page.inner_text(f"#{name}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_every_tab_fits_its_screen(report, show, shots, scheme, size):
    window = show(report, viewport=size, color_scheme=scheme)
    background = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
    for tab in window.page.get_by_role("tab").all():
        tab.click()
        assert window.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        name = f"{report.file.parents[1].name}-{tab.get_attribute('data-tab')}-{size['width']}-{scheme}.png"
        window.page.screenshot(path=shots / name, full_page=True)


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_judges_side_by_side_fit_their_screen_and_their_numbers_open_by_keyboard(show, shots, tmp_path, size):
    write_report(make_inputs(tmp_path / "inputs"), tmp_path)
    write_validation_page(make_comparison(), tmp_path, COMPARISON)
    for page, tab in (("report", "judges"), (COMPARISON, "differences")):
        window = show(Report(None, tmp_path / f"{page}.html"), f"#{tab}", viewport=size, color_scheme="dark")
        assert window.page.locator(f"#panel-{tab}").is_visible()
        assert window.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        window.page.screenshot(path=shots / f"{page}-{tab}-{size['width']}.png", full_page=True)
    window = show(Report(None, tmp_path / "report.html"), "#judges", viewport=size)
    table = window.page.locator("#figure-judge-pair-1-sensibility table")
    assert not table.is_visible()
    window.press("#figure-judge-pair-1-sensibility summary", "Enter")
    assert table.locator("tbody tr").count() == 10
    assert table.is_visible()


def test_without_javascript_and_on_paper_the_page_is_one_text(report, show):
    for window, is_paper in ((show(report, java_script_enabled=False), False), (show(report), True)):
        if is_paper:
            window.page.emulate_media(media="print")
        assert window.page.locator("section:visible").count() == window.page.locator("section").count() > 8
        assert not window.page.locator("#sensibility-range").is_visible()
        compare(window, report)


def test_forty_thousand_turns_are_painted_and_counted_at_once(make_home, tmp_path, show):
    report = write(make_scored(make_home(tmp_path / "home"), 40_000, is_whole=False), tmp_path / "page")
    window = show(report, "#selection")
    paint = window.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 2000
    moving = """() => {
        const slider = document.getElementById("sensibility-range");
        const begin = performance.now();
        for (let at = 0; at < 20; at += 1) { slider.value = at * 5; slider.dispatchEvent(new Event("input")); }
        return (performance.now() - begin) / 20;
    }"""
    assert window.page.evaluate(moving) < 100
    compare(window, report)
