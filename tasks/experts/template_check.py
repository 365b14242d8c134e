"""Is a chat template one that turns can be trained and asked with? Asked of it before a model is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.chat import Message
from tasks.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROBE: list[Message] = [
    {"role": "user", "content": "probe-one"},
    {"role": "assistant", "content": "probe-two"},
    {"role": "user", "content": "probe-three"},
]
RESPONSE: Message = {"role": "assistant", "content": "probe-four"}


def check_template(name: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise ConfigError if a tokenizer's template cannot render a dialogue of user and assistant for a response.

    Refused are a template that raises, one that leaves a message out, and one after whose prompt something else
    than the response would come. What `TurnEncoder` makes up for (a missing end marker, a prompt that is rendered
    in another way once it is answered, a thinking block before the response) is no fault.
    """
    try:
        asked = _render(tokenizer, PROBE, is_open=True)
        unopened = _render(tokenizer, PROBE, is_open=False)
        answered = _render(tokenizer, [*PROBE, RESPONSE], is_open=False)
    except Exception as error:  # noqa: BLE001 - a template is a program, and may fail in any way
        raise _unusable(name, f"it fails on user and assistant turns ({str(error) or type(error).__name__})") from None
    if lost := [message["role"] for message in PROBE if message["content"] not in asked]:
        raise _unusable(name, f"it leaves out what the {lost[0]} said")
    if RESPONSE["content"] not in answered:
        raise _unusable(name, "it leaves out the response")
    follows = answered.removeprefix(asked).lstrip().startswith(RESPONSE["content"])
    if asked == unopened and not follows:  # nothing opens the response, yet something comes before it
        raise _unusable(name, "with add_generation_prompt it does not open the response")


def _render(tokenizer: PreTrainedTokenizerBase, messages: list[Message], is_open: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=is_open))


def _unusable(name: str, reason: str) -> ConfigError:
    return ConfigError(
        f"The chat template of the base model {name!r} cannot be used: {reason}.",
        where="expert.base_model",
        do="use the instruct version of the model, or save another chat template with its tokenizer",
    )
