"""What a run is called: in a list of runs, its name says what ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from tasks.redaction import redact

if TYPE_CHECKING:
    from tasks.config import (
        ActiveConfig,
        ExperimentConfig,
        JudgeConfig,
        PairwiseConfig,
        SelectionConfig,
        SweepConfig,
    )
    from tasks.scoring import ShardName

MOST_NAMED = 3
LONGEST_NAME = 120


def named_by(namer: Callable[..., str]) -> Callable[[], str]:
    """Return what Prefect calls for a run's name: the namer, given the run's parameters; no key stands in a name."""

    def name_run() -> str:
        said = redact(namer(**flow_run.parameters))
        return said if len(said) <= LONGEST_NAME else f"{said[: LONGEST_NAME - 1]}…"

    return name_run


def name_ingest(source: str, **_: Any) -> str:
    """Return `ingest sample`."""
    return f"ingest {source}"


def name_whole(config: ExperimentConfig, **_: Any) -> str:
    """Return `efficient empathy on sample, tiny-llama`."""
    return f"efficient empathy on {config.source}, {name_base(config)}"


def name_scoring(judge: JudgeConfig, **_: Any) -> str:
    """Return `score with distilled`, or the model of an endpoint."""
    return f"score with {name_judge(judge)}"


def name_shard(shard: ShardName, judge: JudgeConfig, **_: Any) -> str:
    """Return `score shard 2 of the run 1f0c9a3e with gpt-4o-mini`."""
    return f"score shard {shard.shard} of the run {shard.run[:8]} with {name_judge(judge)}"


def name_active(llm: JudgeConfig, active: ActiveConfig, **_: Any) -> str:
    """Return `score actively with gpt-4o-mini, at most 10%`."""
    return f"score actively with {name_judge(llm)}, at most {active.budget:.0%}"


def name_regression(judge: JudgeConfig, **_: Any) -> str:
    """Return `regress distilled`, or the model of an endpoint."""
    return f"regress {name_judge(judge)}"


def name_selection(selection: SelectionConfig, **_: Any) -> str:
    """Return `select paper S>5 R<5`."""
    return f"select {selection.label}"


def name_sweep(sweep: SweepConfig, **_: Any) -> str:
    """Return `sweep paper, released at 4, 5, 6, 7`."""
    return f"sweep {', '.join(sweep.rules)} at {list_some([f'{value:g}' for value in sweep.thresholds], most=8)}"


def name_training(config: ExperimentConfig, adapters: Sequence[str], **_: Any) -> str:
    """Return `train sensibility, rationality on tiny-llama`."""
    return f"train {list_some(adapters)} on {name_base(config)}"


def name_routing(config: ExperimentConfig, **_: Any) -> str:
    """Return `route router+experts (block) on tiny-llama`."""
    return f"route {config.router.train} ({config.router.routing}) on {name_base(config)}"


def name_evaluation(config: ExperimentConfig, **_: Any) -> str:
    """Return `evaluate mixture, union of tiny-llama`."""
    return f"evaluate {list_some(config.evaluation.systems)} of {name_base(config)}"


def name_gate(config: ExperimentConfig, promote: bool, **_: Any) -> str:
    """Return `gate mixture of tiny-llama`, and whether it is promoted."""
    return f"gate mixture of {name_base(config)}{' and promote it' if promote else ''}"


def name_retraining(config: ExperimentConfig, **_: Any) -> str:
    """Return `retrain mixture of tiny-llama, 3 seeds`."""
    seeds = config.gate.min_seeds
    return f"retrain mixture of {name_base(config)}, {seeds} seed{'' if seeds == 1 else 's'}"


def name_judging(responses: Sequence[Any], judge: JudgeConfig, **_: Any) -> str:
    """Return `judge responses of 9 systems with distilled`."""
    return f"judge responses of {count_systems(responses)} with {name_judge(judge)}"


def name_comparing(responses: Sequence[Any], pairwise: PairwiseConfig, **_: Any) -> str:
    """Return `compare 9 systems by gpt-4o-mini`."""
    return f"compare {count_systems(responses)} by {name_judge(pairwise)}"


def name_judge(judge: JudgeConfig) -> str:
    """Return a judge's model where an endpoint is asked for one, else its kind."""
    return judge.model if judge.kind.startswith("openai") else judge.kind


def name_base(config: ExperimentConfig) -> str:
    """Return the last part of the base model's name or folder."""
    return PurePath(config.expert.base_model).name or config.expert.base_model


def list_some(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return the first names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def count_systems(responses: Sequence[Any]) -> str:
    """Return how many systems answered."""
    return f"{len(responses)} system{'' if len(responses) == 1 else 's'}"
