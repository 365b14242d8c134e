"""Records of judges beside the artifacts: read whatever is beside them, the newest shown, by hand-made notes."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from tasks.reporting import keep_validation
from tasks.reporting.blocks import Figure, Prose, Section, Table
from tasks.reporting.drawing import draw_svg
from tasks.reporting.judges.notes import JudgeNotes, read_judge_notes
from tasks.reporting.material import open_material
from tasks.reporting.sections.judge_active import describe_active
from tasks.reporting.sections.judge_guard import describe_guard
from tasks.reporting.sections.judge_people import describe_people
from tasks.reporting.sections.limits import describe_limits
from tests.reporting.judged import make_comparison, make_inputs, make_overlaps, make_validation

RUN = {"made_at": "2026-11-02T02:00:00+00:00", "judge": {"judge_id": "a1", "alias": "first"}, "is_accepted": True,
       "relations": [{"relation": "warm clause removed", "n": 4, "n_passed": 3, "pass_rate": 0.75,
                      "low": 0.3, "high": 0.95},
                     {"relation": "padding", "n": 0, "n_passed": 0, "pass_rate": None}],
       "mean": {"sensibility": 6.5, "rationality": 4.25}, "ranges": {"n": 60}, "agreement": None}  # fmt: skip
CURVE = {"curve": [{"strategy": name, "share": share, "jaccard": jaccard, "low": jaccard - 0.05, "high": jaccard}
                   for share in (0.5, 0.25) for name, jaccard in (("active", 0.9), ("random", 0.7))],
         "teacher": "first", "n_turns": 5734, "threshold": 5}  # fmt: skip


def describe(tmp_path, notes: JudgeNotes, chapter) -> Section:
    return chapter(open_material(replace(make_inputs(tmp_path / "inputs"), judge_notes=notes)))


def find_figures(section: Section) -> dict[str, Figure]:
    return {block.name: block for block in section.blocks if isinstance(block, Figure)}


@pytest.mark.parametrize("chapter", [describe_people, describe_guard, describe_active])
def test_without_notes_a_line_says_so(tmp_path, home, chapter):
    section = describe(tmp_path, read_judge_notes(home.artifacts), chapter)
    assert section.absent
    assert not section.blocks


def test_a_damaged_note_is_said_and_passed_over(home, caplog):
    whole = {"validations": make_validation() | {"made_at": "2026-11-01"}, "regressions": RUN, "active-curves": CURVE}
    damaged = (
        "{", "null", "[1]", '{"made_at": 5}', '{"judge": "x", "n_turns": "many"}',
        json.dumps(CURVE | {"curve": []}), json.dumps(RUN | {"mean": {"sensibility": float("nan")}}),
    )  # fmt: skip
    for folder, note in whole.items():
        home.artifacts.write_note(folder, "2", json.dumps(note))
        for place, text in enumerate(damaged):
            home.artifacts.write_note(folder, f"1{place}", text)
    with caplog.at_level(logging.INFO):
        notes = read_judge_notes(home.artifacts)
    assert (len(notes.validations), len(notes.regressions), len(notes.curves)) == (1, 1, 1)
    for kind in ("validation", "regression run", "active-scoring curve"):
        assert f"The record of the {kind} 10 cannot be read." in caplog.text


def test_the_newest_validation_of_each_judge_and_reference_is_shown(tmp_path, home):
    for n, (judge, reference) in enumerate((("first", "a.csv"), ("second", "a.csv"), ("first", "a.csv"))):
        keep_validation(home.artifacts, make_validation(judge, reference, n_turns=100 + n))
    notes = read_judge_notes(home.artifacts)
    assert [(one.judge, one.n_turns) for one in notes.validations] == [("first", 102), ("second", 101)]
    section = describe(tmp_path, notes, describe_people)
    table = next(block for block in section.blocks if isinstance(block, Table))
    # the judge's own 0.4, and of the baselines the one that goes along most or against: 0.2 and -0.3
    assert [cell.value for cell in table.rows[0]][3:6] == [102, 0.4, -0.3]
    assert table.rows[0][2].text == "a.csv: rating"
    figures = find_figures(section)
    assert list(figures) == [f"kept-{n}-rating-{key}" for n in (1, 2) for key in ("spearman", "auc")]
    drawing = draw_svg(figures["kept-1-rating-auc"].draw(380), "x")
    assert "sensibility: 0.70" in drawing
    assert "(question marks): 0.35" in drawing


def test_what_must_be_known_of_a_kept_validation_stands_under_its_figures(tmp_path, home):
    warned = make_validation("first", "b.csv", notes=["the judge was fitted to these scores", "measured on a few"])
    keep_validation(home.artifacts, warned | {"subsets": make_overlaps(0.88)})
    keep_validation(home.artifacts, make_validation("second", "b.csv", notes=[]))
    blocks = describe(tmp_path, read_judge_notes(home.artifacts), describe_people).blocks
    said = [block for block in blocks if isinstance(block, Prose)]
    assert [one.paragraphs for one in said] == [
        ["To know of first against b.csv: the judge was fitted to these scores; measured on a few."]
    ]
    assert blocks[-1] is said[0], "the older one stands last"
    captions = [block.caption for block in blocks if isinstance(block, Table)]
    assert captions[1:] == [
        "second against b.csv: Use of the scale",
        "first against b.csv: Subsets at threshold 5 and their overlap",
        "first against b.csv: Use of the scale",
    ]
    assert "kept-2-subsets" in find_figures(Section("", "", blocks=blocks))


def test_what_is_kept_holds_no_text(home):
    name = keep_validation(home.artifacts, make_comparison(text="a secret told to a friend"))
    (kept,) = home.artifacts.read_notes("validations", 5)
    assert kept[0] in name
    assert "secret" not in kept[1]
    assert read_judge_notes(home.artifacts).validations[0].judges == ("first", "second")


def test_that_people_were_asked_is_told_among_the_limits(tmp_path, home):
    def tell(folder) -> str:
        section = describe(tmp_path / folder, read_judge_notes(home.artifacts), describe_limits)
        return "\n".join(section.blocks[0].points)

    assert "nothing in this report says how well it agrees with people" in tell("before")
    keep_validation(home.artifacts, make_validation())
    assert "how well one agrees with people stands under Judges" in tell("after")


def test_relations_of_the_newest_run_of_each_judge_are_drawn(tmp_path, home):
    older = RUN | {"made_at": "2026-11-01", "mean": {"sensibility": 6.0, "rationality": None}, "is_accepted": False}
    changed = RUN | {"anchors": "of an older suite", "mean": {"sensibility": 1.0}}
    other = RUN | {"judge": {"judge_id": "b2", "alias": ""}, "relations": [RUN["relations"][0] | {"n_passed": 1}]}
    for name, note in (("0", changed), ("1", older), ("2", RUN), ("3", other)):
        home.artifacts.write_note("regressions", name, json.dumps(note))
    section = describe(tmp_path, read_judge_notes(home.artifacts), describe_guard)
    figures = find_figures(section)
    rows = [[cell.text for cell in row] for row in figures["regression-relations"].numbers.rows]
    assert rows == [["warm clause removed", "first", "3", "4", "75.0\u202f%"],
                    ["warm clause removed", "b2", "1", "4", "25.0\u202f%"],
                    ["padding", "first", "0", "0", "–"]]  # fmt: skip
    assert "first, sensibility from 6.00 to 6.50" in figures["regression-means"].description
    assert "rationality" not in figures["regression-means"].description, "one point is no course"
    drawing = draw_svg(figures["regression-relations"].draw(860), "x")
    assert "first: 75.0 % (30.0 % to 95.0 %)" in drawing
    assert "first: not measured" in drawing
    assert "; accepted" in draw_svg(figures["regression-means"].draw(860), "y")


def test_the_curve_of_active_scoring_is_drawn_with_its_bands(tmp_path, home):
    home.artifacts.write_note("active-curves", "1", json.dumps(CURVE | {"n_turns": 1}))
    home.artifacts.write_note("active-curves", "2", json.dumps(CURVE))
    section = describe(tmp_path, read_judge_notes(home.artifacts), describe_active)
    (figure,) = find_figures(section).values()
    rows = [[cell.text for cell in row] for row in figure.numbers.rows]
    assert rows[0] == ["active", "25.0", "0.900", "0.850", "0.900"]
    assert rows[-1] == ["random", "50.0", "0.700", "0.650", "0.700"]
    assert "5,734 turns" in figure.note
    drawing = draw_svg(figure.draw(860), "x")
    assert drawing.count("Active, 25% of the calls: 0.900 (0.850 to 0.900)") == 1
