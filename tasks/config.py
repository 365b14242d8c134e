"""The science of a run: one frozen model that is the flow's parameter, the CLI's help and the profiles' schema.

The defaults are what we recommend. A profile (`tasks/profiles/*.toml`) lists differences only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from tasks.bounded import Amount, Count, Finite, Name, Place, Seed, hide_keys
from tasks.errors import ConfigError
from tasks.judge_config import DEFAULT_N_SAMPLES as DEFAULT_N_SAMPLES
from tasks.judge_config import ActiveConfig as ActiveConfig
from tasks.judge_config import JudgeConfig as JudgeConfig
from tasks.judge_config import PairwiseConfig as PairwiseConfig
from tasks.judge_config import Part
from tasks.judge_config import SystemName as SystemName
from tasks.selection_config import SelectionConfig as SelectionConfig
from tasks.selection_config import SweepConfig as SweepConfig

MOST_TOLD = 120
"""Characters of a wrong value that are repeated."""

ControlName = Literal["union", "full", "random", "length-matched"]
AdapterName = Literal["sensibility", "rationality", "union", "full", "random", "length-matched"]
ADAPTERS: tuple[AdapterName, ...] = get_args(AdapterName)


class ScoringConfig(Part):
    """How many turns are scored, how fast and for how much; none of it changes a score."""

    split: Literal["train", "valid", "test", "all"] = Field(default="all", description="Split to score.")
    limit: Count | None = Field(default=None, ge=1, description="Score at most this many turns, in hash order.")
    max_concurrency: int = Field(
        default=64, ge=1, le=2000, description="Most calls in flight at once; fewer where the endpoint takes fewer."
    )
    requests_per_minute: Amount | None = Field(default=None, gt=0, description="Budget of calls a minute.")
    tokens_per_minute: Amount | None = Field(
        default=None, gt=0, description="Budget of tokens a minute, in and out together."
    )
    max_cost_usd: Amount | None = Field(
        default=None,
        gt=0,
        description="Stop at the last call that fits; the next run goes on. "
        "Scoring the dialogues has this much, and so have all judges of an evaluation together.",
    )
    timeout_s: Finite = Field(default=60.0, gt=0, le=3600, description="Longest wait for one reply.")
    chunk_size: int = Field(
        default=250, ge=1, le=5000, description="Turns in one Prefect task; more where that gave over 500 tasks."
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Runs of score-shard that the turns are divided among, on whatever workers, each with its part of "
        "the budgets and of the calls in flight; 1: this process asks.",
    )
    retry_unscored: bool = Field(default=False, description="Ask again for turns that have a terminal reason.")
    drift_gate: bool = Field(
        default=False,
        description="Before the first turn is paid for, ask the judge about the anchors, and stop if it no longer "
        "scores them as in its accepted run.",
    )
    batch_results: tuple[Place, ...] = Field(
        default=(), description="Output files of batches that were run by hand: they are taken, and nobody is asked."
    )


class ExpertConfig(Part):
    """How one LoRA adapter is fine-tuned; the defaults are the paper's where it is known."""

    base_model: Place = Field(
        default="meta-llama/Meta-Llama-3-8B-Instruct",
        min_length=1,
        description="Hub id or folder, 'gemma-3-270m' (installed package) or 'tiny-llama' (random, for tests).",
    )
    revision: Name = Field(default="main", description="Revision of the base model on its hub.")
    target_modules: Literal["paper", "composable"] = Field(
        default="composable",
        description="paper: all seven linears. composable: the MLP's three, which the mixture joins exactly.",
    )
    lora_r: int = Field(default=8, ge=1, le=512, description="Rank of the adapter.")
    lora_alpha: Count = Field(default=32, ge=1, description="Scale of the adapter.")
    lora_dropout: Finite = Field(default=0.1, ge=0, lt=1, description="Dropout before the adapter.")
    learning_rate: Finite = Field(default=1e-4, gt=0, le=1, description="Peak learning rate.")
    batch_size: Count = Field(default=16, ge=1, description="Turns in one step.")
    micro_batch_size: Count | None = Field(
        default=None, ge=1, description="Turns in one forward pass, whose gradients are added; a whole step if empty."
    )
    epochs: Amount = Field(default=1.0, gt=0, description="Passes over the subset.")
    max_steps: Count | None = Field(default=None, ge=1, description="Stop after this many steps.")
    max_length: Count = Field(default=512, ge=16, description="Longest prompt plus response, in tokens.")
    too_long: Literal["refuse", "cut"] = Field(
        default="refuse",
        description="Turns over that length. refuse: count them and stop. cut: drop the beginning of their context.",
    )
    n_evaluations: int = Field(
        default=0, ge=0, le=1000, description="How often a training looks at its loss on turns of the split 'valid'."
    )
    eval_turns: Count = Field(default=200, ge=1, description="Turns of that look; the same every time.")
    keep: Literal["last", "best"] = Field(
        default="last", description="Weights to keep: the last, or those with the lowest loss of all these looks."
    )
    prompt_format: Literal["chat", "released"] = Field(
        default="chat", description="chat: roles. released: the authors' single user message."
    )
    seed: Seed = Field(default=0, description="Seed of data order, dropout and adapter.")

    @model_validator(mode="after")
    def _best_needs_looks(self) -> ExpertConfig:
        if self.keep == "best" and not self.n_evaluations:
            raise ValueError("keep='best' needs n_evaluations: nobody looks which weights are the best")
        return self


class RouterConfig(Part):
    """How the experts are joined and what the router learns from."""

    train: Literal["router", "router+experts", "released"] = Field(
        default="router+experts",
        description="What the router stage trains; released: gates and the experts' gate_proj, as the authors did.",
    )
    routing: Literal["block", "linear"] = Field(
        default="block",
        description="block: one gate a MLP block, exportable. linear: one a linear, as released.",
    )
    data: Literal["union", "all", "sensibility"] = Field(default="union", description="Turns of the router stage.")
    learning_rate: Finite = Field(default=1e-2, gt=0, le=1, description="Learning rate of the gates.")
    expert_learning_rate: Finite = Field(default=1e-4, gt=0, le=1, description="Of the experts, if trained.")
    epochs: Amount = Field(default=1.0, gt=0, description="Passes over the data.")
    max_steps: Count | None = Field(default=None, ge=1, description="Stop after this many steps.")
    init: Literal["normal", "data"] = Field(
        default="normal",
        description="The gates' first weights: random, or from the mean hidden states of each expert's own turns.",
    )
    init_std: Amount = Field(default=0.02, ge=0, description="Spread of the first weights, for the init 'normal'.")
    seed: Seed = Field(default=0, description="Seed of data order and gates.")


class EvaluationConfig(Part):
    """What the models are compared on."""

    split: Literal["auto", "valid", "test"] = Field(
        default="auto", description="Held-out split; auto: test, or valid where there is no test."
    )
    systems: tuple[SystemName, ...] = Field(
        default=("base", "prompted", "sensibility", "rationality", "mixture", "union", "full", "random",
                 "length-matched"),
        description="Systems in the table.",
    )  # fmt: skip
    max_turns: Count | None = Field(default=None, ge=1, description="Turns for perplexity; all if not set.")
    max_responses: Count | None = Field(default=None, ge=1, description="Turns that get a generated response.")
    max_new_tokens: int = Field(default=64, ge=1, le=2048, description="Longest generated response.")
    batch_size: Count = Field(default=8, ge=1, description="Turns generated at once.")
    bootstrap: int = Field(default=1000, ge=100, le=100_000, description="Resamples of the intervals.")
    judge: JudgeConfig | None = Field(
        default_factory=JudgeConfig, description="Who scores the generated responses; nobody if null."
    )
    pairwise: PairwiseConfig | None = Field(
        default=None, description="The LLM that compares systems' responses two by two; no comparison if null."
    )
    seed: Seed = Field(default=0, description="Seed of sampling and resampling.")

    @field_validator("systems")
    @classmethod
    def _systems_stand_once(cls, systems: tuple[SystemName, ...]) -> tuple[SystemName, ...]:
        return tuple(dict.fromkeys(systems))


class GateConfig(Part):
    """When a new mixture may take the accepted one's place."""

    min_seeds: int = Field(
        default=3, ge=1, le=100, description="Mixtures that differ only in their seed, without which nothing is said."
    )
    tolerance: Finite = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share by which perplexity may rise: with 95 % confidence it must have risen by no more.",
    )


class ExperimentConfig(Part):
    """The whole method, from a source of dialogues to the report."""

    source: Place = Field(
        default="sample",
        min_length=1,
        description="Path, directory, https:// or s3:// URL, or the names 'sample', 'empathetic-dialogues'.",
    )
    source_split: Literal["auto", "train", "valid", "test"] = Field(
        default="auto", description="Split of the whole source; auto: from its files, else 90/5/5 by hash."
    )
    judge: JudgeConfig = Field(default_factory=JudgeConfig, description="Who scores the turns, and how.")
    scoring: ScoringConfig = Field(default_factory=ScoringConfig, description="How many turns, how fast, for how much.")
    selection: SelectionConfig = Field(default_factory=SelectionConfig, description="Which turns are learnt from.")
    expert: ExpertConfig = Field(default_factory=ExpertConfig, description="How each adapter is fine-tuned.")
    controls: tuple[ControlName, ...] = Field(
        default=("union", "full", "random", "length-matched"),
        description="Controls to train beside the experts.",
    )
    router: RouterConfig = Field(default_factory=RouterConfig, description="How the experts are joined.")
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig, description="What models are compared on.")
    gate: GateConfig = Field(default_factory=GateConfig, description="What retraining must show.")


def list_profiles() -> list[str]:
    """Return the names of the shipped profiles, sorted."""
    folder = resources.files("tasks") / "profiles"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_profile(name: str, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Return a profile with `overrides` laid over it (nested mappings merge).

    Raises ConfigError for an unknown profile, an unknown field or a value out of bounds.
    """
    if name not in list_profiles():
        raise ConfigError(f"There is no profile {name!r}.", do=f"choose one of: {', '.join(list_profiles())}")
    text = (resources.files("tasks") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
    return parse_config(merge(tomllib.loads(text), overrides or {}), where=f"profile {name}")


def parse_config(values: Mapping[str, Any], where: str) -> ExperimentConfig:
    """Validate `values`; a ConfigError names every wrong field and its value."""
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe_errors(error), where=where, do="see `empathy run --help`") from None


def describe_errors(error: ValidationError) -> str:
    """Return one line a wrong field: its name, what is wrong, what was given."""
    said = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])[:MOST_TOLD]
        said.append(f"{name or 'value'}: {item['msg']} (got {tell(item['input'])})")
    return "; ".join(said)


def tell(value: object) -> str:
    """Return a value as it was given, on one line and not endless, and without keys."""
    said = hide_keys(repr(value))
    return said if len(said) <= MOST_TOLD else f"{said[:MOST_TOLD]}…, {len(said):,} characters"


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `changes` over `base`, group by group."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return merged
