"""The turns that a training is tried on: of the split valid, never learned from and never evaluated on."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExperimentConfig, load_profile
from tasks.errors import ConfigError
from tasks.experts import read_valid
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def make_subsets(home: Home, splits: list[str], keys: list[str], chosen: str = "train") -> ArtifactRef:
    """Return subsets of a split of a corpus with one turn for each split and key."""
    turns = pl.DataFrame(
        {
            "dialogue_id": [f"d{at}" for at in range(len(splits))],
            "utterance_idx": [2] * len(splits),
            "turn_key": keys,
            "split": splits,
            "prompt": [[{"role": "user", "content": "Hi."}]] * len(splits),
            "response": [f"Hello {key}." for key in keys],
        },
        schema_overrides={"prompt": MESSAGES},
    )

    def build(folder: Path) -> dict[str, int]:
        turns.write_parquet(folder / "turns.parquet")
        return {"n_rows": len(turns)}

    corpus = home.artifacts.produce(Recipe("dialogues", 1, {"keys": keys, "splits": splits}), build)
    recipe = Recipe("subsets", 1, {"split": chosen}, (corpus,))
    return home.artifacts.produce(recipe, lambda _: {"n_rows": 0})


def configure(**expert: Any) -> ExperimentConfig:
    return load_profile("smoke", {"expert": {"n_evaluations": 2, "eval_turns": 2, **expert}})


def test_the_first_turns_by_hash_are_picked_and_none_whose_text_is_evaluated_on(home: Home) -> None:
    subsets = make_subsets(home, ["train", "valid", "valid", "valid", "valid", "test"], ["t", "c", "a", "b", "x", "a"])
    found = read_valid(home.artifacts, subsets, configure())
    assert found is not None
    assert found["turn_key"].to_list() == ["b", "c"]
    assert found["completion"].to_list()[0] == [{"role": "assistant", "content": "Hello b."}]


@pytest.mark.parametrize(
    ("splits", "chosen", "evaluated"),
    [(["train", "valid"], "train", "auto"), (["valid", "test"], "valid", "auto"), (["train", "test"], "train", "auto"),
     (["train", "valid", "test"], "train", "valid")],
)  # fmt: skip
def test_where_there_is_no_such_turn_nobody_looks_and_the_best_cannot_be_kept(
    home: Home, caplog: pytest.LogCaptureFixture, splits: list[str], chosen: str, evaluated: str
) -> None:
    subsets = make_subsets(home, splits, [f"k{at}" for at in range(len(splits))], chosen)
    config = configure()
    config = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"split": evaluated})})
    assert read_valid(home.artifacts, subsets, config) is None
    assert "nobody looks" in caplog.text
    best = config.model_copy(update={"expert": config.expert.model_copy(update={"keep": "best"})})
    with pytest.raises(ConfigError, match="neither learned from nor evaluated on"):
        read_valid(home.artifacts, subsets, best)


def test_nothing_is_read_where_nobody_wants_to_look(home: Home) -> None:
    subsets = make_subsets(home, ["train", "valid", "test"], ["a", "b", "c"])
    assert read_valid(home.artifacts, subsets, configure(n_evaluations=0)) is None
