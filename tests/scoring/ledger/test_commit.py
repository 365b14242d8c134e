"""What the tables say is a function of the journal: whatever the order, however often."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring import JudgeIdentity, commit_segments, register_judge
from tasks.scoring.ledger.journal import Attempt, SegmentWriter

GOOD, BETTER = "Rationality: 3\nSensibility: 8", "Rationality: 4\nSensibility: 9"
LLM = JudgeIdentity("id-llm", "gpt-paper", "openai", "api.example", "gpt", "paper", "Rate it.", {"temperature": 0.0})
LOCAL = JudgeIdentity("id-local", "distilled", "distilled", "", "distilled", "", "", {"weights": "x"})


def attempt(key, sent_at, reply=GOOD, error_class=None, **values):
    return Attempt(key, "request", sent_at, 0.25, reply=reply, error_class=error_class, **values)


def write(folder, name, *attempts):
    with SegmentWriter(folder, name) as writer:
        writer.append(*attempts)


def commit(tables, folder, judge=LLM):
    return commit_segments(tables, folder, judge)


def ask(tables, query):
    return tables.execute(query).fetchall()


def scores(tables):
    rows = ask(tables, "SELECT turn_key, sensibility, rationality, unscored_reason FROM scores ORDER BY turn_key")
    return {key: (s, r) if reason is None else reason for key, s, r, reason in rows}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


def test_replies_become_scores_and_failures_reasons(tables, folder):
    write(
        folder, "run-0",
        attempt("a", 1.0), attempt("b", 1.0, "Lovely.", None), attempt("c", 1.0, "I cannot.", "refusal"),
        attempt("d", 1.0, None, "rate_limit", http_status=429), attempt("e", 1.0, '{"rationality": 1', "truncated"),
    )  # fmt: skip
    committed = commit(tables, folder)
    assert (committed.n_attempts, committed.n_changed) == (5, 5)
    assert scores(tables) == {
        "a": (8, 3), "b": "unparseable", "c": "refusal", "d": "rate_limit", "e": "truncated",
    }  # fmt: skip


def test_committing_again_changes_nothing(tables, folder):
    write(folder, "run-0", attempt("a", 1.0), attempt("b", 1.0, None, "timeout"))
    commit(tables, folder)
    before = scores(tables)
    again = commit(tables, folder)
    assert (again.n_attempts, again.n_changed) == (0, 0)
    assert scores(tables) == before
    assert ask(tables, "SELECT count(*) FROM attempts") == [(2,)]


def test_the_open_segment_of_a_killed_run_counts_up_to_its_torn_line(tables, folder):
    write(folder, "run-0", attempt("a", 1.0), attempt("b", 2.0))
    (path,) = folder.iterdir()
    content = path.read_bytes()
    path.unlink()
    (folder / "run-0-00000.jsonl.open").write_bytes(content[:-9])
    assert commit(tables, folder).n_attempts == 1
    assert scores(tables) == {"a": (8, 3)}


def test_an_attempt_keeps_what_the_endpoint_said(tables, folder):
    write(
        folder, "run-0",
        attempt("a", 1_800_000_000.5, http_status=200, finish_reason="stop", model="gpt-x", system_fingerprint="fp",
                tokens_in=90, tokens_cached=10, tokens_out=12),
        attempt("b", 2.0, "lovely", None),
    )  # fmt: skip
    commit(tables, folder)
    (row, other) = ask(
        tables,
        "SELECT judge_id, epoch(sent_at), http_status, error_class, finish_reason, model, system_fingerprint, "
        "tokens_in, tokens_cached, tokens_out, cost_usd, latency_s, reply FROM attempts ORDER BY turn_key",
    )
    assert row == ("id-llm", 1_800_000_000.5, 200, None, "stop", "gpt-x", "fp", 90, 10, 12, None, 0.25, GOOD)
    assert other[3] == "unparseable"


def test_a_call_keeps_what_it_cost_when_it_was_made_and_an_unknown_price_stays_unknown(tables, folder):
    write(folder, "run-0", attempt("a", 1.0, cost_usd=0.00125), attempt("b", 1.0), attempt("c", 1.0, cost_usd=0.0))
    commit(tables, folder)
    assert ask(tables, "SELECT cost_usd FROM attempts ORDER BY turn_key") == [(0.00125,), (None,), (0.0,)]


@pytest.mark.parametrize("kind", ["distilled", "replies"])
def test_a_judge_that_asks_nobody_costs_nothing(tables, folder, kind):
    write(folder, "run-0", attempt("a", 1.0))
    commit(tables, folder, replace(LOCAL, kind=kind))
    assert ask(tables, "SELECT cost_usd FROM attempts") == [(0.0,)]


def test_a_score_is_never_overwritten_by_a_later_failure(tables, folder):
    write(folder, "run-0", attempt("a", 1.0))
    commit(tables, folder)
    write(folder, "run-1", attempt("a", 2.0, None, "server"), attempt("a", 3.0, "no", "refusal"))
    assert commit(tables, folder).n_changed == 0
    assert scores(tables) == {"a": (8, 3)}


def test_a_later_success_replaces_a_reason_and_a_later_reason_an_earlier_one(tables, folder):
    write(folder, "run-0", attempt("a", 1.0, None, "rate_limit"), attempt("b", 1.0, None, "timeout"))
    commit(tables, folder)
    write(folder, "run-1", attempt("a", 2.0), attempt("b", 2.0, "no", "refusal"))
    assert commit(tables, folder).n_changed == 2
    assert scores(tables) == {"a": (8, 3), "b": "refusal"}


def test_scores_of_two_judges_stand_side_by_side(tables, tmp_path):
    write(tmp_path / "llm", "run-0", attempt("a", 1.0))
    write(tmp_path / "local", "run-0", attempt("a", 1.0, BETTER))
    commit(tables, tmp_path / "llm", LLM)
    commit(tables, tmp_path / "local", LOCAL)
    assert ask(tables, "SELECT judge_id, sensibility FROM scores ORDER BY 1") == [("id-llm", 8), ("id-local", 9)]


def test_a_reply_that_no_text_encoding_takes_is_committed_all_the_same(tables, folder):
    write(folder, "run-0", attempt("a", 1.0, f"{GOOD}\n\ud83d \x00 end"))
    commit(tables, folder)
    assert scores(tables) == {"a": (8, 3)}
    assert ask(tables, "SELECT reply FROM attempts") == [(f"{GOOD}\n? \x00 end",)]


def test_more_segments_than_fit_one_batch_are_all_merged(tables, folder):
    folder.mkdir()
    for number in range(450):
        line = {"turn_key": f"t{number}", "request_key": "r", "sent_at": 1.0, "latency_s": 0.1, "reply": GOOD}
        (folder / f"run-{number:05d}.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    committed = commit(tables, folder)
    assert (committed.n_attempts, committed.n_changed) == (450, 450)


def test_a_judge_keeps_its_alias_whoever_else_has_it(tables):
    for judge_id in ("one", "two", "two", "three"):
        register_judge(tables, JudgeIdentity(judge_id, "gpt", "openai", "x", "gpt", "paper", "Rate.", {}))
    found = ask(tables, "SELECT judge_id, alias FROM judges ORDER BY judge_id")
    assert found == [("one", "gpt"), ("three", "gpt"), ("two", "gpt")]
    assert ask(tables, "SELECT name, text FROM rubrics") == [("paper", "Rate.")]


OUTCOMES = st.sampled_from(
    [(GOOD, None), (BETTER, None), ("Lovely.", None), (None, "rate_limit"), (None, "server"), ("no", "refusal"),
     ("{", "truncated"), ("wrong key", "auth")]
)  # fmt: skip
SEGMENTS = st.lists(st.lists(st.tuples(st.sampled_from("abc"), OUTCOMES), min_size=1, max_size=4), max_size=5)


@settings(max_examples=40)
@given(segments=SEGMENTS, order=st.randoms(use_true_random=False), n_commits=st.integers(1, 3))
def test_the_tables_are_the_same_in_whatever_order_and_however_often_segments_come(
    tmp_path_factory, empty_tables, segments, order, n_commits
):
    tables = empty_tables()
    made, expected = [], {}
    clock = iter(range(1, 1000))
    for segment in segments:
        made.append([attempt(key, float(next(clock)), *outcome) for key, outcome in segment])
    for one in [one for segment in made for one in segment]:
        value = {GOOD: (8, 3), BETTER: (9, 4)}.get(one.reply) or one.error_class or "unparseable"
        if not isinstance(expected.get(one.turn_key), tuple):
            expected[one.turn_key] = value
    order.shuffle(made)
    tmp_path = tmp_path_factory.mktemp("commit")
    for number, segment in enumerate(made):
        write(tmp_path / "journal", f"{order.randrange(10)}-{number}", *segment)
        if number % n_commits == 0:
            commit(tables, tmp_path / "journal")
    commit(tables, tmp_path / "journal")
    commit(tables, tmp_path / "journal")
    assert scores(tables) == expected
    assert ask(tables, "SELECT count(*) FROM attempts") == [(sum(len(segment) for segment in made),)]
