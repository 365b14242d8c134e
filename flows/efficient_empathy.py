"""The whole method: dialogues -> scores -> subsets -> experts -> router -> evaluation -> report."""

from __future__ import annotations

from prefect import flow

from flows.evaluate_models import evaluate_models
from flows.ingest_dialogues import ingest_dialogues
from flows.naming import name_whole, named_by
from flows.notifying import notify_failure
from flows.score_dialogues import score_dialogues
from flows.select_subsets import select_subsets
from flows.train_experts import train_experts
from flows.train_router import train_router
from tasks.config import ExperimentConfig
from tasks.evaluation import list_adapters
from tasks.evaluation.tasks import check_held_out
from tasks.reporting.tasks import write_run_report
from tasks.schema import ArtifactRef


@flow(name="efficient-empathy", flow_run_name=named_by(name_whole),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def efficient_empathy(config: ExperimentConfig = ExperimentConfig()) -> dict[str, ArtifactRef]:  # noqa: B008 - frozen
    """Run the method from a source of dialogues to the report; what was made before is found again.

    Args:
        config: The experiment.
    """
    dialogues = ingest_dialogues(config.source, config.source_split)
    scores = score_dialogues(config.judge, config.scoring, [dialogues])
    subsets = select_subsets(config.selection, [dialogues], scores)
    check_held_out([dialogues], subsets, config)
    experts = train_experts(config, list_adapters(config, for_mixture=True), subsets)
    mixture = train_router(config, subsets, experts)
    evaluation = evaluate_models(config, subsets, experts, mixture)
    report = write_run_report(dialogues, scores, subsets, experts, mixture, evaluation, config)
    return {"dialogues": dialogues, "scores": scores, "subsets": subsets, **experts, "mixture": mixture,
            "evaluation": evaluation, "report": report}  # fmt: skip
