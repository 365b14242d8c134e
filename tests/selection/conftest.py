"""Scored corpora: the replayed real one, and small ones made for a test."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import JudgeConfig
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef, Utterance, make_turn_key

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
TURN_SCHEMA = {
    "dialogue_id": pl.String, "utterance_idx": pl.Int32, "turn_key": pl.String, "split": pl.String,
    "emotion": pl.String, "prompt": MESSAGES, "response": pl.String,
}  # fmt: skip
SCORE_SCHEMA = {
    "turn_key": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64, "sensibility_sd": pl.Float64,
    "rationality_sd": pl.Float64, "method": pl.String, "unscored_reason": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """A corpus with the scores of a judge, in a store."""

    artifacts: ArtifactStore
    corpus: tuple[ArtifactRef, ...]
    scores: ArtifactRef


@pytest.fixture(scope="session")
def replayed(shared_data, make_home, ingest_file, score_corpus, tmp_path_factory) -> Scored:
    """EmpatheticDialogues' valid split with the released replies, through ingest, plan, judge, commit, snapshot."""
    home: Home = make_home(tmp_path_factory.mktemp("replayed"))
    corpus = ingest_file(home, shared_data / "ed" / "valid.csv", "valid")
    replies = str(shared_data / "released_scores" / "valid.jsonl")
    result = score_corpus(home, [corpus], JudgeConfig(kind="replies", replies_file=replies), chunk_size=1000)
    assert (result.coverage.n_turns, result.coverage.n_scored) == (5738, 5734)
    assert result.coverage.unscored == {"no_reply_recorded": 4}
    return Scored(home.artifacts, (corpus,), result.scores)


@dataclass(frozen=True)
class Row:
    """A listener turn as a test writes it; `scores` is a pair, a reason, or None where nobody asked."""

    dialogue_id: str
    text: str
    scores: tuple[float, float] | str | None
    split: str = "train"
    response: str = "Oh."
    utterance_idx: int = 2
    emotion: str = "proud"

    @property
    def turn_key(self) -> str:
        return make_turn_key([Utterance("speaker", self.text)], self.response)

    def to_turn(self) -> dict[str, Any]:
        kept = {k: v for k, v in dataclasses.asdict(self).items() if k not in ("text", "scores")}
        return {**kept, "turn_key": self.turn_key, "prompt": [{"role": "user", "content": self.text}]}

    def to_score(self) -> dict[str, Any]:
        if isinstance(self.scores, str):
            return {"turn_key": self.turn_key, "method": "point", "unscored_reason": self.scores}
        return {
            "turn_key": self.turn_key,
            "sensibility": self.scores[0],
            "rationality": self.scores[1],
            "method": "point",
        }


@pytest.fixture
def make_row() -> type[Row]:
    return Row


@pytest.fixture
def make_scored(tmp_path) -> Callable[..., Scored]:
    """Make artifacts of rows, in the given order and in a folder with an odd name; each sequence is one source."""
    artifacts = ArtifactStore(str(tmp_path / "odd [1]*? 'name' ünï"), tmp_path / "cache")

    def produce(kind: str, name: str, frame: pl.DataFrame, parents: tuple[ArtifactRef, ...] = ()) -> ArtifactRef:
        def build(folder: Path) -> dict[str, int]:
            frame.write_parquet(folder / name, row_group_size=7)
            return {"n_rows": len(frame), "judge_id": "j", "alias": "j"}

        inputs = {"rows": str(frame.write_json())}
        return artifacts.produce(Recipe(kind, 1, {}, parents, inputs), build)

    def make(*sources: Sequence[Row]) -> Scored:
        rows = [row for source in sources for row in source]
        corpus = tuple(
            produce("dialogues", "turns.parquet", pl.DataFrame([row.to_turn() for row in source], schema=TURN_SCHEMA))
            for source in sources
        )
        scores = [row.to_score() for row in {row.turn_key: row for row in rows if row.scores is not None}.values()]
        frame = pl.DataFrame(scores, schema=SCORE_SCHEMA)
        return Scored(artifacts, corpus, produce("scores", "scores.parquet", frame, corpus))

    return make
