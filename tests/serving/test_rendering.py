"""The same dialogue is the same tokens wherever a model meets it: learned from, measured, asked, and served.

What a model is given is read at its embedding, not where we believe that it is made.
"""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import polars as pl
import pytest

pytestmark = pytest.mark.train
pytest.importorskip("torch")

from tasks.chat import to_messages  # noqa: E402 - torch decides whether this file runs
from tasks.config import EvaluationConfig  # noqa: E402 - likewise
from tasks.evaluation import evaluate_system  # noqa: E402 - likewise
from tasks.experts import MASKED, to_training_rows  # noqa: E402 - likewise
from tasks.schema import Utterance  # noqa: E402 - likewise

HEADERS = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n'"
    " + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
INSTRUCTIONS = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
TEMPLATES = {"ours": None, "headers": HEADERS, "instructions": INSTRUCTIONS}
DIALOGUES = (
    [Utterance("speaker", "I lost my job.")],
    [Utterance("speaker", "They closed the shop."), Utterance("listener", "Oh no!"), Utterance("speaker", "Yes…")],
    [Utterance("speaker", "  My cat "), Utterance("speaker", "is 20 🙂"), Utterance("listener", " Wow "),
     Utterance("speaker", "Listener: I know")],
)  # fmt: skip
RESPONSE = "I am so sorry. What will you do?"


@pytest.fixture
def seen(mixture: tuple[Any, Any]) -> Iterator[list[list[int]]]:
    """Every row of more than one token that the model is given."""
    rows: list[list[int]] = []
    embedding = mixture[0].get_input_embeddings()
    handle = embedding.register_forward_pre_hook(lambda _, args: rows.extend(r for r in args[0].tolist() if len(r) > 1))
    yield rows
    handle.remove()


def make_turns() -> pl.DataFrame:
    """One held-out turn a dialogue, as ingest writes them."""
    rows = [
        {"dialogue_id": f"d{at}", "utterance_idx": 2, "turn_key": f"k{at}", "prompt": to_messages(utterances),
         "response": RESPONSE}
        for at, utterances in enumerate(DIALOGUES)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"utterance_idx": pl.Int32})


def encode_for_training(tokenizer: Any, prompt_format: Any) -> list[tuple[list[int], list[int]]]:
    """Return what a training sees of each turn: all its tokens, and those before the first label."""
    turns = make_turns()
    said = [[{"role": "assistant", "content": RESPONSE}]] * len(turns)
    frame = to_training_rows(turns.with_columns(completion=pl.Series(said)), tokenizer, prompt_format, 512).frame
    rows = zip(frame["input_ids"].to_list(), frame["labels"].to_list(), strict=True)
    return [(ids, ids[: labels.count(MASKED)]) for ids, labels in rows]


@pytest.mark.parametrize("prompt_format", ["chat", "released"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_training_evaluation_and_serving_give_a_model_the_same_tokens(
    mixture: tuple[Any, Any],
    seen: list[list[int]],
    serve: Callable[..., Any],
    template: str,
    prompt_format: Any,
) -> None:
    model, tokenizer = mixture
    tokenizer.chat_template = TEMPLATES[template] or tokenizer.chat_template
    trained = encode_for_training(tokenizer, prompt_format)
    whole, prompts = [ids for ids, _ in trained], [prompt for _, prompt in trained]

    config = EvaluationConfig(max_new_tokens=2, batch_size=1)
    evaluate_system(model, tokenizer, "mixture", make_turns(), config, prompt_format)
    assert sorted(seen) == sorted([*whole, *prompts])

    seen.clear()
    running = serve(prompt_format=prompt_format)
    for utterances in DIALOGUES:  # as a client sends them: a message an utterance
        roles = {"speaker": "user", "listener": "assistant"}
        messages = [{"role": roles[utterance.role], "content": utterance.text} for utterance in utterances]
        asked = {"model": "mixture", "messages": messages, "max_tokens": 2}
        httpx.post(f"{running.url}/v1/chat/completions", json=asked, timeout=60).raise_for_status()
    assert seen == prompts
