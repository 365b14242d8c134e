"""`empathy evaluate --gate`: its options, and what it prints beside the comparison of systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import run_command
from tasks.errors import EmpathyError, UsageError

if TYPE_CHECKING:
    from tasks.config import ExperimentConfig
    from tasks.evaluation import Verdict
    from tasks.schema import ArtifactRef

GateOption = Annotated[
    bool, typer.Option("--gate", help="Exit 1 if the mixture may be worse than the accepted one: `empathy models`.")
]
MinSeedsOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="With --gate: mixtures that differ only in their seed it needs \\[default: the profile's]."
    ),
]
PromoteOption = Annotated[bool, typer.Option("--promote", help="With --gate: accept the mixture if it passes.")]


def check_gate(config: ExperimentConfig, *, gate: bool, min_seeds: int | None, promote: bool) -> None:
    """Refuse, before anything is trained, options without their gate, and a gate without a mixture."""
    from tasks.evaluation import has_mixture

    given = [name for name, value in {"--min-seeds": min_seeds, "--promote": promote}.items() if value]
    if given and not gate:
        raise UsageError(
            f"{given[0]} goes with --gate only.", do="add --gate, or promote by hand: `empathy models promote DIGEST`"
        )
    if gate and not has_mixture(config):
        raise UsageError("The gate judges the mixture, which is not among the systems.", do="add `mixture`")


def show_gated(evaluation: ArtifactRef, config: ExperimentConfig, *, as_json: bool, **options: Any) -> None:
    """Run the gate on an evaluation's mixture, and print both; a mixture that does not pass is an error after that.

    So is a gate that cannot judge: the comparison of systems was paid for, and is shown.
    """
    from flows.commands.results import show_evaluation

    try:
        verdict = run_command("gate_mixture", as_json=as_json, config=config, evaluation=evaluation, **options)
    except EmpathyError as error:
        failed = {"is_passed": False, "said": error.what}
        show_evaluation(evaluation, as_json=as_json, gate=failed)
        raise
    show_evaluation(evaluation, as_json=as_json, gate=describe_verdict(verdict))


def describe_verdict(verdict: Verdict) -> dict[str, Any]:
    """Return what the gate said of a mixture that passed."""
    return {"is_passed": True, **verdict.model_dump()}
