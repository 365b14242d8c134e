"""A request's messages as the prompt that the model was trained on: rendered and joined as training does it."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.chat import SPEAKER_OF, Message, PromptFormat, to_messages
from tasks.experts import TurnEncoder
from tasks.schema import Utterance
from tasks.serving.api_error import ApiError
from tasks.serving.chat_request import ChatMessage


def to_prompt(messages: Sequence[ChatMessage], prompt_format: PromptFormat) -> list[Message]:
    """Return chat messages for the encoder: one system message at most, then roles that alternate.

    Raises ApiError (400) for a system message where the model's prompt format has no place for one.
    """
    system = [message.content for message in messages if message.role == "system"]
    said = [Utterance(SPEAKER_OF[message.role], message.content) for message in messages if message.role != "system"]
    if system and prompt_format != "chat":
        reason = f"this model was trained in the prompt format {prompt_format!r}, which knows no system message"
        raise ApiError(400, f"Invalid value for 'messages.0.role': {reason}.", "invalid_value", "messages.0.role")
    head = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    return [*head, *to_messages(said)]


def encode_prompt(encoder: TurnEncoder, messages: Sequence[ChatMessage]) -> list[int]:
    """Return the tokens up to where the response begins. Raises ApiError (400) if the template refuses the messages."""
    from jinja2 import TemplateError

    prompt = to_prompt(messages, encoder.prompt_format)
    try:
        return encoder.encode_prompt(prompt)
    except TemplateError as error:  # a template may know no system role, for one
        said = f"Invalid value for 'messages': the model's chat template says: {error}"
        raise ApiError(400, said, code="invalid_value", param="messages") from None
