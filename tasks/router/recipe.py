"""What a mixture is made from: equal inputs make the same artifact."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.config import ExpertConfig, RouterConfig
from tasks.experts import Base
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

ROUTER_VERSION = 2  # raise it when the stage would make something else from the same inputs
FROM_EXPERT = (
    "batch_size", "micro_batch_size", "lora_dropout", "max_length", "prompt_format", "n_evaluations", "eval_turns",
    "keep",
)  # fmt: skip
"""Fields of the experts' config that the router stage uses too; the others are in the experts it is made from."""


def mixture_recipe(
    subsets: ArtifactRef,
    experts: Mapping[str, ArtifactRef],
    base: Base,
    config: RouterConfig,
    expert_config: ExpertConfig,
    n_steps: int,
    rows: Mapping[str, str],
) -> Recipe:
    """Return the recipe of a mixture; which expert has which gate is part of it.

    `rows` are the digests of all rows that it is made from (`digest_rows`), by what they are for: subsets of other
    thresholds that hold the same rows give the same mixture.
    """
    shared = expert_config.model_dump(mode="json", include=set(FROM_EXPERT))
    return Recipe(
        kind="mixture",
        stage_version=ROUTER_VERSION,
        config={
            "router": config.model_dump(mode="json", exclude={"epochs", "max_steps"}),  # n_steps says it
            "expert": shared,
            "experts": {name: ref.sha256 for name, ref in experts.items()},
            "n_steps": n_steps,
        },
        parents=tuple(experts.values()),
        inputs={"base": base.digest, **rows},
        taken_from=(subsets,),
    )
