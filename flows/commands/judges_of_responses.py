"""Who judges the generated responses, as it is said on the command line of `empathy evaluate`, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.judging import check_judge, parse_judge
from flows.commands.options import drop_unset
from tasks.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from flows.terminal import Listing
    from tasks.evaluation import EvaluationTable
    from tasks.schema import ArtifactRef

NOBODY = "none"
LLM_KINDS = ("openai", "openai-batch")
ResponseJudgeOption = Annotated[
    str | None,
    typer.Option(
        help="Who scores the responses: distilled, openai, openai-batch, replies:FILE, or none \\[default: profile's]."
    ),
]
PairwiseOption = Annotated[
    bool, typer.Option("--pairwise", help="Let an LLM (--model) compare systems' responses two by two, in both orders.")
]

BudgetOption = Annotated[
    float | None,
    typer.Option("--max-cost", help="Stop at the last call that fits this budget of all LLM judges together, in USD."),
]


def choose_judges(judge: str | None, model: str | None, *, is_pairwise: bool) -> dict[str, Any]:
    """Return what the options say of the evaluation's judges, to be laid over the profile."""
    is_llm = judge in LLM_KINDS
    if model and not (is_llm or is_pairwise):
        raise UsageError(
            "--model names the model of an LLM judge.", do="give it together with --judge openai or --pairwise"
        )
    chosen: dict[str, Any] = {}
    if judge is not None:
        asked = parse_judge(judge, model=model if is_llm else None) if judge != NOBODY else None
        chosen["judge"] = asked and asked.model_dump()
    if is_pairwise:
        chosen["pairwise"] = drop_unset(model=model)
    return chosen


def check_judges(config: Any, max_cost: float | None = None) -> None:
    """Refuse judges of responses that cannot work, or have nothing to do, before anything is trained for them.

    `max_cost` is the budget as it was given for this evaluation alone.
    """
    from tasks.evaluation import check_pairs, list_partners

    systems = config.evaluation.systems
    check_pairs(config.evaluation, {*systems, *list_partners(systems)})  # which partners there are, the flow knows
    judges = [judge for judge in (config.evaluation.judge, config.evaluation.pairwise) if judge is not None]
    if max_cost is not None and not any(judge.kind in LLM_KINDS for judge in judges):
        raise UsageError(
            "--max-cost is the budget of LLM judges.", do="give it together with --judge openai or --pairwise"
        )
    for judge in judges:
        check_judge(judge, config.scoring.max_cost_usd if judge.kind in LLM_KINDS else None)


def read_judgements(ref: ArtifactRef) -> dict[str, Any]:
    """Return who judged an evaluation's responses, which have no score and why, and the pairwise wins."""
    from tasks.evaluation import read_wins
    from tasks.home import open_home

    artifacts = open_home().artifacts
    facts, wins = artifacts.read_manifest(ref.uri)["facts"], read_wins(artifacts.open(ref))
    return {
        "judges": facts.get("judges", {}),
        "unscored": facts.get("unscored", {}),
        "pairwise": [] if wins is None else wins.to_dicts(),
    }


def judgement_tables(ref: ArtifactRef) -> list[Table | Listing]:
    """Return judged scores and their differences, pairwise wins, and who judged: each only where there is any."""
    import polars as pl

    from flows.terminal import Listing
    from tasks.evaluation import (
        JUDGED,
        make_comparison_table,
        make_table,
        make_wins_table,
        read_comparisons,
        read_metrics,
        read_wins,
    )
    from tasks.home import open_home

    folder = open_home().artifacts.open(ref)
    wins, metrics = read_wins(folder), read_metrics(folder)
    found: list[Table | Listing] = []
    if JUDGED[0] in metrics["metric"]:
        found.append(draw_table("Judged responses (mean of 0 to 10)", make_table(metrics, JUDGED)))
        judged = read_comparisons(folder).filter(pl.col("metric").is_in(JUDGED))
        if len(judged):
            found.append(draw_table("Differences in judged scores", make_comparison_table(judged, JUDGED)))
    if wins is not None:
        found.append(draw_table("Wins (both orders agree, else a tie)", make_wins_table(wins)))
    lines = say_judges(read_judgements(ref))
    return [*found, *([Listing("Judges of the responses", lines)] if lines else [])]


def draw_table(title: str, table: EvaluationTable) -> Table:
    """Return a table of values with their intervals."""
    from flows.terminal import make_table

    rows = [
        [name, *(f"{cell.value} [{cell.interval}]" if cell.interval else cell.value for cell in cells)]
        for name, cells in table.rows
    ]
    return make_table(title, [table.first_heading.lower(), *table.headings], rows)


def say_judges(judgements: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return who scored and who compared, and how many responses have no score, a line each."""
    judges, unscored = judgements["judges"], judgements["unscored"]
    lines = [("scored by", judges["scores"])] if "scores" in judges else []
    if unscored:
        lines.append(("without a score", ", ".join(f"{reason} {n:,}" for reason, n in unscored.items())))
    return lines + ([("compared by", judges["verdicts"])] if "verdicts" in judges else [])
