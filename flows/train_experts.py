"""Fine-tune the experts, and the controls that their claim needs."""

from __future__ import annotations

from prefect import flow

from flows.naming import name_training, named_by
from flows.notifying import notify_failure
from flows.showing import progress_on_page
from tasks.bounded import Minutes
from tasks.config import AdapterName, ExperimentConfig
from tasks.experts.tasks import prepare_base_model, resolve_subsets, train_adapter
from tasks.schema import ArtifactRef


@flow(name="train-experts", flow_run_name=named_by(name_training),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def train_experts(
    config: ExperimentConfig = ExperimentConfig(),  # noqa: B008 - frozen, and the form shows it
    adapters: tuple[AdapterName, ...] = ("sensibility", "rationality"),
    subsets: ArtifactRef | None = None,
    max_minutes: Minutes | None = None,
) -> dict[str, ArtifactRef]:
    """Train adapters on the subsets; what was trained before is found again.

    Args:
        config: The experiment; its parts `expert` and `router` matter here.
        adapters: Experts and controls to train.
        subsets: Subsets to learn from; those selected last if left empty.
        max_minutes: Longest time for one adapter; it stops at a checkpoint, and the next run goes on.
    """
    chosen = resolve_subsets(subsets)
    base = prepare_base_model(config)
    with progress_on_page():
        return {name: train_adapter(name, chosen, base, config, max_minutes) for name in adapters}
