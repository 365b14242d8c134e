"""Every method makes its scores of the replies it has, and of no more than it has."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring import JudgeIdentity, ParsedScores, commit_segments
from tasks.scoring.expected import pool_samples
from tasks.scoring.ledger.journal import Attempt, SegmentWriter

GOOD = "Rationality: 3\nSensibility: 8"
LLM = JudgeIdentity("id-llm", "gpt-paper", "openai", "api.example", "gpt", "paper", "Rate it.", {"temperature": 0.0})
SAMPLER = JudgeIdentity("id-samples", "gpt-s", "openai", "x", "gpt", "paper", "Rate it.",
                        {"temperature": 1.0, "method": "samples", "n_samples": 3})  # fmt: skip
EXPECTER = JudgeIdentity("id-logprobs", "gpt-l", "openai", "x", "gpt", "paper", "Rate it.", {"method": "logprobs"})


def attempt(key, sent_at, reply=GOOD, error_class=None, **values):
    return Attempt(key, "request", sent_at, 0.25, reply=reply, error_class=error_class, **values)


def sample(key, sent_at, *ratings, error_class=None):
    """A call for several replies, one for each rating; None is a reply that cannot be read."""
    choices = ["Lovely." if rating is None else rate(rating) for rating in ratings]
    return attempt(
        key, sent_at, choices[0] if choices else None, error_class, method="samples", choices=choices or None
    )


def rate(rating):
    return f"Rationality: {10 - rating}\nSensibility: {rating}"


def write(folder, name, *attempts):
    with SegmentWriter(folder, name) as writer:
        writer.append(*attempts)


def ask(tables, query):
    return tables.execute(query).fetchall()


def scores(tables):
    rows = ask(tables, "SELECT turn_key, sensibility, rationality, unscored_reason FROM scores ORDER BY turn_key")
    return {key: (s, r) if reason is None else reason for key, s, r, reason in rows}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


def test_an_attempt_keeps_how_it_was_asked_and_all_its_replies(tables, folder):
    write(folder, "run-0", sample("a", 1.0, 7, 8), attempt("b", 1.0, method="distilled"), attempt("c", 1.0))
    commit_segments(tables, folder, LLM)
    found = ask(tables, "SELECT method, choices, reply FROM attempts ORDER BY turn_key")
    assert found == [("samples", [rate(7), rate(8)], rate(7)), ("distilled", None, GOOD), ("point", None, GOOD)]
    assert ask(tables, "SELECT n_samples FROM attempts ORDER BY turn_key") == [(2,), (None,), (None,)]
    assert ask(tables, "SELECT method FROM scores ORDER BY turn_key") == [("samples",), ("distilled",), ("point",)]


def test_an_expected_score_is_made_of_the_log_probabilities(tables, folder):
    half = math.log(0.5)
    logprobs = [["Rationality: ", None], ["3", {"3": half, "4": half}], ["\nSensibility: ", None], ["8", {"8": 0.0}]]
    write(folder, "run-0", attempt("a", 1.0, method="logprobs", logprobs=logprobs))
    commit_segments(tables, folder, EXPECTER)
    (row,) = ask(tables, "SELECT rationality, rationality_sd, sensibility, sensibility_sd, method FROM scores")
    assert row == (pytest.approx(3.5), pytest.approx(0.5), pytest.approx(8), pytest.approx(0), "logprobs")


def test_a_reply_without_the_log_probabilities_it_needs_makes_no_score(tables, folder):
    write(
        folder, "run-0",
        attempt("a", 1.0, GOOD, "no_logprobs", method="logprobs"), attempt("b", 1.0, method="logprobs"),
    )  # fmt: skip
    commit_segments(tables, folder, EXPECTER)
    assert scores(tables) == {"a": "no_logprobs", "b": "no_logprobs"}


def test_what_a_judge_without_log_probabilities_falls_back_to_is_five_samples(tables, folder):
    write(folder, "run-0", attempt("a", 1.0, GOOD, "no_logprobs", method="logprobs"), sample("a", 2.0, 4, 5, 6, 7))
    commit_segments(tables, folder, EXPECTER)
    assert scores(tables) == {"a": "too_few_samples"}
    write(folder, "run-1", sample("a", 3.0, 8, 10))
    assert commit_segments(tables, folder, EXPECTER).n_changed == 1
    assert scores(tables) == {"a": (6, 4)}
    assert ask(tables, "SELECT method FROM scores") == [("samples",)]


def test_samples_of_several_calls_and_commits_are_pooled_and_those_that_do_not_parse_left_out(tables, folder):
    write(folder, "run-0", sample("a", 1.0, 2, None), sample("b", 1.0, None, None))
    commit_segments(tables, folder, SAMPLER)
    assert scores(tables) == {"a": "too_few_samples", "b": "unparseable"}
    write(folder, "run-1", sample("a", 2.0, 4), sample("a", 3.0, None, 6))
    commit_segments(tables, folder, SAMPLER)
    assert scores(tables) == {"a": (4, 6), "b": "unparseable"}
    assert ask(tables, "SELECT sensibility_sd > 0 FROM scores WHERE turn_key = 'a'") == [(True,)]


def test_the_first_samples_count_by_the_time_of_the_calls_and_later_ones_change_nothing(tables, folder):
    write(folder, "run-0", sample("a", 5.0, 9, 9, 9))
    commit_segments(tables, folder, SAMPLER)
    write(folder, "run-1", sample("a", 6.0, 1, 1))
    assert commit_segments(tables, folder, SAMPLER).n_changed == 0
    write(folder, "run-2", sample("a", 1.0, 3, 3))
    assert commit_segments(tables, folder, SAMPLER).n_changed == 1
    assert scores(tables) == {"a": (5, 5)}


def test_too_few_samples_have_the_reason_of_the_last_call_where_that_is_for_good(tables, folder):
    write(
        folder, "run-0",
        sample("a", 1.0, 2), sample("a", 2.0, error_class="refusal"),
        sample("b", 1.0, 2), sample("b", 2.0, error_class="rate_limit"),
        sample("c", 1.0, error_class="refusal"), sample("c", 2.0, 2),
        sample("d", 1.0, error_class="timeout"),
    )  # fmt: skip
    commit_segments(tables, folder, SAMPLER)
    assert scores(tables) == {"a": "refusal", "b": "too_few_samples", "c": "too_few_samples", "d": "timeout"}


def test_an_error_is_that_of_the_first_reply_and_the_others_of_the_call_count(tables, folder):
    write(folder, "run-0", sample("a", 1.0, 1, 8, 7, 9, error_class="truncated"))
    commit_segments(tables, folder, SAMPLER)
    assert scores(tables) == {"a": (8, 2)}
    assert ask(tables, "SELECT error_class, n_samples FROM attempts") == [("truncated", 3)]


RATINGS = st.lists(st.integers(0, 10) | st.none(), min_size=1, max_size=4)
CALLS = st.tuples(st.sampled_from("ab"), st.sampled_from(["refusal", "timeout"]) | RATINGS)


def expect_pooled(calls):
    """Reference: the first three samples of a turn's calls, else why there are fewer."""
    samples = [
        ParsedScores(rating, 10 - rating)
        for call in calls if not isinstance(call, str) for rating in call if rating is not None
    ]  # fmt: skip
    if len(samples) >= 3:
        pooled = pool_samples(samples[:3])
        return (pooled.sensibility, pooled.rationality)
    last = calls[-1]
    if isinstance(last, str):
        return last if last == "refusal" or not samples else "too_few_samples"
    return "too_few_samples" if any(rating is not None for rating in last) else "unparseable"


@settings(max_examples=40)
@given(
    segments=st.lists(st.lists(CALLS, min_size=1, max_size=4), max_size=5),
    order=st.randoms(use_true_random=False),
    n_commits=st.integers(1, 3),
)
def test_samples_are_pooled_alike_in_whatever_order_and_however_often_segments_come(
    tmp_path_factory, empty_tables, segments, order, n_commits
):
    tables = empty_tables()
    made, asked = [], {}
    clock = iter(range(1, 1000))
    for segment in segments:
        for key, call in segment:
            asked.setdefault(key, []).append(call)
        made.append([
            sample(key, next(clock), error_class=call) if isinstance(call, str) else sample(key, next(clock), *call)
            for key, call in segment
        ])  # fmt: skip
    order.shuffle(made)
    folder = tmp_path_factory.mktemp("commit") / "journal"
    for number, segment in enumerate(made):
        write(folder, f"{order.randrange(10)}-{number}", *segment)
        if number % n_commits == 0:
            commit_segments(tables, folder, SAMPLER)
    commit_segments(tables, folder, SAMPLER)
    assert commit_segments(tables, folder, SAMPLER).n_changed == 0
    assert scores(tables) == {key: expect_pooled(calls) for key, calls in asked.items()}
