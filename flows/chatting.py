"""A conversation with one of the models, for the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from tasks.chat import format_prompt, to_messages
from tasks.errors import UsageError
from tasks.evaluation import generate_responses, load_system
from tasks.experts import prepare_base
from tasks.home import open_home
from tasks.schema import Utterance


def open_chat(model: str, max_new_tokens: int) -> Callable[[Sequence[str]], str]:
    """Load a model of this home and return what answers a conversation (speaker first, in turns).

    Raises UsageError where no such model was trained here.
    """
    home = open_home()
    current = {name: home.artifacts.get_current(name) for name in ("mixture", f"expert-{model}")}
    ref = current["mixture"] if model in ("base", "mixture") else current[f"expert-{model}"]
    if ref is None:
        raise UsageError(f"There is no model {model!r} here yet.", do="run `empathy train` and `empathy route` first")
    prompt_format = home.artifacts.read_manifest(ref.uri)["config"]["expert"]["prompt_format"]
    trained_on = json.loads((home.artifacts.open(ref) / "training.json").read_text(encoding="utf-8"))["base"]
    base = prepare_base(trained_on["name"], trained_on["revision"], home.settings.cache_dir)
    loaded, tokenizer = load_system(home, None if model == "base" else ref, base)

    def answer(utterances: Sequence[str]) -> str:
        said = [Utterance("listener" if number % 2 else "speaker", text) for number, text in enumerate(utterances)]
        prompt = format_prompt(to_messages(said), prompt_format)
        return generate_responses(loaded, tokenizer, [prompt], max_new_tokens, 1)[0]

    return answer
