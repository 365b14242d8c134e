"""A turn as chat messages: alternating roles, and one text for training and for asking."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tasks.chat import (
    EMPATHY_INSTRUCTION,
    TURN_TEMPLATE,
    add_instruction,
    format_prompt,
    to_messages,
    to_utterances,
)
from tasks.schema import Utterance

CONTEXT = (Utterance("speaker", "I won!"), Utterance("listener", "Wow."), Utterance("speaker", "Yes."))
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1)
UTTERANCES = st.lists(st.builds(Utterance, st.sampled_from(["speaker", "listener"]), TEXTS), min_size=1, max_size=6)


def render(messages, *, add_generation_prompt=False):
    """Render as transformers does."""
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(TURN_TEMPLATE)
    return template.render(messages=messages, bos_token="<bos>", add_generation_prompt=add_generation_prompt)


def test_speaker_is_user_and_listener_is_assistant():
    assert to_messages(CONTEXT) == [
        {"role": "user", "content": "I won!"},
        {"role": "assistant", "content": "Wow."},
        {"role": "user", "content": "Yes."},
    ]
    assert to_utterances(to_messages(CONTEXT)) == CONTEXT


def test_neighbours_of_one_role_are_joined_and_the_utterances_are_left_as_they_are():
    utterances = [Utterance("speaker", "I"), Utterance("speaker", "won"), Utterance("listener", "Wow")]
    assert to_messages(utterances) == [{"role": "user", "content": "I\nwon"}, {"role": "assistant", "content": "Wow"}]
    assert utterances[0] == ("speaker", "I")


@given(UTTERANCES)
def test_roles_alternate_and_no_word_is_lost(utterances):
    messages = to_messages(utterances)
    roles = [message["role"] for message in messages]
    assert all(one != other for one, other in pairwise(roles))
    assert "\n".join(message["content"] for message in messages) == "\n".join(text for _, text in utterances)


def test_the_released_format_is_one_user_message_that_ends_where_the_listener_begins():
    assert format_prompt(to_messages(CONTEXT), "released") == [
        {"role": "user", "content": "Speaker: I won!\nListener: Wow.\nSpeaker: Yes.\nListener: "}
    ]


def test_the_chat_format_is_a_copy():
    messages = to_messages(CONTEXT)
    formatted = format_prompt(messages)
    assert formatted == messages
    formatted[0]["content"] = "changed"
    assert messages[0]["content"] == "I won!"


@pytest.mark.parametrize("prompt_format", ["chat", "released"])
def test_an_instruction_goes_before_either_format(prompt_format):
    prompt = format_prompt(to_messages(CONTEXT), prompt_format)
    assert add_instruction(prompt) == [{"role": "system", "content": EMPATHY_INSTRUCTION}, *prompt]


def test_the_template_writes_gemmas_turns():
    assert render(to_messages(CONTEXT), add_generation_prompt=True) == (
        "<bos><start_of_turn>user\nI won!<end_of_turn>\n<start_of_turn>model\nWow.<end_of_turn>\n"
        "<start_of_turn>user\nYes.<end_of_turn>\n<start_of_turn>model\n"
    )


def test_the_template_folds_a_system_message_into_the_first_user_turn():
    assert render(add_instruction(to_messages(CONTEXT[:1]), "Be kind.")) == (
        "<bos><start_of_turn>user\nBe kind.\n\nI won!<end_of_turn>\n"
    )


@given(UTTERANCES, TEXTS, st.booleans())
def test_what_is_asked_is_a_prefix_of_what_was_trained_on(utterances, response, is_instructed):
    prompt = to_messages(utterances)
    prompt = add_instruction(prompt) if is_instructed else prompt
    asked = render(prompt, add_generation_prompt=True)
    trained = render([*prompt, {"role": "assistant", "content": response}])
    assert trained.startswith(asked)
    assert trained.removeprefix(asked) == response.strip() + "<end_of_turn>\n"
