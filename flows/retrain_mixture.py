"""Retraining as CI starts it: as many seeds as the gate asks for, the comparison, the gate, the promotion."""

from __future__ import annotations

from prefect import flow

from flows.evaluate_models import evaluate_models
from flows.gate_mixture import gate_mixture
from flows.naming import name_retraining, named_by
from flows.notifying import notify_failure
from flows.train_router import train_router
from tasks.bounded import Minutes
from tasks.config import ExperimentConfig
from tasks.evaluation import Verdict, list_reseeded
from tasks.evaluation.tasks import check_held_out
from tasks.experts.tasks import find_corpus_of, resolve_subsets
from tasks.schema import ArtifactRef


@flow(name="retrain-mixture", flow_run_name=named_by(name_retraining),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def retrain_mixture(
    config: ExperimentConfig = ExperimentConfig(),  # noqa: B008 - frozen, and the form shows it
    subsets: ArtifactRef | None = None,
    promote: bool = True,
    max_minutes: Minutes | None = None,
) -> Verdict:
    """Train what the subsets have not trained yet, compare the systems, and fail if the new mixture may be worse.

    Args:
        config: The experiment; `gate.min_seeds` mixtures are trained, the first with the config's own seeds.
        subsets: Subsets to learn from; those selected last of the split `train` if left empty.
        promote: Make the mixture the accepted one if it passes.
        max_minutes: Longest time for one training or one system's turns; the next run goes on from there.
    """
    chosen = resolve_subsets(subsets, "train")  # held-out dialogues may have been selected since
    check_held_out(find_corpus_of(chosen), chosen, config)
    for reseeded in reversed(list_reseeded(config)):  # the config's own last: it is what `current` names then
        train_router(reseeded, chosen, None, max_minutes)
    evaluation = evaluate_models(config, chosen, None, None, max_minutes)
    return gate_mixture(config, evaluation, promote, max_minutes)
