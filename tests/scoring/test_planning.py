"""What a run will ask: every turn without a score once, and nothing that is paid for."""

import json

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError
from tasks.scoring import plan_scoring, read_chunk
from tasks.scoring.reasons import FATAL, TERMINAL, TRANSIENT

JUDGE = "judge-1"
FORM = "Rationality: 3\nSensibility: 8"


@pytest.fixture
def corpus(home, tmp_path, write_dialogues, ingest_file):
    dialogues = {f"d{n}": (f"I lost my {n} keys.", "Oh no.", "Yes.", f"All {n}?") for n in range(5)}
    return [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", dialogues))]


@pytest.fixture
def plan(home, tmp_path):
    """Plan a run and return its chunks, as lists of planned turns."""

    def run(corpus, replies_file="", **scoring):
        with home.store.transaction() as connection:
            made = plan_scoring(
                connection, home.turn_files(corpus), JUDGE, ScoringConfig(**scoring), tmp_path / "plans" / "p.parquet",
                str(replies_file),
            )  # fmt: skip
        chunks = [read_chunk(made, chunk) for chunk in range(made.n_chunks)]
        assert made.n_turns == sum(len(chunk) for chunk in chunks)
        return chunks

    return run


@pytest.fixture
def note_score(home):
    """Put scores (numbers) or reasons (texts) of the judge into the tables."""

    def run(values, judge=JUDGE):
        with home.store.transaction() as connection:
            for key, value in values.items():
                number, reason = (None, value) if isinstance(value, str) else (value, None)
                connection.execute(
                    "INSERT INTO scores VALUES (?, ?, ?, ?, NULL, NULL, 'point', ?, ?)",
                    [key, judge, number, number, judge, reason],
                )

    return run


def keys_of(chunks):
    return [planned.turn.turn_key for chunk in chunks for planned in chunk]


def test_every_turn_is_planned_in_hash_order_with_its_words(corpus, plan):
    chunks = plan(corpus, chunk_size=4)
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    keys = keys_of(chunks)
    assert keys == sorted(keys)
    turn = next(
        planned.turn for chunk in chunks for planned in chunk if planned.turn.response == "All 3?"
    )  # fmt: skip
    assert [(who, text) for who, text in turn.context] == [
        ("speaker", "I lost my 3 keys."), ("listener", "Oh no."), ("speaker", "Yes."),
    ]  # fmt: skip


def test_identical_turns_are_asked_once(home, tmp_path, write_dialogues, ingest_file, plan):
    dialogues = {"a": ("I won.", "Well done!"), "b": ("I  won. ", "Well  done!"), "c": ("I lost.", "Well done!")}
    corpus = [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", dialogues))]
    (chunk,) = plan(corpus)
    assert len(chunk) == 2


def test_two_sources_with_the_same_dialogues_are_asked_once(corpus, home, tmp_path, write_dialogues, ingest_file, plan):
    again = {f"other{n}": (f"I lost my {n} keys.", "Oh no.") for n in range(5)}
    both = [*corpus, ingest_file(home, write_dialogues(tmp_path / "e.jsonl", again))]
    assert keys_of(plan(both)) == keys_of(plan(corpus))


def test_a_limit_takes_the_first_in_hash_order_so_that_a_larger_one_only_adds(corpus, plan, note_score):
    everything = keys_of(plan(corpus))
    assert keys_of(plan(corpus, limit=3)) == everything[:3]
    note_score(dict.fromkeys(everything[:3], 7.0))
    assert keys_of(plan(corpus, limit=4)) == everything[3:7]


def test_only_the_named_split_is_planned(home, tmp_path, write_dialogues, ingest_file, plan):
    corpus = [
        ingest_file(home, write_dialogues(tmp_path / f"{split}.jsonl", {split: (f"In {split}.", "Yes.")}), split)
        for split in ("train", "valid")
    ]
    assert [planned.turn.context[0].text for planned in plan(corpus, split="valid")[0]] == ["In valid."]
    assert len(keys_of(plan(corpus, split="all"))) == 2
    assert plan(corpus, split="test") == []


def test_a_turn_with_a_score_is_never_asked_again_and_another_judges_score_does_not_count(corpus, plan, note_score):
    first, second, *rest = keys_of(plan(corpus))
    note_score({first: 7.0})
    note_score({second: 7.0}, judge="judge-2")
    assert keys_of(plan(corpus)) == [second, *rest]
    assert keys_of(plan(corpus, retry_unscored=True)) == [second, *rest]


def test_a_reason_that_says_nothing_about_the_turn_is_asked_again_untold(corpus, plan, note_score):
    everything = keys_of(plan(corpus))
    note_score(dict(zip(everything, (*TRANSIENT, *FATAL), strict=False)))
    assert keys_of(plan(corpus)) == everything


def test_a_terminal_reason_is_asked_again_only_when_told(corpus, plan, note_score):
    everything = keys_of(plan(corpus))
    note_score(dict(zip(everything, TERMINAL, strict=False)))
    assert keys_of(plan(corpus)) == everything[len(TERMINAL) :]
    assert keys_of(plan(corpus, retry_unscored=True)) == everything


def test_adding_and_reordering_dialogues_pays_only_for_new_turns(
    corpus, home, tmp_path, write_dialogues, ingest_file, plan, note_score
):
    note_score(dict.fromkeys(keys_of(plan(corpus)), 7.0))
    dialogues = {f"d{n}": (f"I lost my {n} keys.", "Oh no.", "Yes.", f"All {n}?") for n in reversed(range(5))}
    grown = {"new": ("I found them.", "Lovely."), **dialogues}
    (chunk,) = plan([ingest_file(home, write_dialogues(tmp_path / "e.jsonl", grown))])
    assert [planned.turn.response for planned in chunk] == ["Lovely."]


def test_nothing_to_do_is_a_plan_of_no_chunks(corpus, plan, note_score):
    note_score(dict.fromkeys(keys_of(plan(corpus)), 7.0))
    assert plan(corpus) == []


def write_replies(path, *lines):
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_recorded_replies_find_their_turns_by_place_or_by_key(corpus, plan, tmp_path):
    key = keys_of(plan(corpus))[0]
    replies = write_replies(
        tmp_path / "replies [1]*.jsonl",
        {"conv_id": "d1", "utterance_idx": 2, "reply": "one", "match": "exact"},
        {"dialogue_id": "d2", "utterance_idx": "4", "reply": "two"},
        {"turn_key": key, "reply": "three"},
        {"conv_id": "nowhere", "utterance_idx": 2, "reply": "four"},
        {"conv_id": "d3", "utterance_idx": 2, "reply": None},
    )
    found = {planned.reply for chunk in plan(corpus, replies) for planned in chunk}
    assert found >= {"one", "three", None}
    assert "four" not in found
    assert len(keys_of(plan(corpus, replies))) == 10


def test_of_two_recorded_replies_to_one_turn_the_same_one_is_always_taken(corpus, plan, tmp_path):
    lines = [{"conv_id": "d1", "utterance_idx": 2, "reply": reply} for reply in ("b", "a")]
    for order in (lines, lines[::-1]):
        chunks = plan(corpus, write_replies(tmp_path / "r.jsonl", *order))
        assert [planned.reply for chunk in chunks for planned in chunk if planned.reply] == ["a"]


USELESS = [
    (b'{"conv_id": "d1", "utterance_idx": 2, "reply": \n', "cannot be read"),
    (b"not json at all\n", "cannot be read"),
    (b'{"conv_id": "d1", "utterance_idx": "two", "reply": "x"}\n', "cannot be read"),
    (b'{"conv_id": "d1", "utterance_idx": 2, "reply": "x"}\n[[[[\n', "cannot be read"),
    (b"\xff\xfe\x00\x01\n", "cannot be read"),
    (b'{"reply": "\xff", "conv_id": "d1", "utterance_idx": 2}\n', "cannot be read"),
    (b'{"conv_id": "elsewhere", "utterance_idx": 2, "reply": "x"}\n', "None of the recorded replies"),
    (b'{"text": "x"}\n', "None of the recorded replies"),
    (b"", "None of the recorded replies"),
]


def test_recorded_replies_that_are_of_no_use_are_told_with_their_file(corpus, plan, tmp_path):
    path = tmp_path / "r.jsonl"
    for content, message in USELESS:
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=message) as caught:
            plan(corpus, path)
        assert caught.value.where == str(path)
        assert caught.value.do


def test_a_missing_file_of_replies_is_told(corpus, plan, tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ConfigError, match="no such file"):
            plan(corpus, path)


def test_a_second_run_of_replayed_replies_asks_nothing(corpus, home, tmp_path, score_corpus):
    path = write_replies(tmp_path / "r.jsonl", {"conv_id": "d1", "utterance_idx": 2, "reply": FORM})
    judge = JudgeConfig(kind="replies", replies_file=str(path))
    first = score_corpus(home, corpus, judge, "first")
    assert (first.coverage.n_scored, first.coverage.unscored) == (1, {"no_reply_recorded": 9})
    assert score_corpus(home, corpus, judge, "second").plan.n_turns == 0
    third = score_corpus(home, corpus, judge, "third", retry_unscored=True)
    assert (third.plan.n_turns, third.coverage.n_scored) == (9, 1)
