"""Compare the models on held-out dialogues, beside the controls that a claim needs."""

from __future__ import annotations

from prefect import flow

from flows.train_experts import train_experts
from flows.train_router import train_router
from tasks.config import ExperimentConfig
from tasks.evaluation import has_mixture, list_adapters
from tasks.evaluation.tasks import check_held_out, compare_systems, evaluate_one
from tasks.experts.tasks import find_corpus_of, prepare_base_model, resolve_subsets
from tasks.schema import ArtifactRef


@flow(name="evaluate-models")
def evaluate_models(
    config: ExperimentConfig = ExperimentConfig(),  # noqa: B008 - frozen, and the form shows it
    subsets: ArtifactRef | None = None,
    experts: dict[str, ArtifactRef] | None = None,
    mixture: ArtifactRef | None = None,
) -> ArtifactRef:
    """Evaluate every system of the config; models that do not exist yet are trained first.

    Args:
        config: The experiment; `evaluation` says which systems, on what.
        subsets: Subsets whose models are evaluated; those selected last if left empty.
        experts: Trained experts and controls by name; trained, or found again, if left empty.
        mixture: Trained mixture; trained, or found again, if left empty.
    """
    chosen = resolve_subsets(subsets)
    corpus = find_corpus_of(chosen)
    check_held_out(corpus, chosen, config)
    adapters = experts or train_experts(config, list_adapters(config), chosen)
    joined = train_router(config, chosen, adapters) if mixture is None and has_mixture(config) else mixture
    models = {"base": None, "prompted": None, **adapters, "mixture": joined}
    base = prepare_base_model(config)
    responses = [evaluate_one(name, models[name], corpus, base, config) for name in config.evaluation.systems]
    return compare_systems(responses, config)
