"""What an evaluation is made from: one artifact for each system's responses, one for the comparison of them."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.chat import PromptFormat
from tasks.config import EvaluationConfig
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

RESPONSES_VERSION = 1  # raise it when the same inputs give other responses or likelihoods
EVALUATION_VERSION = 3  # raise it when the same responses give other metrics


def responses_recipe(
    system: str,
    dialogues: Sequence[ArtifactRef],
    model: ArtifactRef | None,
    config: EvaluationConfig,
    prompt_format: PromptFormat,
    base_digest: str,
    instruction: str | None = None,
) -> Recipe:
    """Return the recipe of one system's rows; `model` is None for the base model itself.

    Batch size, intervals and the list of systems change no response, so they are no part of it.
    """
    what_matters = {"split", "max_turns", "max_responses", "max_new_tokens", "seed"}
    return Recipe(
        kind="responses",
        stage_version=RESPONSES_VERSION,
        config={
            **config.model_dump(mode="json", include=what_matters),
            "system": system,
            "prompt_format": prompt_format,
            "instruction": instruction,
        },
        parents=(*dialogues, *([] if model is None else [model])),
        inputs={"base": base_digest},
    )


def evaluation_recipe(
    responses: Sequence[ArtifactRef], config: EvaluationConfig, judgements: Sequence[ArtifactRef] = ()
) -> Recipe:
    """Return the recipe of the comparison of these systems' responses, and of what judges said of them."""
    return Recipe(
        kind="evaluation",
        stage_version=EVALUATION_VERSION,
        config=config.model_dump(mode="json", include={"bootstrap", "seed"}),
        parents=(*responses, *judgements),
    )
