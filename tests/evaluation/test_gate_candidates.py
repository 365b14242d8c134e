"""Which mixtures the gate takes together, and when it compares nothing or refuses; artifacts without weights."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import GateConfig, load_profile
from tasks.errors import ArtifactError, GateError, UsageError
from tasks.evaluation import (
    Candidates,
    Comparison,
    find_candidates,
    find_reseeded,
    judge_candidates,
    list_mixtures,
    list_reseeded,
    promote,
)
from tasks.evaluation.compare import RESPONSES_SCHEMA
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

ASKED = {"split": "test", "max_turns": None, "max_responses": 1, "max_new_tokens": 8, "seed": 0}


class Maker:
    """Makes the artifacts of a retraining, whose files hold next to nothing."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(str(folder / "artifacts"), folder / "cache")
        self.dialogues = self.make(Recipe("dialogues", 1, {"source": "x"}))

    def make(self, recipe: Recipe, **texts: str) -> ArtifactRef:
        def build(folder: Path) -> dict[str, Any]:
            for name, text in {"it.json": recipe.digest, **texts}.items():
                (folder / name.replace("_", ".")).write_text(text)
            return {"n_rows": 1}

        return self.store.produce(recipe, build)

    def make_mixture(self, seed: int, threshold: float = 5.0, base: str = "b") -> ArtifactRef:
        chosen = {"rule": "paper", "sensibility_threshold": threshold, "rationality_threshold": threshold}
        subsets = self.make(Recipe("subsets", 1, chosen, (self.dialogues,)))
        inputs = {"base": base, "rows": f"rows of {threshold}"}
        experts = [
            self.make(Recipe("expert", 1, {"name": name, "expert": {"lora_r": 8, "seed": seed}}, inputs=inputs))
            for name in ("sensibility", "rationality")
        ]
        config = {
            "router": {"routing": "block", "seed": seed},
            "expert": {"prompt_format": "chat"},
            "experts": {str(at): ref.sha256 for at, ref in enumerate(experts)},
        }
        recipe = Recipe("mixture", 1, config, tuple(experts), inputs, (subsets,))
        return self.make(recipe, training_json=json.dumps({"base": {"name": base, "revision": "main"}}))

    def evaluate(self, mixture: ArtifactRef, system: str = "mixture") -> ArtifactRef:
        rows = pl.DataFrame({"nll": [2.0, 4.0, 0.0], "n_tokens": [1, 2, 0]}, schema_overrides={"n_tokens": pl.Int32})
        whole = rows.with_columns(
            *(pl.lit(None, kind).alias(name) for name, kind in RESPONSES_SCHEMA.items() if name not in rows.columns)
        )

        whole = whole.with_columns(turn_key=pl.lit(mixture.sha256))  # equal files would be one artifact

        def build(folder: Path) -> dict[str, Any]:
            whole.write_parquet(folder / "responses.parquet")
            return {"n_rows": 3}

        recipe = Recipe("responses", 1, {"system": system, **ASKED}, (self.dialogues, mixture))
        return self.make(Recipe("evaluation", 1, {}, (self.store.produce(recipe, build),)))


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def test_mixtures_that_differ_only_in_seeds_are_taken_together(maker: Maker) -> None:
    first, second = maker.make_mixture(0), maker.make_mixture(1)
    maker.make_mixture(0, threshold=6)
    maker.make_mixture(0, base="another")
    assert find_reseeded(maker.store, first) == [first, second]
    assert find_reseeded(maker.store, second) == [second, first]


def test_the_first_mixture_is_compared_with_nothing_whatever_its_seeds(maker: Maker) -> None:
    mixture = maker.make_mixture(0)
    found = find_candidates(maker.store, maker.evaluate(mixture), GateConfig(min_seeds=5))
    assert (found.mixture, found.new, found.accepted) == (mixture, (), ())
    verdict = judge_candidates(found, None)
    assert verdict.said.startswith("No mixture has been accepted yet")


def test_the_accepted_mixture_and_its_other_seeds_are_compared_with_nothing(maker: Maker) -> None:
    first, second = maker.make_mixture(0), maker.make_mixture(1)
    promote(maker.store, first)
    same, other = (find_candidates(maker.store, maker.evaluate(one), GateConfig()) for one in (first, second))
    assert same.why_not == "This is the accepted mixture: nothing to compare."
    assert other.why_not == "It differs from the accepted one only in its seed: nothing to compare."


def test_too_few_seeds_are_refused_with_the_commands_that_train_more(maker: Maker) -> None:
    promote(maker.store, maker.make_mixture(0))
    evaluation = maker.evaluate(maker.make_mixture(1, threshold=6))
    with pytest.raises(UsageError, match="asks for 3 mixtures that differ only in their seed; here is 1") as caught:
        find_candidates(maker.store, evaluation, GateConfig(min_seeds=3))
    assert "`empathy route --seed 0`; `empathy route --seed 2`; or ask for fewer with --min-seeds" in caught.value.do


def test_enough_seeds_are_compared_with_all_that_the_accepted_one_has_on_the_evaluations_turns(maker: Maker) -> None:
    accepted = [maker.make_mixture(seed) for seed in range(2)]
    new = [maker.make_mixture(seed, threshold=6) for seed in range(3)]
    promote(maker.store, accepted[1])
    found = find_candidates(maker.store, maker.evaluate(new[2]), GateConfig(min_seeds=3))
    assert found.new == (new[2], new[0], new[1])
    assert found.accepted == (accepted[1], accepted[0])
    assert found.corpus == (maker.dialogues,)
    assert found.asked == ASKED


def test_an_evaluation_without_a_mixture_and_an_accepted_one_that_is_gone_are_told(maker: Maker) -> None:
    expert = maker.make(Recipe("expert", 1, {"name": "union"}))
    with pytest.raises(UsageError, match="holds no mixture"):
        find_candidates(maker.store, maker.evaluate(expert, "union"), GateConfig())
    promote(maker.store, gone := maker.make_mixture(0))
    maker.store.fs.rm(gone.uri, recursive=True)
    with pytest.raises(ArtifactError, match="is not there any more"):
        find_candidates(maker.store, maker.evaluate(maker.make_mixture(1, 6)), GateConfig(min_seeds=1))


def make_comparison(lowest: float, highest: float) -> Comparison:
    return Comparison(
        perplexity_new=20.5, perplexity_accepted=20, change=0.025, lowest=lowest, highest=highest, tolerance=0.01,
        n_seeds_new=3, n_seeds_accepted=3, n_turns=5255, n_dialogues=2500,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lowest", "said"), [(0.001, "is worse than the accepted one"), (-0.001, "is not shown to be as good")]
)
def test_a_mixture_that_may_be_worse_fails_with_its_figures(maker: Maker, lowest: float, said: str) -> None:
    mixture = maker.make_mixture(0)
    candidates = Candidates(mixture=mixture, evaluation=maker.evaluate(mixture))
    with pytest.raises(GateError, match=said) as caught:
        judge_candidates(candidates, make_comparison(lowest, 0.03))
    figures = "perplexity 20.5 against 20 (+2.50%, with 95% confidence at most +3.00%; +1.00% is tolerated)"
    assert figures in caught.value.what
    assert "empathy models promote DIGEST" in caught.value.do
    assert caught.value.exit_code == 1
    rival = maker.make_mixture(0, threshold=6)
    verdict = judge_candidates(candidates.model_copy(update={"accepted": (rival,)}), make_comparison(lowest, 0.01))
    assert verdict.said.startswith("Not worse: perplexity")
    assert verdict.accepted == rival


def test_mixtures_are_listed_newest_first_with_what_tells_them_apart(maker: Maker) -> None:
    old, new = maker.make_mixture(0, base="llama"), maker.make_mixture(3, threshold=6)
    maker.evaluate(old)
    promote(maker.store, old)
    first, second = list_mixtures(maker.store)
    assert (first.mixture, first.is_accepted, first.seed, first.perplexity) == (new, False, 3, None)
    assert (second.mixture, second.is_accepted, second.base, second.n_turns) == (old, True, "llama", 2)
    assert second.perplexity == pytest.approx(7.389, abs=1e-3)
    assert (first.rule, first.sensibility_threshold, second.rationality_threshold) == ("paper", 6, 5)
    assert first.recipe != second.recipe


def test_retraining_trains_as_many_seeds_as_the_gate_asks_for_its_own_first() -> None:
    config = load_profile("smoke", {"gate": {"min_seeds": 3}, "expert": {"seed": 2**32 - 1}, "router": {"seed": 5}})
    seeds = [(one.expert.seed, one.router.seed) for one in list_reseeded(config)]
    assert seeds == [(2**32 - 1, 5), (0, 6), (1, 7)]
    assert list_reseeded(config)[0] == config
