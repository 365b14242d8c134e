"""From scores to the next questions and to the end, over artifacts alone: what is known decides what is asked."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import ActiveConfig
from tasks.judges.active import Course, Reason, Round, conclude, plan_round
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

JUDGE = "0123456789abcdef"
CONFIG = ActiveConfig(budget=0.75, bound=0, n_rounds=2, audit=0.1)
"""Of 160 turns 120: 24 by chance, 66 in two rounds, 30 for the audit, which is the least."""


class World:
    """A corpus, an LLM that knows all the scores, and the artifacts of what it was asked."""

    def __init__(self, folder: Path, scored: dict[str, Any]) -> None:
        self.store = ArtifactStore(str(folder / "artifacts"), folder / "cache")
        keys = [turn.turn_key for turn in scored["turns"]]
        self.truth = dict(zip(keys, zip(scored["sensibility"], scored["rationality"], strict=True), strict=True))
        self.refusals: set[str] = set()
        self.answered: list[str] = []
        role = {"speaker": "user", "listener": "assistant"}
        prompts = [[{"role": role[who], "content": said} for who, said in turn.context] for turn in scored["turns"]]
        columns = {"turn_key": keys, "dialogue_id": scored["dialogue_ids"], "prompt": prompts}
        columns["response"] = [turn.response for turn in scored["turns"]]
        table = pl.DataFrame(columns).with_columns(split=pl.lit("train"))
        twice = pl.concat([table, table.head(5)])  # a turn that stands twice is one to be asked about
        self.corpus = [self.keep("dialogues", "turns.parquet", twice, {})]

    def keep(self, kind: str, name: str, table: pl.DataFrame, config: dict[str, str]) -> ArtifactRef:
        def build(folder: Path) -> dict[str, int]:
            table.write_parquet(folder / name)
            return {"n_rows": len(table)}

        return self.store.produce(Recipe(kind, 1, config, inputs={"n": str(hash(str(table.rows())))}), build)

    def course(self, config: ActiveConfig = CONFIG) -> Course:
        rows = [
            (key, None, None, None, None, "refusal") if key in self.refusals
            else (key, *self.truth[key], None, None, None)
            for key in sorted(self.answered)
        ]  # fmt: skip
        names = ("sensibility", "rationality", "sensibility_sd", "rationality_sd")
        schema = {"turn_key": pl.String, **dict.fromkeys(names, pl.Float64), "unscored_reason": pl.String}
        scores = self.keep("scores", "scores.parquet", pl.DataFrame(rows, schema=schema, orient="row"), {})
        return Course(self.store, self.corpus, scores, config, "all")

    def ask(self, found: Round, n: int = 10**6) -> list[str]:
        keys = self.course().read_chosen(found.questions)["turn_key"].to_list()
        new = [key for key in keys if key not in self.answered][:n]
        self.answered += new
        return new

    def run(self, config: ActiveConfig = CONFIG) -> Round:
        while (found := plan_round(self.course(config), JUDGE)).n_open:
            self.ask(found)
        return found


@pytest.fixture
def world(tmp_path: Path, made_up: dict[str, Any]) -> World:
    return World(tmp_path, made_up)


def test_random_turns_come_first_then_uncertain_ones_then_the_audit(world: World) -> None:
    reasons = []
    while (found := plan_round(world.course(), JUDGE)).n_open:
        reasons.append((found.reason, len(world.ask(found))))
    assert reasons == [(Reason.RANDOM, 24), (Reason.UNCERTAIN, 33), (Reason.UNCERTAIN, 33), (Reason.AUDIT, 30)]
    assert len(set(world.answered)) == len(world.answered) == 120


def test_a_run_that_was_killed_anywhere_goes_on_without_asking_more(tmp_path: Path, made_up: dict[str, Any]) -> None:
    whole, broken = World(tmp_path / "a", made_up), World(tmp_path / "b", made_up)
    whole.run()
    for _ in range(60):  # every round is cut off after a few answers
        found = plan_round(broken.course(), JUDGE)
        if not found.n_open:
            break
        broken.ask(found, n=5)
    assert found.reason is Reason.AUDIT
    assert len(broken.answered) == len(set(broken.answered)) == 120
    facts = broken.store.read_manifest(conclude(broken.course(), found.questions).uri)["facts"]
    assert facts["n_audited"] == 30


def test_what_the_llm_said_stands_and_the_rest_is_guessed(world: World) -> None:
    found = world.run()
    made = conclude(world.course(), found.questions)
    scores = pl.read_parquet(world.store.open(made) / "scores.parquet")
    assert len(scores) == 160
    assert sorted(scores.filter("is_asked")["turn_key"]) == sorted(world.answered)
    for key, sensibility, rationality, is_asked in scores.select(
        "turn_key", "sensibility", "rationality", "is_asked"
    ).iter_rows():
        assert not is_asked or (sensibility, rationality) == world.truth[key]
        assert 0 <= sensibility <= 10
    guessed = scores.filter(~pl.col("is_asked"))
    off = [abs(row["sensibility"] - world.truth[row["turn_key"]][0]) for row in guessed.iter_rows(named=True)]
    assert np.mean(off) < 2
    assert guessed["sensibility_sd"].null_count() == 0
    facts = world.store.read_manifest(made.uri)["facts"]
    assert (facts["n_rows"], facts["n_asked"], facts["n_audited"]) == (160, 120, 30)
    assert facts["estimate"]["n_guessed"] == 40
    assert 0 <= facts["estimate"]["disagreement"]["value"] <= 0.25
    assert facts["ended_by"] == "the budget"


def test_a_refused_turn_is_not_asked_again_and_has_no_score(world: World) -> None:
    first = plan_round(world.course(), JUDGE)
    world.refusals = set(world.course().read_chosen(first.questions)["turn_key"].to_list()[:6])
    found = world.run()
    made = conclude(world.course(), found.questions)
    assert len(world.answered) == 120
    scores = pl.read_parquet(world.store.open(made) / "scores.parquet")
    refused = scores.filter(pl.col("turn_key").is_in(list(world.refusals)))
    assert refused.select("sensibility", "unscored_reason", "is_asked").unique().rows() == [(None, "refusal", True)]
    assert scores["sensibility"].null_count() == 6
    facts = world.store.read_manifest(made.uri)["facts"]
    assert (facts["n_asked"], facts["n_scored"], facts["estimate"]["n_guessed"]) == (120, 114, 40)


def test_a_bound_that_is_met_leaves_the_rest_of_the_budget(world: World) -> None:
    found = world.run(CONFIG.model_copy(update={"bound": 1.0}))
    assert found.reason is Reason.AUDIT
    assert len(world.answered) == 24 + 30


def test_a_larger_budget_goes_on_from_what_was_asked(world: World) -> None:
    world.run()
    before = list(world.answered)
    found = world.run(CONFIG.model_copy(update={"budget": 0.9}))
    assert world.answered[:120] == before
    assert len(set(world.answered)) == 144
    assert found.reason is Reason.AUDIT


def test_where_all_is_asked_nothing_is_guessed(world: World) -> None:
    world.answered = list(world.truth)
    found = plan_round(world.course(), JUDGE)
    assert (found.n_open, found.reason) == (0, Reason.AUDIT)
    facts = world.store.read_manifest(conclude(world.course(), found.questions).uri)["facts"]
    assert facts["estimate"]["n_guessed"] == 0
    assert facts["estimate"]["sensibility_jaccard"]["value"] == 1.0
