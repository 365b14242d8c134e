"""What a reply to a comparison says: A, B or tie, in its usual dresses, and nothing else."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ScoreParseError
from tasks.scoring.verdict import VERDICTS, parse_verdict


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize(
    "form",
    [
        '{{"verdict": "{0}"}}',
        '```json\n{{"verdict": "{0}"}}\n```',
        '{{"reason": "B is warm.", "verdict": "{0}"}}',
        "Verdict: {0}",
        "**Verdict:** {0}.",
        "A says what it means, B does not.\nVerdict: {0}",
        "{0}",
        " [[{0}]]\n",
        "<think>Verdict: A, or rather B</think>\n{0}",
        'Verdict: {0}\n{{"verdict": "{0}"}}',
    ],
)
def test_a_verdict_is_read_in_its_usual_dresses(form, verdict):
    assert parse_verdict(form.format(verdict)) == verdict
    assert parse_verdict(form.format(verdict.upper())) == verdict


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Both are fine.",
        "A and B",
        "A or tie",
        "Verdict: C",
        "Verdict: A, no, B",
        "Verdict: A\nVerdict: B",
        '{"verdict": null}',
        '{"verdict": ["A"]}',
        '{"verdict": "A", "verdict": "B"}',
        '{"verdict": "A"}\nVerdict: B',
        '{"verdict": "A"',
        "<think>A",
    ],
)
def test_what_is_no_single_verdict_is_refused(reply):
    with pytest.raises(ScoreParseError):
        parse_verdict(reply)


@given(st.text())
def test_any_text_is_a_verdict_or_a_complaint(text):
    found = None
    with suppress(ScoreParseError):
        found = parse_verdict(text)
    assert found in (*VERDICTS, None)


@given(st.sampled_from(VERDICTS), st.text())
def test_words_in_a_json_sentence_are_never_the_verdict(verdict, text):
    assert parse_verdict(json.dumps({"reason": text, "verdict": verdict})) == verdict
