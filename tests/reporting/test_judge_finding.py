"""Which judges and maps a report shows: of this corpus, the newest of each, however many there are."""

from __future__ import annotations

import shutil

import pytest

from tasks.judges import Calibration, Curve, write_calibration
from tasks.manifest import Recipe
from tasks.reporting import keep_validation, make_newest_report
from tasks.reporting.blocks import Figure
from tasks.reporting.drawing import draw_svg
from tasks.reporting.judges.finding import MOST_JUDGES, find_calibrations, find_scores
from tasks.reporting.material import open_material
from tasks.reporting.sections.judge_maps import describe_maps
from tests.reporting.judged import make_inputs, make_validation
from tests.reporting.scoring import make_scored


@pytest.fixture
def scored(home):
    return make_scored(home, 60, is_whole=True)


def add_scores(scored, judge_id: str, n_scored: int, corpus=None):
    """Make a scores artifact of another judge, as a run of scoring leaves it."""
    parents = tuple(scored.corpus if corpus is None else corpus)
    recipe = Recipe("scores", 1, {"judge_id": judge_id, "alias": f"j-{judge_id}"}, parents, {"scores": str(n_scored)})

    def build(folder):
        shutil.copy(scored.home.artifacts.open(scored.scores) / "scores.parquet", folder)
        return {"n_rows": 60, "n_scored": n_scored, "judge_id": judge_id, "alias": f"j-{judge_id}"}

    return scored.home.record(scored.home.artifacts.produce(recipe, build))


def test_judges_of_this_corpus_are_found_the_chosen_first_then_by_their_turns(scored):
    few, many = add_scores(scored, "few", 10), add_scores(scored, "many", 50)
    newer = add_scores(scored, "few", 12)
    add_scores(scored, "none", 0)
    part = add_scores(scored, "part", 5, scored.corpus[:1])
    other = make_scored_elsewhere(scored)
    found = find_scores(scored.home, scored.corpus, scored.scores)
    assert found == [scored.scores, many, newer, part]
    assert few not in found
    assert other not in found
    assert set(find_scores(scored.home, scored.corpus, None)) == set(found)
    for n in range(MOST_JUDGES):
        add_scores(scored, f"more-{n}", 30 + n)
    assert len(find_scores(scored.home, scored.corpus, scored.scores)) == MOST_JUDGES


def make_scored_elsewhere(scored):
    """Make scores of a corpus that the report is not of."""
    recipe = Recipe("dialogues", 1, {"split": "elsewhere"}, (), {})
    ref = scored.home.artifacts.produce(recipe, lambda folder: {"n_rows": (folder / "x").write_text("x")})
    return add_scores(scored, "elsewhere", 40, [ref])


def test_scores_whose_files_are_gone_are_passed_over(scored):
    gone = add_scores(scored, "gone", 20)
    shutil.rmtree(gone.uri)
    assert find_scores(scored.home, scored.corpus, scored.scores) == [scored.scores]


def add_calibration(scored, reference: str, x: float = 8):
    def build(folder):
        curve = Curve(x=(2, x), y=(3, 7))
        write_calibration(Calibration(judge_id="i", alias="j", reference=reference, n_turns=60, sensibility=curve,
                                      rationality=curve), folder)  # fmt: skip
        figures = {name: {"rmse_before": 1.5, "rmse_after": 0.75} for name in ("sensibility", "rationality")}
        return {"n_rows": 60, "alias": "j", "reference": reference, "figures": figures}

    recipe = Recipe("calibration", 1, {}, (*scored.corpus, scored.scores), {"reference": reference, "x": str(x)})
    return scored.home.record(scored.home.artifacts.produce(recipe, build))


def test_the_newest_map_to_each_reference_is_drawn_over_the_line_of_equal_scores(scored, tmp_path):
    old, people, new = (add_calibration(scored, *which) for which in (("gpt", 7), ("people", 8), ("gpt", 9)))
    found = find_calibrations(scored.home, scored.corpus)
    assert found == [new, people]
    assert old not in found
    folders = [scored.home.artifacts.open(ref) for ref in found]
    damaged = tmp_path / "damaged"
    shutil.copytree(folders[0], damaged)
    (damaged / "calibration.json").write_text("{}", encoding="utf-8")
    section = describe_maps(open_material(make_inputs(tmp_path / "i", calibrations=[*folders, damaged])))
    first, second = [block for block in section.blocks if isinstance(block, Figure)]
    assert (first.title, second.title) == ("j to gpt", "j to people")
    assert "sensibility 1.50 to 0.75" in first.note
    assert [[cell.value for cell in row[1:]] for row in first.numbers.rows[:2]] == [[2, 3], [9, 7]]
    drawing = draw_svg(first.draw(380), "x")
    for said in ("0 becomes 3.00", "2 becomes 3.00", "9 becomes 7.00", "10 becomes 7.00"):
        assert f"Sensibility: {said}" in drawing


def test_a_report_is_made_anew_for_another_judge_map_or_record_and_for_nothing_else(scored):
    def make():
        return make_newest_report(scored.home, scored.corpus)

    seen = [make()]
    assert make() == seen[0]
    for change in (lambda: add_scores(scored, "other", 20), lambda: add_calibration(scored, "gpt"),
                   lambda: keep_validation(scored.home.artifacts, make_validation())):  # fmt: skip
        change()
        seen.append(make())
    assert len({ref.config_digest for ref in seen}) == 4
    facts = scored.home.artifacts.read_manifest(seen[-1].uri)["facts"]
    assert {"judges", "people", "calibration"} <= set(facts["sections"])
    assert "charts/judge-pair-1-sensibility.png" in facts["pictures"]
    kinds = [parent["kind"] for parent in scored.home.artifacts.read_manifest(seen[-1].uri)["parents"]]
    assert (kinds.count("scores"), kinds.count("calibration")) == (2, 1)
