"""A turn rendered as chat: the one place where training, evaluation and serving get their prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from tasks.schema import Role, Utterance

Message = dict[str, str]
PromptFormat = Literal["chat", "released"]

ROLE_OF: dict[Role, str] = {"speaker": "user", "listener": "assistant"}
SPEAKER_OF: dict[str, Role] = {role: speaker for speaker, role in ROLE_OF.items()}

EMPATHY_INSTRUCTION = (
    "You are talking with someone who tells you about something that happened to them. "
    "Reply as an empathetic listener: show that you understand how they feel and why, in one or two sentences."
)

# For base models that come without a template (the demo's Gemma is one). The markers are Gemma's own
# turn markers; a system message is folded into the first user turn, as Gemma has no system role.
TURN_TEMPLATE = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}"
    "{% set first = messages[0]['content'] + '\n\n' %}{% set turns = messages[1:] %}"
    "{% else %}{% set first = '' %}{% set turns = messages %}{% endif %}"
    "{% for message in turns %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' }}"
    "{{ (first if loop.first else '') + message['content'] | trim }}"
    "{{ '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


def to_messages(utterances: Sequence[Utterance]) -> list[Message]:
    """Return utterances as chat messages; neighbours of one role are joined, as templates want roles to alternate."""
    messages: list[Message] = []
    for role, text in utterances:
        if messages and messages[-1]["role"] == ROLE_OF[role]:
            messages[-1]["content"] += "\n" + text
        else:
            messages.append({"role": ROLE_OF[role], "content": text})
    return messages


def to_utterances(messages: Sequence[Mapping[str, str]]) -> tuple[Utterance, ...]:
    """Return chat messages as utterances of speaker and listener."""
    return tuple(Utterance(SPEAKER_OF[message["role"]], message["content"]) for message in messages)


def format_prompt(messages: Sequence[Mapping[str, str]], prompt_format: PromptFormat = "chat") -> list[Message]:
    """Return the messages that come before a response, in the format a model is trained and asked in.

    `chat` leaves the roles as they are. `released` is the authors' training format: one user message
    that holds the dialogue as text and ends in "Listener: ".
    """
    if prompt_format == "chat":
        return [dict(message) for message in messages]
    lines = [f"{role.capitalize()}: {text}" for role, text in to_utterances(messages)]
    return [{"role": "user", "content": "\n".join([*lines, "Listener: "])}]


def add_instruction(messages: list[Message], instruction: str = EMPATHY_INSTRUCTION) -> list[Message]:
    """Put an instruction before a prompt: the prompt-only baseline."""
    return [{"role": "system", "content": instruction}, *messages]
