"""What the judge is asked; above all that no line of a dialogue can pose as an instruction of ours."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ScoreParseError
from tasks.schema import Turn, Utterance
from tasks.scoring import load_rubric, parse_reply
from tasks.scoring.prompting import AnswerForm, build_messages, escape, render_dialogue, response_format
from tasks.scoring.rubric import Rubric, parse_rubric

INJECTIONS = [json.loads(line) for line in (Path(__file__).parent / "injections.txt").read_text().splitlines()]
PAPER, ANCHORED = parse_rubric(load_rubric("paper")), parse_rubric(load_rubric("anchored"))
FORMS = get_args(AnswerForm)
LABEL = re.compile(r"\b(speaker|listener|system|user|assistant|rationality|sensibility|scores only)\W{0,4}:", re.I)
ORDINARY = Turn("k", (Utterance("speaker", "Hi."), Utterance("listener", "Hello."), Utterance("speaker", "Ah.")), "Oh.")


def make_turn(text, *, as_response):
    return Turn("k", (Utterance("speaker", "Hi." if as_response else text),), text if as_response else "Hello.")


def check_fence(turn):
    """The fence's four tags stand once, alone on their lines, and every other line is one utterance."""
    rendered = render_dialogue(turn)
    roles = [role.capitalize() for role, _ in turn.context]
    lines = rendered.splitlines()
    assert lines == rendered.split("\n")
    assert len(lines) == len(roles) + 5
    assert lines[0] == "<conversation>"
    assert lines[len(roles) + 1 : len(roles) + 3] == ["</conversation>", "<response>"]
    assert lines[-1] == "</response>"
    for role, line in zip([*roles, "Listener"], [*lines[1 : len(roles) + 1], lines[-2]], strict=True):
        label, text = line[: len(role) + 2], line[len(role) + 2 :]
        assert label == f"{role}: "
        assert not set(text) & set("<>[]{}＜＞﹤﹥｛｝\x00\x1b\u200b\u202e\ufeff")
        assert not LABEL.search(text)
    rendered.encode()  # what cannot be sent would fail here


@pytest.mark.parametrize("as_response", [True, False])
@pytest.mark.parametrize("text", INJECTIONS, ids=lambda text: ascii(text)[:30])
def test_an_injected_line_stays_inside_the_fence(text, as_response):
    turn = make_turn(text, as_response=as_response)
    check_fence(turn)
    check_fence(make_turn(f"{text}\n" * 300, as_response=as_response))
    with pytest.raises(ScoreParseError):
        parse_reply(render_dialogue(turn))  # nothing in it can be taken for an answer of the judge


def test_there_are_thirty_injected_lines_of_many_kinds():
    assert len(INJECTIONS) == len(set(INJECTIONS)) == 30
    assert sum("\n" in text or "\u2028" in text or "\x85" in text for text in INJECTIONS) >= 8
    assert sum(not text.isascii() for text in INJECTIONS) >= 8
    assert max(map(len, INJECTIONS)) > 1000


@given(
    context=st.lists(st.tuples(st.sampled_from(["speaker", "listener"]), st.text()), max_size=4),
    response=st.text() | st.lists(st.sampled_from(["Listener", ":", " ", "\u200b", "<", "\n", "x"])).map("".join),
)
def test_no_text_at_all_leaves_the_fence(context, response):
    check_fence(Turn("k", tuple(Utterance(role, text) for role, text in context), response))


def test_a_judge_that_reads_the_fence_alone_gets_every_utterance_back():
    expected = "<conversation>\nSpeaker: Hi.\nListener: Hello.\nSpeaker: Ah.\n</conversation>\n"
    assert render_dialogue(ORDINARY) == expected + "<response>\nListener: Oh.\n</response>"


@pytest.mark.parametrize(
    "text",
    [
        'She said "3 & 4 aren\'t 7" — naïve, 100 %? 😀',
        "At 10:30 :) it was: fine (really) 👩\u200d🚒 \U0001fae9",
        "日本語、ok",
    ],
)  # fmt: skip
def test_ordinary_words_reach_the_judge_unchanged(text):
    assert escape(text) == text


def test_escaping_twice_changes_nothing_more():
    once = [escape(text) for text in INJECTIONS]
    assert [escape(text) for text in once] == once


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rubric", [PAPER, ANCHORED], ids=["paper", "anchored"])
def test_the_rubric_is_the_system_message_and_the_rest_the_users(rubric, form):
    system, user = build_messages(rubric, ORDINARY, form)
    assert system == {"role": "system", "content": rubric.text}
    assert "origin:" not in rubric.text
    assert user["role"] == "user"
    assert user["content"].startswith(render_dialogue(ORDINARY))


def test_evidence_is_asked_for_as_json_in_every_form_and_before_its_score():
    asked = {build_messages(ANCHORED, ORDINARY, form)[1]["content"] for form in FORMS}
    assert len(asked) == 1
    keys = re.findall(r'^"(\w+)":', asked.pop(), re.MULTILINE)
    assert keys == ["rationality_evidence", "rationality", "sensibility_evidence", "sensibility"]
    schema = response_format(ANCHORED, "schema")["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == keys


def test_without_json_the_papers_form_is_asked_for():
    asked = build_messages(PAPER, ORDINARY, "plain")[1]["content"]
    assert asked.endswith("Evaluation Form (scores ONLY):\n- Rationality:\n- Sensibility:")
    assert build_messages(PAPER, ORDINARY, "json")[1]["content"].endswith(
        'Answer with a JSON object and nothing else: {"rationality": 0 to 10, "sensibility": 0 to 10}.'
    )


def test_a_complaint_is_the_last_word():
    for form in FORMS:
        asked = build_messages(PAPER, ORDINARY, form, "it was empty")[1]["content"]
        assert asked.endswith("Your last answer could not be used: it was empty")


@pytest.mark.parametrize("answer", ["scores", "evidence"])
def test_the_schema_is_strict_and_takes_whole_numbers_from_0_to_10(answer):
    asked = response_format(Rubric("x", answer), "schema")
    assert (asked["type"], asked["json_schema"]["strict"]) == ("json_schema", True)
    schema = asked["json_schema"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])
    assert [name for name in schema["required"] if schema["properties"][name]["type"] == "integer"] == [
        "rationality",
        "sensibility",
    ]
    assert schema["properties"]["sensibility"]["enum"] == list(range(11))
    assert json.loads(json.dumps(asked)) == asked


def test_json_mode_names_json_and_plain_words_need_no_format():
    assert response_format(PAPER, "json") == {"type": "json_object"}
    assert "JSON" in build_messages(PAPER, ORDINARY, "json")[1]["content"]
    assert response_format(PAPER, "plain") is None
    assert response_format(ANCHORED, "plain") is None
