"""The tiny model of the smoke profile, and turns to train it on."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
FEELINGS = ("sad", "happy", "angry", "scared", "proud", "lonely")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The base model `tiny-llama`, built once."""
    pytest.importorskip("torch")
    from tasks.experts import prepare_base

    return prepare_base("tiny-llama", "", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tokenizer(base: Any) -> Any:
    """The tokenizer of the tiny model."""
    from tasks.experts import load_base

    return load_base(base, "cpu")[1]


def build_rows(n: int, subset: str = "sensibility", start: int = 0) -> pl.DataFrame:
    """Return turns of a subset, two a dialogue, with responses of many lengths."""
    rows = []
    for at in range(start, start + n):
        feeling = FEELINGS[at % len(FEELINGS)]
        prompt = [{"role": "user", "content": f"I have been so {feeling} since day {at}."}]
        if at % 2:
            prompt += [
                {"role": "assistant", "content": "Oh, why is that?"},
                {"role": "user", "content": "It is a long story. " * (at % 4 + 1)},
            ]
        response = f"I understand that you are {feeling}. " + "Tell me more about it. " * (at % 5)
        rows.append(
            {
                "dialogue_id": f"d{at // 2}",
                "utterance_idx": 2 + 2 * (at % 2),
                "turn_key": hashlib.sha256(f"turn {at}".encode()).hexdigest(),
                "split": "train",
                "emotion": feeling,
                "prompt": prompt,
                "completion": [{"role": "assistant", "content": response.strip()}],
                "sensibility": 8.0,
                "rationality": 3.0,
                "subset": subset,
                "reason": "",
            }
        )
    types = {"utterance_idx": pl.Int32, "prompt": MESSAGES, "completion": MESSAGES}
    return pl.DataFrame(rows, schema_overrides=types)


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., pl.DataFrame]:
    """A function that makes as many turns of a subset as it is asked for."""
    return build_rows


@pytest.fixture
def rows() -> pl.DataFrame:
    """Twenty-four turns of the sensibility subset."""
    return build_rows(24)


@pytest.fixture
def subsets(tmp_path: Path) -> Path:
    """A subsets artifact: 40 sensible turns, 20 rational and 30 discarded ones."""
    folder = tmp_path / "subsets"
    folder.mkdir()
    start = 0
    for name, n in (("sensibility", 40), ("rationality", 20), ("discard", 30)):
        build_rows(n, name, start).write_parquet(folder / f"{name}.parquet")
        start += n
    return folder
