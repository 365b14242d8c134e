"""The chapter on runs: nothing of one run, lines and marks of several, and no report anew for a repeated run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.reporting import report_recipe
from tasks.reporting.blocks import Bullets, Columns, Table
from tasks.reporting.drawing import draw_svg
from tasks.reporting.material import open_material
from tasks.reporting.sections.runs import describe_runs
from tasks.schema import ArtifactRef
from tasks.selection import SelectionRun, drop_repeats

JUDGE = {"what": "judge", "level": "notice", "before": "a", "now": "b", "said": "another judge than before"}
CHANGE = {"what": "sensibility", "level": "shift", "before": "6", "now": "8", "said": "sensibility scores: 6 -> 8 <b>"}


def make_run(number: int, share: float, *, is_changed: bool = False, split: str = "train", cost=0.5) -> SelectionRun:
    ref = ArtifactRef(kind="subsets", uri=f"/{number}", sha256=str(number), n_rows=5, config_digest=f"{number:032}")
    counts = {"sensibility": round(share * 100), "rationality": 20, "discard": 80 - round(share * 100), "excluded": 3}
    shares = {name: n / 100 for name, n in counts.items() if name != "excluded"}
    spreads = {name: {"mean": 6 + share, "sd": 1, "counts": [number, 9]} for name in ("sensibility", "rationality")}
    drift = {"stability": {"sensibility": 0.01 + 0.4 * is_changed, "rationality": 0.02, "emotions": None},
             "changes": [CHANGE] if is_changed else []}  # fmt: skip
    return SelectionRun.model_validate({
        "made_at": f"2026-11-{number:02}T02:00:00.000+00:00", "subsets": ref,
        "summary": {"config": {"rule": "paper", "split": split}, "label": "paper S>5 R>5", "alias": "gpt\x1b[31m",
                    "counts": counts, "shares": shares, "spreads": spreads, "cost_usd": cost},
        "baseline": {"subsets": ref, "made_at": "2026-11-01T00", "is_accepted": True} if number > 1 else None,
        "agreement": {"n_common": 90, "n_alike": 81, "n_rescored": 0, "spearman": {}} if number > 1 else None,
        "drift": drift if number > 1 else None,
    })  # fmt: skip


def test_another_judge_is_told_and_is_no_other_data(folders):
    switched = SelectionRun.model_validate(make_run(3, 0.6).model_dump() | {"judge_change": JUDGE})
    both = SelectionRun.model_validate(make_run(4, 0.7, is_changed=True).model_dump() | {"judge_change": JUDGE})
    section = describe(folders, [make_run(1, 0.5), make_run(2, 0.6), switched])
    assert "none with other data" in section.lead
    assert [figure.note for figure in list_figures(section) if "diamond" in figure.note] == []
    (told,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert told.points == ["Run 3, 2026-11-03: another judge than before."]
    assert [row[-1].text for row in section.blocks[-1].rows] == ["another judge", "–", "–"]
    section = describe(folders, [make_run(1, 0.5), switched, both])
    assert "1 with other data" in section.lead
    assert [row[-1].text for row in section.blocks[-1].rows] == ["changed", "another judge", "–"]


def describe(folders, runs):
    return describe_runs(open_material(replace(folders.inputs(), runs=runs)))


def list_figures(section):
    """Return the charts, in the order of their columns."""
    columns = [block for block in section.blocks if isinstance(block, Columns)]
    return [figure for block in columns for figure in (*block.left, *block.right)]


@pytest.mark.parametrize(("n", "said"), [(0, "No run"), (1, "One run so far")])
def test_a_single_run_gets_a_line(folders, n, said):
    section = describe(folders, [make_run(1, 0.5)][:n])
    assert said in section.absent
    assert not section.blocks


def test_runs_are_drawn_and_the_one_that_changed_is_marked_and_explained(folders):
    runs = [make_run(1, 0.5), make_run(2, 0.51), make_run(3, 0.75, is_changed=True), make_run(4, 0.74)]
    section = describe(folders, runs)
    assert "4 runs of the selection, 1 with other data" in section.lead
    names = [figure.name for figure in list_figures(section)]
    assert names == ["run-shares", "run-stability", "run-means", "run-costs"]
    for figure in list_figures(section):
        drawing = draw_svg(figure.draw(figure.widths[0]), figure.name)
        assert drawing.count("run 3") == drawing.count("; the data had changed")
        assert ("the data had changed" in drawing) == ("diamond" in figure.note)
    stability = list_figures(section)[1]
    assert "Sensibility from 0.010 to 0.010" in stability.description
    (told,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert told.points[0].startswith("Run 3, 2026-11-03, against the accepted selection")
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[0].text for row in table.rows] == ["4", "3", "2", "1"]
    assert {row[-1].text for row in table.rows} == {"changed", "–"}
    assert table.rows[0][7].value == pytest.approx(0.9)
    assert "\x1b" not in table.rows[0][3].text


def test_runs_of_another_split_are_listed_and_not_drawn(folders):
    section = describe(folders, [make_run(1, 0.5, split="valid"), make_run(2, 0.6)])
    assert not any(isinstance(block, Columns) for block in section.blocks)
    assert len(section.blocks[-1].rows) == 2


def test_a_cost_that_is_not_known_is_no_line(folders):
    section = describe(folders, [make_run(n, 0.5, cost=None) for n in (1, 2)])
    assert "run-costs" not in [figure.name for figure in list_figures(section)]


def test_a_repeated_run_makes_no_other_report_and_another_selection_does():
    first, second = make_run(1, 0.5), make_run(2, 0.6)
    again = second.model_copy(update={"made_at": "2026-12-01T00:00:00.000+00:00"})
    once, twice = ([first, second], [first, second, again])
    assert report_recipe({}, [], drop_repeats(twice)).digest == report_recipe({}, [], drop_repeats(once)).digest
    assert report_recipe({}, [], twice).digest != report_recipe({}, [], once).digest
    assert report_recipe({}, [], [first]).digest != report_recipe({}, [], once).digest
