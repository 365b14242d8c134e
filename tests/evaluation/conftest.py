"""A tiny random Llama with a real tokenizer and chat template, and turns to evaluate it on."""

import hashlib

import polars as pl
import pytest

from tasks.evaluation.compare import MESSAGES


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The model and the tokenizer of the smoke profile."""
    pytest.importorskip("torch")
    from tasks.experts import load_base, prepare_base

    return load_base(prepare_base("tiny-llama", "", tmp_path_factory.mktemp("cache")), device="cpu")


@pytest.fixture
def turns():
    """Twelve held-out turns of six dialogues, of many lengths."""
    rows = []
    for at in range(12):
        text = "I lost my keys again " * (at % 5 + 1)
        prompt = [{"role": "user", "content": text.strip()}]
        if at % 2:
            prompt += [{"role": "assistant", "content": "Oh no!"}, {"role": "user", "content": "I know."}]
        rows.append(
            {
                "dialogue_id": f"d{at // 2}",
                "utterance_idx": 2 + 2 * (at % 2),
                "turn_key": hashlib.sha256(f"turn {at}".encode()).hexdigest(),
                "split": "test" if at % 3 else "valid",
                "emotion": "annoyed",
                "prompt": prompt,
                "response": "That sounds hard. " + "Where did you look? " * (at % 4),
            }
        )
    return pl.DataFrame(rows, schema_overrides={"utterance_idx": pl.Int32, "prompt": MESSAGES})
