"""What a reply may look like, what is refused, and that nothing else can happen."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.errors import ScoreParseError
from tasks.scoring import ParsedScores, parse_reply


def read(text):
    parsed = parse_reply(text)
    return parsed.sensibility, parsed.rationality


def test_every_released_reply_is_read_and_stays_on_the_scale(shared_data):
    lines = (shared_data / "released_scores" / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    scores = [read(json.loads(line)["reply"]) for line in lines]
    assert len(scores) == 5734
    assert sum(s == 8 for s, _ in scores) / len(scores) == pytest.approx(0.57, abs=0.01)
    assert sum(r for _, r in scores) / len(scores) == pytest.approx(4.06, abs=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "Evaluation Form (scores ONLY):\n- Rationality: 3\n- Sensibility: 8",
        "- Sensibility: 8\n- Rationality: 3",
        "    Evaluation Form (scores ONLY):\n\n    - Rationality: 3\n    - Sensibility: 8\n   \n",
        "**Evaluation Form (scores ONLY):**\r\n\r\n- **Rationality:** 3\r\n- **Sensibility**: **8**\r\n",
        "__Rationality__: __3__\n_Sensibility: 8_",
        "Sensibility: 8/10\nRationality: 3 / 10",
        "Sensibility: **8**/10, Rationality: 3 out of 10.",
        "Sensibility score: 8 out of ten; Rationality rating is 3",
        "Sensibility (0-10): 8\nRationality (out of 10): 3",
        "| Sensibility | 8 |\n| Rationality | 3 |",
        "Sensibility = 8.0, Rationality = 3.00",
        "Sensibility - 8 (warm)\nRationality – 3 (thin)",
        "SENSIBILITY:8;rationality:3",
        "1. Rationality: 3\n2. Sensibility: 8",
        "```\nRationality: 3\nSensibility: 8\n```",
        '{"rationality": 3, "sensibility": 8}',
        '\n {"Rationality": "3", "Sensibility": "8/10", "evidence": "sensibility: 2"}\n',
        '```json\n{"rationality": 3, "sensibility": 8.0}\n```',
        '```{"rationality": 3, "sensibility": 8}```',
        'Here you are:\n```json\n{"rationality": 3, "sensibility": 8}\n```\nI hope this helps.',
        '{"scores": {"rationality": 3, "sensibility": 8}} I hope this helps.',
        "I looked at it with care. Sensibility: 8. Rationality: 3. The listener was kind 2 times.",
        "Sensibility: 8\nRationality: 3\nSo: sensibility 8, rationality 3",
        'I weighed it. {"rationality": 3, "sensibility": 8} That is all.',
        'As asked (in {braces}):\n{ "rationality": 3,\n "sensibility": "8" }\nSensibility: 8',
        '[{"rationality": 3}, {"sensibility": 8}]',
        '{"rationality": 3, "sensibility": 8}\n{"rationality": 3.0, "sensibility": "8/10"}',
        '{"evidence": "two\nlines", "rationality": 3, "sensibility": 8}',
        '{{"rationality": 3, "sensibility": 8}}',
        "<think>Sensibility: 2? No, more.</think>\nSensibility: 8\nRationality: 3",
        '\n<think>{"rationality": 9, "sensib</think>{"rationality": 3, "sensibility": 8}',
    ],
)
def test_the_usual_dresses_of_a_reply_are_read(text):
    assert read(text) == (8, 3)


EVIDENCE = (
    '{"rationality_evidence": "It says \\"sensibility 5\\", then rationality: 9 {\\"sensibility\\": 1} of 10.", '
    '"rationality": 3, "sensibility_evidence": "Sensibility: 2 or 4, 7/10; so sorry comes 3 times.", "sensibility": 8}'
)


@pytest.mark.parametrize("dress", ["{}", "```json\n{}\n```", "Here you are:\n{}\nSensibility: 8", "  {}\n\n"])
def test_numbers_and_labels_inside_sentences_of_evidence_do_not_count(dress):
    assert read(dress.replace("{}", EVIDENCE)) == (8, 3)


def test_halves_and_ten_are_scores():
    assert read("Sensibility: 7.5\nRationality: 10") == (7.5, 10)
    assert read('{"sensibility": 7.5, "rationality": 10}') == (7.5, 10)
    assert read("Sensibility: 0\nRationality: 10/10") == (0, 10)


def test_standard_deviations_are_read_where_the_judge_gave_them():
    reply = '{"sensibility": 7, "sensibility_sd": 0.5, "rationality": 3, "rationality_sd": null}'
    assert parse_reply(reply) == ParsedScores(7, 3, 0.5, None)


@pytest.mark.parametrize(
    "given",
    [
        "7-8", "7 – 8", "7 to 8", "7 or 8", "7 or maybe 8", "7/8", "7 (8)", "7 (or 8)", "7, 8", "7,5", "7 → 8",
        "7 => 8", "7 8", "7..8", "7 ± 1", "7/10 or 8/10", "7; 8", "7~8",
        "7. Or maybe 8.", "7/10\nor 8/10", "7\nOr rather 8", "7 (or maybe an 8)", "7, no, 8", "7 - wait, make that 8",
        "7/10 (could also be 8)", "between 7 and 8", "7/100",
        "7 out of 5", "7 out of five", "7%", "7 %", "0.7e1", "7th", "7½", "7²", "7.5.1", "1_0",
        "11", "-1", "10.01", "11/10", "99999999999", "1e1", "NaN", "inf", "ten", "high", "N/A", "?", "", "٧", "７",
    ],
)  # fmt: skip
def test_an_answer_that_is_not_one_number_on_the_scale_is_refused(given):
    with pytest.raises(ScoreParseError):
        parse_reply(f"Rationality: 3\nSensibility: {given}")


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1", "10.5", "true", "null", "[7]", '{"score": 7}', '"7-8"', '"high"',
     "1" * 5000, '"' + "1" * 50 + '"', '"7/100"', '""', '"1e1"'],
)  # fmt: skip
def test_a_json_value_that_is_not_one_number_on_the_scale_is_refused(value):
    with pytest.raises(ScoreParseError):
        parse_reply(f'{{"rationality": 3, "sensibility": {value}}}')


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "I am sorry, I cannot rate this.", "Sensibility: 8", "Rationality: 3", "8\n3",
        "Evaluation Form (scores ONLY):\n- Rationality:\n- Sensibility:", "1. Rationality:\n2. Sensibility: 8",
        "Rationality/Sensibility: 3/8", "Insensibility: 8\nRationality: 3",
        "Sensibility: 8\nRationality: 3\nOn reflection, sensibility: 6",
        '{"sensibility": 8, "rationality": 3, "sensibility": 7}',
        '{"sensibility": 8, "Sensibility": 7, "rationality": 3}',
        '{"sensibility": 8, "rationality": 3} On reflection, sensibility: 6', '{"sensibility": 8, "rationality": 1',
        '{"sensibility": 8, "rationality": 3, "sensibility_sd": -1}',
        '{"sensibility": 8, "rationality": 3, "rationality_sd": NaN}',
        '{"sensibility": 8, "rationality": 3}\n{"sensibility": 7, "rationality": 3}',
        'Sensibility: 7. {"sensibility": 8, "rationality": 3}',
        '[{"sensibility": 8, "rationality": 3}, {"sensibility": 9}]',
        '{"scores": {"sensibility": 8, "rationality": 3}, "sensibility": 6}', 'See {"sensibility": 8, "rationality": 1',
        "See {'rationality_evidence': 'sensibility 5', 'rationality': 3}",
        '{"sensibility": 8}\nRationality: 3, {"a": }',
        '{"evidence": "sensibility: 8, rationality: 3"}', '"{\\"sensibility\\": 8, \\"rationality\\": 3}"',
        "<think>Sensibility: 8\nRationality: 3</think>", "<think>Sensibility: 8\nRationality: 3",
        '{"sensibility": 8}', "{}", "{",
    ],
)  # fmt: skip
def test_a_missing_or_contradictory_answer_is_refused(text):
    with pytest.raises(ScoreParseError):
        parse_reply(text)


PIECES = st.sampled_from(
    [*"0123456789", "10", "-1", ".5", "/10", " out of 10", "sensibility", "Rationality", "score", ":", " ", "\n", "- ",
     "**", "_", "`", "```", "{", "}", "[", '"', ",", "(", ")", "-", "or", "NaN", "null", "json", "\u0660", "\x00", "½",
     '{"sensibility": 8, "rationality": 3}', "Sensibility: 8\n", "Rationality: 3\n"]
)  # fmt: skip


def check(text):
    try:
        parsed = parse_reply(text)
    except ScoreParseError:
        return
    assert isinstance(parsed, ParsedScores)
    assert 0 <= parsed.sensibility <= 10
    assert 0 <= parsed.rationality <= 10
    assert parsed.sensibility_sd is None or 0 <= parsed.sensibility_sd < float("inf")


@given(st.text())
@example("\ud800")
@example('{"a":' * 100_000)
@example("[" * 100_000)
@example("x {" + '{"a":' * 100_000)
def test_any_text_is_scores_on_the_scale_or_refused(text):
    check(text)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_any_jumble_of_the_pieces_of_a_reply_is_scores_on_the_scale_or_refused(text):
    check(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["sensibility", "Rationality", "rationality", "sensibility_sd", "x"]), VALUES))
def test_any_json_object_is_scores_on_the_scale_or_refused(values):
    check(json.dumps(values))


@given(sensibility=st.floats(0, 10), rationality=st.integers(0, 10), is_json=st.booleans())
def test_what_is_written_plainly_is_read_back(sensibility, rationality, is_json):
    sensibility = round(sensibility, 3)
    form = f"- Rationality: {rationality}\n- Sensibility: {sensibility:f}"
    reply = json.dumps({"sensibility": sensibility, "rationality": rationality}) if is_json else form
    assert read(reply) == (sensibility, rationality)


@pytest.mark.parametrize(
    "text",
    ["sensibility" + " " * 200_000, "```\n" + "\n" * 200_000, "sensibility " * 20_000, " " * 200_000 + "```x```",
     '{"a": "' * 50_000, "{" + " " * 200_000, '{"a": 1}' * 50_000, "<think>" * 50_000,
     "sensibility: 7 or" + " or" * 90_000,
     "sensibility: " + "1" * 200_000, "sensibility" + "*" * 200_000 + "8", "sensibility: 7" + " " * 200_000 + "8"],
    ids=lambda text: text.strip()[:20],
)  # fmt: skip
def test_a_huge_reply_takes_no_time(text):
    started = time.perf_counter()
    check(text)
    assert time.perf_counter() - started < 2


SENTENCES = st.lists(
    st.sampled_from(["sensibility", "rationality: 4", " ", "10", "/10", "{", '"', "\\", "is", "}", "\n"])
).map("".join)


@given(
    sentences=st.tuples(SENTENCES, SENTENCES),
    scores=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    dress=st.sampled_from(["{}", "Well: {}", "```json\n{}\n```", "{}\nI hope this helps.", "<think>9</think>{}"]),
    indent=st.sampled_from([None, 2]),
)
def test_evidence_of_any_wording_leaves_the_scores_alone(sentences, scores, dress, indent):
    names = ("rationality_evidence", "rationality", "sensibility_evidence", "sensibility")
    values = (sentences[0], scores[1], sentences[1], scores[0])
    reply = json.dumps(dict(zip(names, values, strict=True)), indent=indent)
    assert read(dress.replace("{}", reply)) == scores


@given(first=st.integers(0, 10), second=st.integers(0, 10), is_json=st.tuples(st.booleans(), st.booleans()))
def test_two_answers_count_only_where_they_agree(first, second, is_json):
    answers = [
        f'{{"sensibility": {number}, "rationality": 3}}' if as_json else f"Sensibility: {number}\nRationality: 3"
        for number, as_json in zip((first, second), is_json, strict=True)
    ]
    if first == second:
        assert read("\n".join(answers)) == (first, 3)
    else:
        with pytest.raises(ScoreParseError, match="contradicts itself"):
            parse_reply("\n".join(answers))
