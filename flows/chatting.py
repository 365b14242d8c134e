"""A conversation with one of the models, for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tasks.chat import format_prompt, to_messages
from tasks.errors import UsageError
from tasks.evaluation import generate_responses
from tasks.home import Home, open_home
from tasks.router import get_spec, trace_response
from tasks.schema import Utterance
from tasks.serving import FoundModel, find_model, load_model


class Answer(NamedTuple):
    """What a model says, and each token with its gate (the share of the first expert) where that was asked for."""

    text: str
    tokens: Sequence[tuple[str, float]] = ()
    experts: tuple[str, str] = ("", "")
    """Names of the first expert and of the other."""


def open_chat(model: str, max_new_tokens: int, *, has_routing: bool = False) -> Callable[[Sequence[str]], Answer]:
    """Load a model of this home and return what answers a conversation (speaker first, in turns).

    Raises UsageError where no such model was trained here, or if `has_routing` and it is no mixture.
    """
    home = open_home()
    found = find_model(home, model)
    if has_routing:
        check_mixture(found)
    return load_chat(home, found, max_new_tokens, has_routing=has_routing)


def check_mixture(found: FoundModel) -> None:
    """Raise UsageError unless the model is a mixture: nothing else has gates."""
    if found.ref is None or found.ref.kind != "mixture":
        raise UsageError(
            f"The model {found.name!r} has no gates to show: only a mixture has.",
            where="--routing",
            do="run `empathy chat mixture --routing`, or leave --routing out",
        )


def load_chat(
    home: Home, found: FoundModel, max_new_tokens: int, *, has_routing: bool
) -> Callable[[Sequence[str]], Answer]:
    """Load a model and return what answers a conversation, with the gates of its tokens if `has_routing`."""
    loaded, encoder = load_model(home, found)

    def answer(utterances: Sequence[str]) -> Answer:
        said = [Utterance("listener" if number % 2 else "speaker", text) for number, text in enumerate(utterances)]
        messages = to_messages(said)
        prompt = format_prompt(messages, found.prompt_format)
        text = generate_responses(loaded, encoder.tokenizer, [prompt], max_new_tokens, 1)[0]
        if not has_routing:
            return Answer(text)
        first, *others = get_spec(loaded).experts
        return Answer(text, trace_response(loaded, encoder, messages, text), (first, " + ".join(others)))

    return answer
