"""Audits in a home: the same choices draw the same sheet, people's answers become ratings, ratings are a reference."""

from dataclasses import replace

import duckdb
import polars as pl
import pytest

from tasks.errors import JudgeChoiceError, UsageError
from tasks.judges import (
    AuditPlan,
    calibration_recipe,
    draw_audit,
    find_audited,
    find_drawing,
    find_ratings,
    gather_turns,
    keep_file,
    read_audit,
    read_kept,
    read_pairs,
    take_sheets,
    validate_judge,
    write_sheet,
)
from tasks.judges.audit.judges import find_other
from tests.judges.small_audits import PLAN, N, agree


def test_equal_choices_draw_the_equal_sheet_and_others_another(scored, tmp_path):
    found = find_audited(scored, "replies-first", "")
    drawn = []
    for number, plan in enumerate((PLAN, PLAN, AuditPlan(60, 5, 5, "", 1), AuditPlan(60, 7, 7, "", 0))):
        ref = draw_audit(scored.artifacts, found, plan)
        write_sheet(read_audit(scored.artifacts, ref).iter_rows(named=True), tmp_path / f"{number}.csv")
        drawn.append((ref.config_digest, (tmp_path / f"{number}.csv").read_bytes()))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
    alone = draw_audit(scored.artifacts, replace(found, other=None), PLAN)
    assert alone.config_digest != drawn[0][0], "another judge beside it is another draw"


def test_the_order_of_a_sheet_tells_nothing_of_scores_and_strata(scored):
    audited, found = find_audited(scored, "replies-first", ""), []
    for seed in range(30):
        drawn = read_audit(scored.artifacts, draw_audit(scored.artifacts, audited, AuditPlan(60, 5, 5, "", seed)))
        found.append([drawn[name].cast(pl.Float64)[:30].mean() - drawn[name].cast(pl.Float64)[30:].mean()
                      for name in ("is_near", "is_disputed", "sensibility", "probability")])  # fmt: skip
    means, spread = pl.DataFrame(found, orient="row").mean().row(0), pl.DataFrame(found, orient="row").std().row(0)
    assert all(abs(mean) < 4 * sd / 30**0.5 for mean, sd in zip(means, spread, strict=True))


def test_a_split_is_drawn_from_alone_and_an_empty_one_is_told(scored):
    found = find_audited(scored, "replies-first", "")
    drawn = read_audit(scored.artifacts, draw_audit(scored.artifacts, found, AuditPlan(60, 5, 5, "test", 0)))
    assert (len(drawn), set(drawn["split"]), set(drawn["probability"])) == (20, {"test"}, {1.0})
    with pytest.raises(UsageError, match="No turn"):
        draw_audit(scored.artifacts, found, AuditPlan(60, 5, 5, "valid", 0))


def test_the_judge_beside_is_the_one_that_is_named_or_has_most_in_common(scored):
    found = find_audited(scored, "replies-first", "")
    aliases = [scored.artifacts.read_manifest(ref.uri)["facts"]["alias"] for ref in (found.scores, found.other)]
    assert (aliases, found.why) == (["replies-first", "replies-second"], "90 turns scored by both")
    named = find_audited(scored, "replies-first", "replies-second")
    assert named == replace(found, why="as given")
    with pytest.raises(UsageError, match="differ from itself"):
        find_audited(scored, "replies-first", "replies-first")
    with pytest.raises(JudgeChoiceError):
        find_audited(scored, "", "")


@pytest.mark.parametrize(
    ("n_of_each", "expected", "why"),
    [
        ((2, 3), "b", "3 turns scored by both"),
        ((3, 3), "a", "3 turns scored by both; of 2 judges with as many, the one with the newest scores"),
        ((0, 1), "b", "1 turns scored by both"),
        ((0, 0), None, "no other judge has scored the same turns"),
    ],
)
def test_the_judge_beside_is_of_those_with_as_much_in_common_the_one_with_the_newest_scores(n_of_each, expected, why):
    scores = [("ours", f"t{n}", 5.0) for n in range(4)] + [("ours", "t9", None)]
    for judge, n_common in zip("ab", n_of_each, strict=True):
        scores += [(judge, f"t{n}", 5.0) for n in range(n_common)] + [
            (judge, f"t{n}", None) for n in range(n_common, 4)
        ]
        scores += [(judge, "t9", 5.0), (judge, "elsewhere", 5.0)]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE scores (judge_id VARCHAR, turn_key VARCHAR, sensibility DOUBLE)")
        connection.executemany("INSERT INTO scores VALUES (?, ?, ?)", scores)
        connection.execute("CREATE TABLE turns AS SELECT unnest(['t0', 't1', 't2', 't3', 't9', 't3']) AS turn_key")
        connection.execute(
            "CREATE TABLE judges AS SELECT unnest(['ours', 'a', 'b']) AS judge_id, judge_id AS alias, "
            "TIMESTAMPTZ '2026-01-01' AS first_used_at"
        )
        connection.execute(
            "CREATE TABLE artifacts AS SELECT 'scores' AS kind, JSON '{\"judge_id\": \"a\"}' AS facts, "
            "unnest([TIMESTAMPTZ '2025-01-01', TIMESTAMPTZ '2026-02-01']) AS made_at"
        )
        assert find_other(connection, "ours") == (expected and (expected, expected), why)


def test_people_who_say_what_the_judge_says_agree_with_it_in_every_figure(scored, fill):
    audit, path = fill("anna", agree)
    taken = take_sheets(scored.artifacts, [path], [])
    assert (taken.audit, taken.rejected) == (audit, [])
    facts = scored.artifacts.read_manifest(taken.ratings.uri)["facts"]
    values = {
        (one["measure"], one["of"]): (one["plain"]["value"], one["weighted"]["value"]) for one in facts["figures"]
    }
    for (measure, _), pair in values.items():
        assert pair == ((0, 0) if measure == "judge minus people" else (1, 1))
    assert (facts["n_rated"], facts["between_raters"]) == ({"anna": 60}, [])
    assert facts["strata"]["all"] == [N, 60, 60]
    strata = facts["strata"]
    assert strata["neither"][2] + strata["near a threshold"][2] + strata["judges differ"][2] >= 60


def test_weights_undo_what_the_draw_favours(scored, fill):
    """The judge is two points too high near the threshold only: on the sheet that looks more than it is."""
    _, path = fill("anna", lambda row: {**agree(row), "sensibility": max(0, row["sensibility"] - 2 * row["is_near"])},
                   AuditPlan(40, 5, 5, "", 0))  # fmt: skip
    taken = take_sheets(scored.artifacts, [path], [])
    facts = scored.artifacts.read_manifest(taken.ratings.uri)["facts"]
    off = next(one for one in facts["figures"] if (one["measure"], one["of"]) == ("judge minus people", "sensibility"))
    everyone = read_audit(
        scored.artifacts,
        draw_audit(scored.artifacts, find_audited(scored, "replies-first", ""), AuditPlan(N, 5, 5, "", 0)),
    )
    truth = (everyone["sensibility"].clip(0, 2) * everyone["is_near"]).mean()
    assert abs(off["weighted"]["value"] - truth) < abs(off["plain"]["value"] - truth)
    assert off["weighted"]["low"] <= truth <= off["weighted"]["high"]
    assert 0 < facts["n_effective"] < 40


def test_several_raters_are_averaged_and_compared(scored, fill):
    _, anna = fill("anna", agree)
    _, bernd = fill("bernd", lambda row: {"sensibility": min(10, row["sensibility"] + 1), "note": "+1; so"})
    taken = take_sheets(scored.artifacts, [anna, bernd], ["A. A.", "B"])
    facts = scored.artifacts.read_manifest(taken.ratings.uri)["facts"]
    table = read_kept(scored.artifacts, taken.ratings)
    assert sorted(table["rater"].unique()) == ["A. A.", "B"]
    assert table.filter(rater="B")["rationality"].null_count() == 60
    assert table.filter(rater="B")["note"].unique().to_list() == ["+1; so"]
    alpha = {one["axis"]: one for one in facts["between_raters"]}
    assert alpha["sensibility"]["n_twice"] == 60
    assert 0.9 < alpha["sensibility"]["alpha"]["low"] < alpha["sensibility"]["alpha"]["value"] < 1
    assert alpha["rationality"]["alpha"]["value"] is None
    off = next(one for one in facts["figures"] if (one["measure"], one["of"]) == ("judge minus people", "sensibility"))
    assert -0.5 <= off["plain"]["value"] < -0.4


def test_raters_have_names_of_their_own(scored, fill, tmp_path):
    _, anna = fill("anna", agree)
    for paths, raters, said in (
        ([anna], ["a", "b"], "1 sheets and 2 raters"),
        ([anna, anna], [], "of one rater: 'anna'"),
    ):
        with pytest.raises(UsageError, match=said):
            take_sheets(scored.artifacts, paths, raters)


def test_a_sheet_is_of_the_audit_that_drew_its_turns(scored, fill):
    small, path = fill("small", agree, AuditPlan(20, 5, 5, "", 0))
    fill("big", agree, AuditPlan(N, 5, 5, "", 0))
    assert take_sheets(scored.artifacts, [path], []).audit == small
    whole = [fill(judge, agree, AuditPlan(N, 5, 5, "", 7), judge) for judge in ("replies-first", "replies-second")]
    judges = [scored.artifacts.read_manifest(audit.uri)["facts"]["judge_id"] for audit, _ in whole]
    for judge_id, (audit, path) in zip(judges, whole, strict=True):
        found = take_sheets(scored.artifacts, [path], [], judge_id).audit
        assert scored.artifacts.read_manifest(found.uri)["facts"]["judge_id"] == judge_id, "the same turns, named judge"
        assert audit.n_rows == found.n_rows


def test_an_empty_sheet_and_one_of_another_home_are_told(scored, fill, make_home, tmp_path):
    _, empty = fill("empty", lambda _: {"note": "hm"})
    with pytest.raises(UsageError, match="No turn has a rating that can be used"):
        take_sheets(scored.artifacts, [empty], [])
    _, wrong = fill("wrong", lambda _: {"sensibility": 12})
    with pytest.raises(UsageError, match="60 rows or cells were rejected, first: sensibility is 12"):
        take_sheets(scored.artifacts, [wrong], [])
    with pytest.raises(UsageError, match="No audit of this home"):
        take_sheets(make_home(tmp_path / "other").artifacts, [wrong], [])


def test_ratings_are_a_reference_by_name_or_digest_and_say_how_they_were_drawn(scored, fill):
    with pytest.raises(UsageError, match="no ratings of people yet"):
        gather_turns(scored, ["replies-first"], "ratings", {})
    _, path = fill(
        "anna", lambda row: agree(row) | ({"rating": 1 + row["utterance_idx"] % 3} if row["is_near"] else {})
    )
    ref = take_sheets(scored.artifacts, [path], []).ratings
    scored.artifacts.set_current("ratings", ref)
    records = [
        validate_judge(gather_turns(scored, ["replies-first"], name, {}), 5)
        for name in ("ratings", f"ratings:{ref.config_digest[:8]}")
    ]
    assert records[0] == records[1]
    assert (records[0]["axes"], records[0]["n_turns"]) == (["sensibility", "rationality"], 60), "few have a rating"
    assert "drawn by an audit" in " ".join(records[0]["notes"])
    assert records[0]["agreement"][0]["spearman"]["value"] == 1
    for name in ("ratings:", "ratings:abcdefab"):
        with pytest.raises(UsageError):
            find_ratings(scored.artifacts, name)


def test_pairs_for_a_calibration_leave_out_the_test_split_and_weigh_as_drawn(scored, fill):
    _, path = fill("anna", lambda row: {**agree(row), "rationality": ""} if row["is_near"] else agree(row))
    audited = find_audited(scored, "replies-first", "")
    corpus, scores = audited.corpus, audited.scores
    ref = take_sheets(scored.artifacts, [path], []).ratings
    drawing = find_drawing(scored.artifacts, ref)
    drawn = read_audit(scored.artifacts, drawing).filter(~pl.col("is_near") & (pl.col("split") != "test"))
    pairs = read_pairs(scored.artifacts, corpus, scores, ref, drawing).sort("turn_key")
    assert pairs["turn_key"].to_list() == drawn.sort("turn_key")["turn_key"].to_list()
    assert pairs["weight"].to_list() == (1 / drawn.sort("turn_key")["probability"]).to_list()
    recipe = calibration_recipe(corpus, scores, ref, drawing)
    assert {parent.kind for parent in recipe.parents} == {"dialogues", "scores", "ratings", "audit"}
    assert recipe.inputs["reference"] == ref.sha256


def test_a_file_becomes_ratings_by_its_content_whether_it_names_texts_or_places(scored, tmp_path):
    rows = [
        {
            "dialogue_id": f"d{n:02}",
            "utterance_idx": 2,
            "warm": n % 11,
            "rationality": n % 5,
            "rating": [None, 1][n % 2],
        }
        for n in range(12)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "mine.csv")
    ref = keep_file(scored, tmp_path / "mine.csv", {"warm": "sensibility"})
    assert (ref.kind, ref.n_rows, find_drawing(scored.artifacts, ref)) == ("ratings", 12, None)
    audited = find_audited(scored, "replies-first", "")
    corpus, scores = audited.corpus, audited.scores
    pairs = read_pairs(scored.artifacts, corpus, scores, ref)
    assert pairs["reference_sensibility"].sort().to_list() == sorted(float(n % 11) for n in range(12))
    assert set(pairs["weight"]) == {1.0}
    (tmp_path / "mine.csv").rename(tmp_path / "other.csv")
    named = keep_file(scored, tmp_path / "other.csv", {"warm": "sensibility"})
    assert named.sha256 == ref.sha256, "a name is no content"
    sources = [scored.artifacts.read_manifest(one.uri)["facts"]["source"] for one in (ref, named)]
    assert sources == ["mine.csv", "other.csv"]
    with pytest.raises(UsageError, match="have no sensibility"):
        keep_file(scored, tmp_path / "other.csv", {})
