"""Sheets taken back: facts are of the sheets that were given, whoever rated, and nobody's ratings go in silence."""

import pytest

from tasks.errors import UsageError
from tasks.judges import AuditPlan, find_replaced, keep_file, take_sheets
from tasks.judges.audit.thresholds import choose_thresholds, read_bounds
from tasks.manifest import Recipe
from tests.judges.small_audits import agree


def read_facts(home, ref):
    return home.artifacts.read_manifest(ref.uri)["facts"]


def test_the_same_rows_of_other_raters_or_sheets_have_facts_of_their_own(scored, fill):
    _, anna = fill("anna", lambda row: agree(row) if row["is_near"] else {})
    _, empty = fill("empty", lambda _: {})
    alone = take_sheets(scored.artifacts, [anna], ["anna"]).ratings
    both = take_sheets(scored.artifacts, [anna, empty], ["anna", "bo"]).ratings
    assert alone.sha256 == both.sha256, "the same rows"
    assert (read_facts(scored, alone)["raters"], read_facts(scored, both)["raters"]) == (["anna"], ["anna", "bo"])
    assert read_facts(scored, both)["n_unrated"]["bo"] == 60
    assert take_sheets(scored.artifacts, [anna], ["anna"]).ratings == alone


def test_a_turn_is_rated_or_noted_or_empty(scored, fill):
    given = iter([{"note": "cannot say"}, {"sensibility": 12}, {}, {}])
    _, path = fill("anna", lambda row: next(given, {"sensibility": row["sensibility"], "note": "so"}))
    facts = read_facts(scored, take_sheets(scored.artifacts, [path], []).ratings)
    assert [facts[name]["anna"] for name in ("n_rated", "n_noted", "n_unrated")] == [56, 1, 2]


def test_people_may_leave_a_whole_column_empty(scored, fill):
    _, path = fill("anna", lambda row: {"rating": 1 + row["sensibility"] % 3})
    facts = read_facts(scored, take_sheets(scored.artifacts, [path], []).ratings)
    found = {one["measure"]: one["plain"] for one in facts["figures"]}
    assert (found["spearman"]["n"], found["spearman"]["why"]) == (0, "fewer than 3 turns")
    assert found["spearman with rating"]["n"] == 60


@pytest.mark.parametrize("name", ["turn_key", "dialogue_id", "sensibility"])
def test_a_rater_may_be_called_as_a_column_is(scored, fill, name):
    paths = [fill(one, agree)[1] for one in ("anna", "bo")]
    found = read_facts(scored, take_sheets(scored.artifacts, paths, [name, "bo"]).ratings)["between_raters"]
    assert [(one["axis"], one["n_twice"], one["alpha"]["value"]) for one in found] == [
        ("sensibility", 60, 1), ("rationality", 60, 1),
    ]  # fmt: skip


def test_ratings_of_the_same_audit_by_others_are_not_replaced_in_silence(scored, fill):
    plan = AuditPlan(30, 5, 5, "", 11)
    (_, dann), (_, zoe) = fill("dann", agree, plan), fill("zoe", agree, plan)
    first = take_sheets(scored.artifacts, [dann], [])
    scored.artifacts.set_current("ratings", first.ratings)
    assert find_replaced(scored.artifacts, first) is None
    replaced = find_replaced(scored.artifacts, take_sheets(scored.artifacts, [zoe], []))
    assert (replaced.alias, replaced.raters) == (read_facts(scored, first.ratings)["alias"], ["dann"])
    assert find_replaced(scored.artifacts, take_sheets(scored.artifacts, [dann, zoe], [])) is None
    _, elsewhere = fill("eve", agree, AuditPlan(30, 5, 5, "", 12))
    assert find_replaced(scored.artifacts, take_sheets(scored.artifacts, [elsewhere], [])) is None


def test_a_sheet_that_was_rejected_is_not_asked_to_be_filled_in(scored, fill):
    _, wrong = fill("wrong", lambda _: {"sensibility": 12})
    with pytest.raises(UsageError) as caught:
        take_sheets(scored.artifacts, [wrong], [])
    assert "CSV UTF-8" in caught.value.do
    _, empty = fill("empty", lambda _: {})
    with pytest.raises(UsageError) as caught:
        take_sheets(scored.artifacts, [empty], [])
    assert caught.value.do == "fill in the sheet first"


def test_each_dimension_is_compared_at_its_own_threshold(scored, fill):
    """People say one more than the judge: at a bound of 9 some leave the sensibility, and some join the rationality."""
    _, path = fill("anna", lambda row: {**agree(row), "rationality": min(10, row["rationality"] + 1)},
                   AuditPlan(60, 5, 9, "", 0))  # fmt: skip
    facts = read_facts(scored, take_sheets(scored.artifacts, [path], []).ratings)
    assert facts["thresholds"] == {"sensibility": 5, "rationality": 9}
    overlaps = {one["of"]: one["plain"]["value"] for one in facts["figures"] if one["measure"] == "subset Jaccard"}
    assert 0.6 < overlaps["sensibility"] < 1, "of S 6, 8, 9, 10 the last: R is 8 and 9"
    assert 0.3 < overlaps["rationality"] < 0.7, "R 10 of both, 9 of people alone"


def select(home, **changed):
    """Make a selection current: thresholds 6 and 7 on the raw scores of judge j, but for what is changed."""
    config = {"rule": "paper"} | changed.pop("config", {})
    facts = {
        "n_rows": 0, "thresholds": {"sensibility": 6.0, "rationality": 7.0}, "rule": {"label": "paper S>6 R>7"},
        "scores": {"judge_id": "j", "alias": "mine"}, **changed,
    }  # fmt: skip
    home.artifacts.set_current("subsets", home.artifacts.produce(
        Recipe("subsets", 1, config, (), {"facts": str(facts)}), lambda _: facts
    ))  # fmt: skip


def test_thresholds_are_those_of_the_current_selection_unless_they_are_given(home):
    def choose(*given):
        found = choose_thresholds(home.artifacts, "j", *given)
        return found.bounds, found.why

    assert choose(None, None) == ((5, 5), "the default: nothing is selected yet")
    select(home)
    assert choose(None, None) == ((6, 7), "of the current selection, paper S>6 R>7")
    assert choose(3, 4) == ((3, 4), "as given")
    assert choose(None, 4) == ((6, 4), "rationality as given, else of the current selection, paper S>6 R>7")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"config": {"calibration": "abc"}}, "is of calibrated scores"),
        ({"config": {"rule": "lower-bound"}}, "takes deviations off the scores"),
        ({"scores": {"judge_id": "k", "alias": "theirs"}}, "is of another judge, theirs"),
        ({"thresholds": {"sensibility": None, "rationality": 7.0}}, "has an empty subset"),
    ],
)
def test_thresholds_of_a_selection_on_another_scale_are_not_taken(home, changed, why):
    select(home, **changed)
    found = choose_thresholds(home.artifacts, "j", None, None)
    assert (found.bounds, found.why) == ((5, 5), f"the default: the current selection {why}")


def test_an_audit_that_was_drawn_with_one_threshold_is_still_taken_back():
    assert read_bounds({"threshold": 6.0}) == (6, 6)
    assert read_bounds({"sensibility_threshold": 6.0, "rationality_threshold": 0.0}) == (6, 0)


def test_a_file_with_one_rating_alone_is_told_that_no_map_leads_to_it(home, tmp_path):
    (tmp_path / "dev.csv").write_text("response_a,rating_a\nyes,2\nno,3\n", encoding="utf-8")
    with pytest.raises(Exception, match="ratings as a whole only") as caught:
        keep_file(home, tmp_path / "dev.csv", {})
    assert "sensibility and rationality from 0 to 10" in caught.value.do
