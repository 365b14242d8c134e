"""What the journal alone says of turns is what the tables say of them, and of what is asked again."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring import JudgeIdentity, commit_segments, read_answers
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.reasons import ASKED_AGAIN, TERMINAL

GOOD = "Rationality: 3\nSensibility: 8"
POINT, LOGPROBS, SAMPLES = (
    JudgeIdentity(f"id-{method}", "gpt", "openai", "x", "gpt", "paper", "Rate it.",
                  {"temperature": 1.0, "method": method, "n_samples": 3})
    for method in ("point", "logprobs", "samples")
)  # fmt: skip

replies = st.sampled_from([GOOD, "Rationality: 9\nSensibility: 1", "Rather warm.", None])
errors = st.sampled_from([None, None, None, "rate_limit", "refusal", "truncated", "too_long", "auth", "interrupted"])


@st.composite
def attempts(draw, method):
    """Attempts at three turns by one method, at different times, in any order."""
    times = draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=9, unique=True))
    found = []
    for time in times:
        error, choices = draw(errors), None
        reply = draw(replies) if error is None else None
        how = draw(st.sampled_from(["point", method, "samples"]))  # an endpoint without log-probabilities gives samples
        if how == "samples":
            choices = draw(st.none() | st.lists(replies.filter(bool), min_size=1, max_size=4))
            reply = choices[0] if choices else reply
        found.append(Attempt(draw(st.sampled_from("abc")), "r", time / 1000, 0.1, reply=reply, error_class=error,
                             method=how, choices=choices, cost_usd=0.5))  # fmt: skip
    return found


@pytest.mark.parametrize("judge", [POINT, LOGPROBS, SAMPLES], ids=lambda judge: judge.judge_id)
@given(data=st.data())
@settings(max_examples=60)
def test_answers_are_what_the_tables_say(empty_tables, judge, data):
    made = data.draw(attempts(judge.parameters["method"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "journal"
        with SegmentWriter(folder, "run-0") as writer:
            writer.append(*made)
        tables = empty_tables()
        commit_segments(tables, folder, judge)
        rows = tables.execute("SELECT turn_key, sensibility, rationality, unscored_reason FROM scores").fetchall()
        answers = read_answers(folder, judge)
    told = {
        key: (one.scores.sensibility, one.scores.rationality, None) if one.scores else (None, None, one.reason)
        for key, one in answers.items()
    }
    assert told == {key: tuple(values) for key, *values in rows}
    for key, one in answers.items():
        assert one.cost_usd == 0.5 * sum(attempt.turn_key == key for attempt in made)
        if one.scores or one.reason == "too_long":
            assert one.is_final
        elif one.reason in ASKED_AGAIN:
            assert not one.is_final
        else:
            assert one.reason in TERMINAL


@pytest.mark.parametrize(
    ("values", "n", "is_final"),
    [
        ({"reply": "Rather warm."}, 1, False),
        ({"reply": "Rather warm."}, 3, True),
        ({"error_class": "refusal"}, 2, False),
        ({"error_class": "refusal"}, 3, True),
        ({"reply": "Rather warm.", "method": "recorded"}, 1, True),
        ({"error_class": "no_reply_recorded", "method": "recorded"}, 1, True),
        ({"error_class": "timeout"}, 6, False),
    ],
)
def test_a_turn_is_asked_on_until_its_tries_are_used(tmp_path, values, n, is_final):
    with SegmentWriter(tmp_path, "run-0") as writer:
        writer.append(*(Attempt("a", "r", 1.0 + number, 0.1, **values) for number in range(n)))
    answer = read_answers(tmp_path, POINT)["a"]
    assert (answer.scores, answer.is_final) == (None, is_final)


def test_samples_that_are_paid_for_are_counted(tmp_path):
    with SegmentWriter(tmp_path, "run-0") as writer:
        writer.append(Attempt("a", "r", 1.0, 0.1, reply=GOOD, choices=[GOOD, "Lovely.", GOOD], method="samples"))
    answer = read_answers(tmp_path, SAMPLES)["a"]
    assert (answer.reason, answer.n_samples, answer.is_final) == ("too_few_samples", 2, False)
