"""A conversation with one of the models, for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.chat import format_prompt, to_messages
from tasks.evaluation import generate_responses
from tasks.home import open_home
from tasks.schema import Utterance
from tasks.serving import find_model, load_model


def open_chat(model: str, max_new_tokens: int) -> Callable[[Sequence[str]], str]:
    """Load a model of this home and return what answers a conversation (speaker first, in turns).

    Raises UsageError where no such model was trained here.
    """
    home = open_home()
    found = find_model(home, model)
    loaded, encoder = load_model(home, found)

    def answer(utterances: Sequence[str]) -> str:
        said = [Utterance("listener" if number % 2 else "speaker", text) for number, text in enumerate(utterances)]
        prompt = format_prompt(to_messages(said), found.prompt_format)
        return generate_responses(loaded, encoder.tokenizer, [prompt], max_new_tokens, 1)[0]

    return answer
