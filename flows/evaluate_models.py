"""Compare the models on held-out dialogues, beside the controls that a claim needs."""

from __future__ import annotations

import time

from prefect import flow

from flows.compare_responses import compare_responses
from flows.judge_responses import judge_responses
from flows.naming import name_evaluation, named_by
from flows.notifying import notify_failure
from flows.showing import progress_on_page
from flows.train_experts import train_experts
from flows.train_router import train_router
from tasks.bounded import Minutes
from tasks.config import ExperimentConfig
from tasks.evaluation import add_partners, check_pairs, has_mixture, list_adapters, list_partners
from tasks.evaluation.tasks import check_held_out, compare_systems, evaluate_one, leave_budget
from tasks.experts.tasks import find_corpus_of, find_trained, prepare_base_model, resolve_subsets
from tasks.schema import ArtifactRef


@flow(name="evaluate-models", flow_run_name=named_by(name_evaluation),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def evaluate_models(
    config: ExperimentConfig = ExperimentConfig(),  # noqa: B008 - frozen, and the form shows it
    subsets: ArtifactRef | None = None,
    experts: dict[str, ArtifactRef] | None = None,
    mixture: ArtifactRef | None = None,
    max_minutes: Minutes | None = None,
) -> ArtifactRef:
    """Evaluate every system of the config; models that do not exist yet are trained first.

    What a system must be compared with is in the table, too, if it is there without being trained for it.

    Args:
        config: The experiment; `evaluation` says which systems, on what.
        subsets: Subsets whose models are evaluated; those selected last if left empty.
        experts: Trained experts and controls by name; trained, or found again, if left empty.
        mixture: Trained mixture; trained, or found again, if left empty.
        max_minutes: Longest time for one training or one system's turns; the next run goes on from there.
    """
    chosen = resolve_subsets(subsets)
    corpus = find_corpus_of(chosen)
    check_held_out(corpus, chosen, config)
    base = prepare_base_model(config)
    partners = find_trained(list_partners(config.evaluation.systems), chosen, base, config)
    wanted = list_adapters(config)
    systems = add_partners(config.evaluation.systems, {"base", "prompted", *partners, *(experts or wanted)})
    check_pairs(config.evaluation, systems)
    adapters = experts or train_experts(config, wanted, chosen, max_minutes)
    is_joined = mixture is not None or not has_mixture(config)
    joined = mixture if is_joined else train_router(config, chosen, adapters, max_minutes)
    models = {"base": None, "prompted": None, **partners, **adapters, "mixture": joined}
    with progress_on_page():
        responses = [evaluate_one(name, models[name], corpus, base, config, max_minutes) for name in systems]
    judge, pairwise, scoring = config.evaluation.judge, config.evaluation.pairwise, config.scoring
    started = time.time()
    scores = judge_responses(responses, corpus, judge, scoring) if judge else None
    verdicts = None
    if pairwise:
        verdicts = compare_responses(responses, corpus, pairwise, leave_budget(scoring, judge, started))
    return compare_systems(responses, config, scores, verdicts)
