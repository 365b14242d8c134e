"""The page as a browser gets it: one file, nothing loaded, nothing injected."""

import base64
import dataclasses
import hashlib
import html
import re
import struct
from pathlib import Path

import pytest

from tasks.reporting import ReportInputs, write_report
from tasks.reporting.explorer.heat import WIDTH
from tasks.reporting.palette import PALETTE

PICTURED = (
    "plane", "judge-emotions-sensibility", "judge-emotions-rationality", "judge-bias-sensibility",
    "judge-bias-rationality", "explorer", "shares", "sweep-shares", "sweep-overlap", "losses", "perplexity",
)  # fmt: skip
HOSTILE = " </script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}\x07\u202e"


@pytest.fixture(scope="module")
def written(folders, tmp_path_factory) -> tuple[dict, Path]:
    """The report of every artifact: its facts and its folder."""
    folder = tmp_path_factory.mktemp("report")
    return write_report(folders.inputs(), folder), folder


@pytest.fixture(scope="module")
def page(written) -> str:
    return (written[1] / "report.html").read_text(encoding="utf-8")


def list_addresses(page: str) -> list[str]:
    """Return what a page could load or lead to."""
    return re.findall(r"""\b(?:src|href|srcset|action|poster|xlink:href)\s*=\s*["']?([^"'\s>]*)""", page)


def test_the_page_loads_nothing(page):
    outside = [address for address in list_addresses(page) if not address.startswith("#")]
    assert outside == ["http://127.0.0.1:4200/runs/flow-run/1"]
    assert not re.search(r"<(link|img|iframe|object|embed)\b|@import|url\((?!#)", page)
    assert "default-src 'none'" in page


def test_only_our_own_script_may_run(page):
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.S)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{html.escape(digest)}'" in page.replace("&#43;", "+")


def test_the_page_is_small(written, page):
    assert written[0]["page_bytes"] == len(page.encode()) < 1_000_000


def test_drawings_follow_the_colours_of_the_page(page):
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.S))
    assert drawings.count("var(--sensibility)") > 10
    assert not [name for name, colour in PALETTE.items() if colour.light in drawings]


def test_every_figure_has_a_description_and_every_table_a_caption(page):
    described = re.findall(r'class="drawing[^>]*role="img" aria-label="[^"]{20,}"', page)
    heat = re.findall(r'<svg [^>]*role="img" aria-label="Heat map[^"]{20,}"', page)
    assert (len(described), len(heat)) == (page.count("<svg ") - 1, 1)
    assert page.count("<table") == page.count("<caption") > 10
    assert page.count("<h1") == 1


def test_ids_are_unique(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = [address[1:] for address in list_addresses(page) if address.startswith("#")]
    assert set(targets) <= set(ids)


def test_pictures_are_pngs_twice_as_wide_as_the_page_shows_them(written):
    facts, folder = written
    assert facts["pictures"] == [f"charts/{name}.png" for name in PICTURED]
    for picture in facts["pictures"]:
        head = (folder / picture).read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">I", head[16:20])[0] >= (2 * WIDTH if "explorer" in picture else 1500)


def test_hostile_texts_are_shown_and_never_run(tmp_path, fabricate):
    hostile = fabricate(tmp_path / "artifacts", n_dialogues=10, spoken=HOSTILE)
    inputs = dataclasses.replace(
        hostile.inputs(),
        title=f"Run{HOSTILE}",
        judge_alias=f"judge{HOSTILE}",
        prefect_url="javascript:alert(3)",
        config={"source": f"folder{HOSTILE}"},
    )
    (tmp_path / "report").mkdir()
    write_report(inputs, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script") == 1
    assert "<img" not in page
    assert not [address for address in list_addresses(html.unescape(page)) if address.startswith("javascript")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page


def test_a_report_of_nothing_says_what_is_missing_and_what_makes_it(tmp_path):
    facts = write_report(ReportInputs(), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert facts["absent"] == ["data", "scores", "judges", "people", "calibration", "regression", "active", "selection",
                               "runs", "training", "routing", "evaluation",
                               "lineage"]  # fmt: skip
    for command in ("ingest SOURCE", "score", "select", "train", "route", "evaluate"):
        assert f"<code>empathy {command}</code>" in page
    assert "Nothing has been made yet" in page
