"""A home with a scored corpus of invented turns: two sources that share a dialogue, and texts in two splits."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tasks.config import SelectionConfig
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.reporting import ReportInputs
from tasks.schema import ArtifactRef
from tasks.scoring import snapshot_scores
from tasks.selection import SubsetCounts, materialize, preview

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
TURN_SCHEMA = {
    "dialogue_id": pl.String, "utterance_idx": pl.Int32, "turn_key": pl.String, "split": pl.String,
    "emotion": pl.String, "prompt": MESSAGES, "response": pl.String,
}  # fmt: skip
SCORE_SCHEMA = {
    "turn_key": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64, "sensibility_sd": pl.Float64,
    "unscored_reason": pl.String,
}  # fmt: skip
JUDGE = "0123456789abcdef"
EMOTIONS = ("afraid", "annoyed", "guilty", "hopeful", "jealous", "lonely", "proud", "surprised")
WORDS = ("kettle", "garden", "bicycle", "never", "again", "neighbour", "somehow", "wall", "morning", "tell", "me?")


@dataclass(frozen=True)
class Scored:
    """A corpus with the scores of a judge, in a home."""

    home: Home
    corpus: tuple[ArtifactRef, ...]
    scores: ArtifactRef

    def preview(self, grid: list[SelectionConfig]) -> list[SubsetCounts]:
        """Count what `empathy select --preview` would."""
        return preview(self.home.artifacts, self.corpus, self.scores, grid)

    def select(self, selection: SelectionConfig | None) -> ReportInputs:
        """Return what a report of a selection is made from; of the scores alone without one."""
        store = self.home.artifacts
        ref = None if selection is None else materialize(store, self.corpus, self.scores, selection)
        return ReportInputs(
            title="Invented turns",
            dialogues=[store.open(part) for part in self.corpus],
            scores=store.open(self.scores),
            subsets=None if ref is None else store.open(ref),
            judge_alias="j",
        )


def make_scored(home: Home, n_turns: int, *, is_whole: bool, seed: int = 7) -> Scored:
    """Make a corpus of so many turns and a judge of whole or of fractional scores."""
    rng = random.Random(seed)
    turns = [make_turn(rng, number) for number in range(n_turns)]
    second = turns[-n_turns // 3 :]
    second += [{**turns[0], "emotion": "proud"}, {**turns[1], "dialogue_id": "other", "split": "valid"}]
    corpus = tuple(produce_corpus(home, rows) for rows in (turns[: -n_turns // 3], second))
    keys = sorted({turn["turn_key"] for turn in turns})
    scores = pl.DataFrame(
        [make_score(rng, key, place, is_whole) for place, key in enumerate(keys)], schema=SCORE_SCHEMA
    )
    with home.store.transaction() as connection:
        connection.execute("INSERT INTO judges VALUES (?, 'j', 'openai', 'e', 'm', 'r', '{}', now())", [JUDGE])
        connection.register("made", scores.to_arrow())
        connection.execute(
            "INSERT INTO scores SELECT turn_key, ?, sensibility, rationality, sensibility_sd, NULL, 'point', '', "
            "unscored_reason FROM made",
            [JUDGE],
        )
        ref = snapshot_scores(connection, home.artifacts, corpus, JUDGE, "j")
    return Scored(home, corpus, home.record(ref))


def make_turn(rng: random.Random, number: int) -> dict[str, Any]:
    response = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 24)))
    return {
        "dialogue_id": f"d{number // 2}", "utterance_idx": 2 + 2 * (number % 2),
        "turn_key": hashlib.sha256(f"{number}".encode()).hexdigest(), "split": "valid" if number % 9 == 8 else "train",
        "emotion": rng.choice(EMOTIONS), "prompt": [{"role": "user", "content": f"About the wall, {number}."}],
        "response": response,
    }  # fmt: skip


def make_score(rng: random.Random, key: str, place: int, is_whole: bool) -> dict[str, Any]:
    """Return a score; of fractional ones a third stands on a tenth, where a threshold may stand too."""
    if place % 50 == 49:
        return {"turn_key": key, "unscored_reason": "refusal"}
    digits = 0 if is_whole else (1 if place % 3 == 0 else 15)
    s, r = (round(min(10.0, max(0.0, rng.gauss(mean, 2))), digits) for mean in (6.5, 4.2))
    return {"turn_key": key, "sensibility": s, "rationality": r, "sensibility_sd": 0.5}


def produce_corpus(home: Home, turns: list[dict[str, Any]]) -> ArtifactRef:
    frame = pl.DataFrame(turns, schema=TURN_SCHEMA)

    def build(folder: Path) -> dict[str, Any]:
        frame.write_parquet(folder / "turns.parquet")
        dialogues = frame.group_by("dialogue_id", "split", "emotion").agg(n_utterances=pl.len()).sort("dialogue_id")
        dialogues.with_columns(situation=pl.lit("A wall fell.")).write_parquet(folder / "dialogues.parquet")
        schema = {"source": pl.String, "line": pl.Int64, "reason": pl.String, "raw": pl.String}
        pl.DataFrame(schema=schema).write_parquet(folder / "quarantine.parquet")
        return {"n_rows": len(frame)}

    digest = hashlib.sha256(frame.write_json().encode()).hexdigest()
    return home.record(home.artifacts.produce(Recipe("dialogues", 1, {}, (), {"rows": digest}), build))
