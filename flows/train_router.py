"""Join the two experts in a mixture and train its router."""

from __future__ import annotations

from prefect import flow

from flows.naming import name_routing, named_by
from flows.notifying import notify_failure
from flows.showing import progress_on_page
from flows.train_experts import train_experts
from tasks.bounded import Minutes
from tasks.config import ExperimentConfig
from tasks.experts.tasks import prepare_base_model, resolve_subsets
from tasks.router.tasks import train_mixture_task
from tasks.schema import ArtifactRef


@flow(name="train-router", flow_run_name=named_by(name_routing),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def train_router(
    config: ExperimentConfig = ExperimentConfig(),  # noqa: B008 - frozen, and the form shows it
    subsets: ArtifactRef | None = None,
    experts: dict[str, ArtifactRef] | None = None,
    max_minutes: Minutes | None = None,
) -> ArtifactRef:
    """Train the mixture of the two experts; experts that do not exist yet are trained first.

    Args:
        config: The experiment; its parts `expert` and `router` matter here.
        subsets: Subsets to learn from; those selected last if left empty.
        experts: Trained experts by name; trained, or found again, if left empty.
        max_minutes: Longest time for one training; it stops at a checkpoint, and the next run goes on.
    """
    chosen = resolve_subsets(subsets)
    trained = experts or train_experts(config, ("sensibility", "rationality"), chosen, max_minutes)
    base = prepare_base_model(config)
    with progress_on_page():
        return train_mixture_task(chosen, trained, base, config, max_minutes)
