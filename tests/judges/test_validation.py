"""Judges beside a reference and beside each other, in a home of dialogues scored by recorded replies."""

import json

import numpy as np
import polars as pl
import pytest

from tasks.config import JudgeConfig
from tasks.dialogues import index_dialogues
from tasks.errors import JudgeChoiceError, UsageError
from tasks.judges import contrast_judges, gather_turns, validate_judge
from tasks.judges.validation import gathering
from tasks.scoring import choose_judge, identify_judge, register_judge

WORDS = ("sorry", "wow", "why", "great", "rain", "office", "call", "sad", "love", "no")
N = 40


def write_replies(path, give):
    """Write a reply for each dialogue's turn: `give(n)` is (sensibility, rationality)."""
    rows = [
        {"conv_id": f"d{n:02}", "utterance_idx": 2, "reply": "Rationality: {1}\nSensibility: {0}".format(*give(n))}
        for n in range(N)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def scored(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    """A home of 40 turns with two judges: `replies-first`, and `replies-second`, which is two points off."""
    talks = {f"d{n:02}": [f"story {n}", " ".join(WORDS[(n * k) % 10] for k in range(1, n % 7 + 2))] for n in range(N)}
    corpus = [ingest_file(home, write_dialogues(tmp_path / "talk.jsonl", talks), "train")]
    with home.store.transaction() as connection:
        index_dialogues(connection, corpus[0], home.artifacts.open(corpus[0]))
    for name, off in (("first", 0), ("second", 2)):
        replies = write_replies(tmp_path / f"{name}.jsonl", lambda n, off=off: ((n + off) % 11, (3 * n + off) % 11))
        score_corpus(home, corpus, JudgeConfig(kind="replies", replies_file=str(replies)), name)
    return home


def find(record, **wanted):
    return next(row for row in record["agreement"] if wanted.items() <= row.items())


def test_a_judge_agrees_with_itself_under_another_name(scored, tmp_path):
    record = validate_judge(gather_turns(scored, ["replies-first"], f"replies:{tmp_path / 'first.jsonl'}", {}), 5)
    assert (record["n_turns"], record["axes"]) == (N, ["sensibility", "rationality"])
    for axis in record["axes"]:
        own = find(record, axis=axis, kind="judge")
        assert [own[name]["value"] for name in ("spearman", "pearson", "auc", "kappa")] == [1, 1, 1, 1]
        assert abs(find(record, axis=axis, predictor="response length")["spearman"]["value"]) < 0.6
    assert [one["jaccard"]["value"] for one in record["subsets"]] == [1, 1, 1]
    assert all(0 < one["chance"] < 0.7 for one in record["subsets"])
    assert sum(one["n_judge"] for one in record["subsets"]) == N
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_without_a_reference_there_are_bias_and_saturation_only(scored):
    record = validate_judge(gather_turns(scored, ["replies-first"], None, {}), 5)
    assert (record["agreement"], record["subsets"], record["by_system"]) == ([], [], [])
    assert [one["with"] for one in record["bias"]] == [
        "affect words", "response length", "question marks", "turn position", "emotion",
    ]  # fmt: skip
    assert list(record["saturation"]) == ["sensibility", "rationality"]
    assert sum(cell["n"] for cell in record["cells"]["scores"]) == N


def test_ratings_are_joined_by_text_or_by_place_and_never_by_dialogue_alone(scored, tmp_path):
    """A rated response that the judge has not seen gets no score of another one in the same dialogue."""
    talk = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines()]
    texts = [
        {"dialogue_id": one["dialogue_id"], "context": one["turns"][0]["text"],
         "response": one["turns"][1]["text"], "rating": n % 3}
        for n, one in enumerate(talk)
    ]  # fmt: skip
    other = [{**row, "response": "something else", "rating": 2} for row in texts]
    places = [{"dialogue_id": row["dialogue_id"], "utterance_idx": 2, "rating": row["rating"]} for row in texts]
    found = []
    for name, rows in (("texts", texts + other), ("places", places)):
        pl.DataFrame(rows).write_ndjson(tmp_path / f"{name}.jsonl")
        judged = gather_turns(scored, ["replies-first"], str(tmp_path / f"{name}.jsonl"), {})
        found.append(judged.turns.sort("dialogue_id").select("response", "reference_rating", "judge_0_sensibility"))
    assert found[0].equals(found[1])
    assert found[0]["judge_0_sensibility"].to_list() == [n % 11 for n in range(N)]


def test_a_constant_judge_is_a_dash_with_a_reason_and_saturates(scored, tmp_path):
    write_replies(tmp_path / "same.jsonl", lambda n: (8, n % 3))
    record = validate_judge(gather_turns(scored, [f"replies:{tmp_path / 'same.jsonl'}"], "replies-first", {}), 5)
    own = find(record, axis="sensibility", kind="judge")
    assert (own["spearman"]["value"], own["spearman"]["why"]) == (None, "one of the two does not vary")
    assert record["saturation"]["sensibility"]["modal_share"] == 1


def test_judges_are_compared_on_the_turns_that_all_have_scored(scored, tmp_path):
    judged = gather_turns(scored, ["distilled", "replies-first", "replies-second"], None, {})
    record = contrast_judges(judged, 5, 3)
    assert record["judges"] == ["distilled", "replies-first", "replies-second"]
    first, second = (judged.turns[f"judge_{n}_sensibility"].to_numpy() for n in (1, 2))
    (pair,) = (
        one for one in record["pairs"]
        if one["judges"] == record["judges"][1:] and one["dimension"] == "sensibility"
    )  # fmt: skip
    assert pair["mean_difference"] == pytest.approx(np.mean(second - first), abs=1e-6)
    assert [one["threshold"] for one in record["subsets"]] == [4, 5, 6, 7]
    assert all(sum(sizes.values()) == N for one in record["subsets"] for sizes in one["sizes"].values())
    distances = [one["distance"] for one in record["differences"]]
    assert len(distances) == 3
    assert distances == sorted(distances, reverse=True)
    assert set(record["differences"][0]["scores"]) == set(record["judges"])
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_two_judges_who_say_the_same_differ_on_no_turn(scored, tmp_path):
    record = contrast_judges(
        gather_turns(scored, ["replies-first", f"replies:{tmp_path / 'first.jsonl'}"], None, {}), 5, 3
    )
    assert record["differences"] == []
    assert record["alpha"]["sensibility"]["value"] == 1
    assert len(set(record["judges"])) == 2, "one name for two would hide one of them"


def test_more_turns_than_are_needed_are_drawn_and_said(scored, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_TURNS", 15)
    found = [gather_turns(scored, ["distilled"], against, {}) for against in ("replies-first", None)]
    assert [(len(one.turns), one.n_common) for one in found] == [(15, N), (15, N)]
    assert found[0].turns["turn_key"].to_list() == found[1].turns["turn_key"].to_list()
    assert "15 of 40 common turns" in validate_judge(found[0], 5)["notes"][0]


@pytest.mark.parametrize(
    ("judges", "against", "error", "said"),
    [
        (["nobody"], None, JudgeChoiceError, "No judge is called 'nobody'"),
        (["distilled", "distilled"], None, UsageError, "compared with itself: 'distilled'"),
        (["replies:~nosuch/x.jsonl"], None, UsageError, "no home of the user"),
        (["distilled"], "~nosuch/x.csv", UsageError, "no home of the user"),
        ([f"replies:{'x' * 300}"], None, UsageError, "no such file"),
        (["distilled"], f"{'x' * 300}.csv", UsageError, "no such file"),
        (["replies-first"], "replies-first", UsageError, "compared with itself"),
        (["replies:none.jsonl"], None, UsageError, "no such file"),
        (
            ["replies-first"],
            "unseen.csv",
            UsageError,
            "Of 12 turns rated in unseen.csv, 0 have scores of replies-first",
        ),
        (["distilled"], "few.csv", UsageError, "Turns rated in few.csv: 2; at least 10"),
    ],
)
def test_what_cannot_be_compared_is_told(scored, tmp_path, monkeypatch, judges, against, error, said):
    monkeypatch.chdir(tmp_path)
    for name, n in (("unseen", 12), ("few", 2)):
        lines = [f"text {row},{row}\n" for row in range(n)]
        (tmp_path / f"{name}.csv").write_text("response,rating\n" + "".join(lines), encoding="utf-8")
    with pytest.raises(error, match=said):
        gather_turns(scored, judges, against, {})


@pytest.mark.parametrize("place", [0, 1])
def test_one_judge_under_two_names_is_not_two_judges(scored, tmp_path, place):
    with scored.store.transaction() as connection:
        judge_id, _ = choose_judge(connection, "replies-first")
    (tmp_path / "deep").mkdir()
    files = [f"replies:{tmp_path / part / 'first.jsonl'}" for part in (".", "deep/..")]
    for names in (["replies-first", judge_id], files):
        with pytest.raises(UsageError, match="compared with itself") as told:
            gather_turns(scored, names[: 2 - place], names[1] if place else None, {})
        assert all(repr(name) in str(told.value) for name in names)


def test_the_bundled_judge_and_its_scores_in_the_home_are_one_judge(scored):
    with scored.store.transaction() as connection:
        register_judge(connection, identify_judge(JudgeConfig(kind="distilled"), None))
        own = identify_judge(JudgeConfig(kind="distilled"), None).judge_id
        connection.execute("UPDATE scores SET judge_id = $own WHERE judge_id = $first",
                           {"own": own, "first": choose_judge(connection, "replies-first")[0]})  # fmt: skip
        connection.execute("UPDATE artifacts SET config = json_merge_patch(config, $own) WHERE kind = 'scores'",
                           {"own": json.dumps({"judge_id": own})})  # fmt: skip
    with pytest.raises(UsageError, match="compared with itself"):
        gather_turns(scored, ["distilled", own], None, {})


def test_turns_are_drawn_blindly_whatever_their_keys_are(home, tmp_path, monkeypatch):
    """Keys that begin with the system's name would else leave only the first system."""
    monkeypatch.setattr(gathering, "MOST_TURNS", 20)
    rows = [{"turn_key": f"{'ab'[n % 2]}{n}", "response": f"oh {n}", "rating": n % 3} for n in range(60)]
    pl.DataFrame(rows).write_csv(tmp_path / "r.csv")
    keys = gather_turns(home, ["distilled"], str(tmp_path / "r.csv"), {}).turns["turn_key"].to_list()
    assert len(keys) == 20
    assert {key[0] for key in keys} == {"a", "b"}
    assert keys == sorted(keys)


def test_answers_to_the_same_words_are_of_one_dialogue(home, tmp_path):
    rows = [{"context": f"story {n // 3}", "response": f"oh {n}", "rating": n % 4} for n in range(30)]
    pl.DataFrame([*rows, *({**row, "context": ""} for row in rows)]).write_csv(tmp_path / "r.csv")
    record = validate_judge(gather_turns(home, ["distilled"], str(tmp_path / "r.csv"), {}), 5)
    assert (record["n_turns"], record["n_dialogues"]) == (60, 10 + 30)


def test_a_file_with_texts_needs_no_home(home, tmp_path):
    lines = [f"oh sorry {n},{n % 3}\n" for n in range(20)]
    (tmp_path / "r.csv").write_text("response,rating\n" + "".join(lines), encoding="utf-8")
    assert len(gather_turns(home, ["distilled"], str(tmp_path / "r.csv"), {}).turns) == 20
    assert not home.settings.home_dir.exists()
