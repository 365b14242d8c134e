"""What came of a call, read from JSON that nobody vouches for: never an exception, never a wrong type."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scoring.engine.outcomes import classify_refusal, read_completion, read_message, scrub
from tasks.scoring.ledger.journal import Attempt, decode_attempt, encode_attempt
from tasks.scoring.reasons import FATAL, TERMINAL, TRANSIENT

NAMES = ["choices", "message", "content", "refusal", "finish_reason", "usage", "prompt_tokens", "completion_tokens",
         "prompt_tokens_details", "cached_tokens", "model", "system_fingerprint", "logprobs", "top_logprobs", "token",
         "logprob", "error", "code", "type", "param", "stop", "length", "content_filter"]  # fmt: skip
WORDS = st.sampled_from(NAMES) | st.text(max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6))


def _objects(**fields):
    """Objects with the right names and, half of the time, the right kind of value under them."""
    return st.fixed_dictionaries({}, optional={name: inner | JSON for name, inner in fields.items()})


TOKEN = _objects(token=st.text(max_size=3), logprob=st.floats(), top_logprobs=st.lists(
    _objects(token=st.text(max_size=3), logprob=st.floats()), max_size=3))  # fmt: skip
CHOICE = _objects(
    message=_objects(content=st.text(), refusal=st.text()), finish_reason=WORDS,
    logprobs=_objects(content=st.lists(TOKEN, max_size=4)),
)  # fmt: skip
COMPLETION = _objects(
    choices=st.lists(CHOICE, max_size=3), model=st.text(), system_fingerprint=st.text(),
    usage=_objects(prompt_tokens=st.integers(), completion_tokens=st.integers(),
                   prompt_tokens_details=_objects(cached_tokens=st.integers())),
)  # fmt: skip


@given(COMPLETION | JSON)
def test_whatever_json_comes_becomes_fields_of_the_right_types_that_the_journal_keeps(payload):
    found = read_completion(payload)
    assert isinstance(found["reply"], str)
    assert found["error_class"] in (None, "server", "refusal", "truncated")
    for name in ("finish_reason", "model", "system_fingerprint"):
        assert found[name] is None or isinstance(found[name], str)
    for name in ("tokens_in", "tokens_cached", "tokens_out"):
        assert found[name] is None or (type(found[name]) is int and found[name] >= 0)
    assert found["choices"] is None or all(isinstance(reply, str) for reply in found["choices"])
    attempt = Attempt("t", "r", 1.0, 0.1, **found)
    kept = decode_attempt(encode_attempt(attempt))
    assert (kept.error_class, kept.logprobs) == (attempt.error_class, attempt.logprobs)


@given(st.integers(400, 599), _objects(error=_objects(code=WORDS, type=WORDS, message=st.text())) | JSON)
def test_whatever_refusal_comes_has_a_class_and_words(status, payload):
    error_class, _ = classify_refusal(status, payload)
    assert error_class in {*TRANSIENT, *FATAL, *TERMINAL}
    assert isinstance(read_message(payload, "Bad gateway"), str)
    assert error_class in ("server", "quota") or status < 500


@pytest.mark.parametrize(
    ("status", "code", "error_class"),
    [
        (400, "x", "invalid_request"), (401, "x", "auth"), (402, "x", "quota"), (403, "x", "auth"),
        (404, "x", "invalid_request"), (408, "x", "server"), (409, "x", "server"), (422, "x", "invalid_request"),
        (429, "rate_limit_exceeded", "rate_limit"), (429, "insufficient_quota", "quota"),
        (429, "billing_hard_limit_reached", "quota"), (500, "x", "server"), (503, "x", "server"), (529, "x", "server"),
        (400, "content_filter", "refusal"), (400, "context_length_exceeded", "too_long"), (413, "x", "too_long"),
    ],
)  # fmt: skip
def test_every_status_has_its_class(status, code, error_class):
    assert classify_refusal(status, {"error": {"message": "Because.", "code": code}})[0] == error_class
    assert classify_refusal(status, {"error": {"message": "Because.", "type": code}})[0] == error_class


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"error": {"message": "Too long.", "param": "messages"}}, "Too long. (parameter: messages)"),
        ({"error": {"message": "No.", "param": None}}, "No."), ({"error": "No."}, "No."), ({"message": "No."}, "No."),
        ({"error": {}}, "<html>"), (None, "<html>"), ([], "<html>"), ({"detail": "x"}, "<html>"),
    ],
)  # fmt: skip
def test_what_an_endpoint_says_is_found_wherever_it_stands(payload, said):
    assert read_message(payload, "<html>") == said


def test_the_samples_of_a_call_are_kept_and_one_that_was_cut_off_says_nothing():
    choices = [
        {"message": {"content": f"reply {n}"}, "finish_reason": "length" if n == 1 else "stop"} for n in range(3)
    ]
    found = read_completion({"choices": choices})
    assert (found["reply"], found["choices"]) == ("reply 0", ["reply 0", "", "reply 2"])
    assert read_completion({"choices": choices[:1]})["choices"] is None


@pytest.mark.parametrize("key", ["sk-proj-abcdef123456", "my-own-secret-token", "Zm9vYmFyYmF6cXV4"])
def test_our_key_is_cut_out_of_what_an_endpoint_echoes(key):
    assert key not in scrub(f"Incorrect API key provided: {key}. See the docs.", key)
    assert key not in scrub(json.dumps({"headers": {"authorization": f"Bearer {key}"}}), key)


def test_what_looks_like_a_key_is_cut_out_whosever_it_is():
    assert scrub("sk-proj-abcdef123456 and hf_abcdefghij but task-list", "none") == "[key] and [key] but task-list"
