"""The command `empathy score`: ask a judge, or say what that would cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.commands.active_scoring import (
    BoundOption,
    BudgetOption,
    LlmOption,
    OneThresholdOption,
    ThresholdOption,
    parse_active,
    score_some,
)
from flows.commands.batching import (
    BatchFileOption,
    BatchResultsOption,
    check_batch_options,
    check_results,
    write_batch_file,
)
from flows.commands.data import SplitName, check_corpus, read_facts
from flows.commands.forecasting import forecast_run, show_forecast
from flows.commands.guarding import GateAnchorsOption, choose_gate
from flows.commands.judging import (
    BaseUrlOption,
    EncoderOption,
    EndpointAliasOption,
    JudgeOption,
    MethodOption,
    ModelOption,
    RubricOption,
    SamplesOption,
    WeightsOption,
    check_judge,
    parse_judge,
    use_endpoint,
)
from flows.commands.options import HomeOption, JsonOption, VerboseOption, drop_unset, run_command, use_home
from tasks.errors import UsageError

PILOT_TURNS = 50


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(score)


def score(
    judge: JudgeOption = "distilled",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    endpoint_alias: EndpointAliasOption = None,
    rubric: RubricOption = None,
    method: MethodOption = None,
    samples: SamplesOption = None,
    split: Annotated[SplitName | None, typer.Option(help="Score only this split.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Score at most this many turns, in hash order.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop at the last call that fits this budget, in USD.")] = None,
    max_concurrency: Annotated[int | None, typer.Option(min=1, max=2000, help="Most calls in flight.")] = None,
    requests_per_minute: Annotated[float | None, typer.Option(help="Budget of calls a minute.")] = None,
    tokens_per_minute: Annotated[float | None, typer.Option(help="Budget of tokens a minute, in and out.")] = None,
    shards: Annotated[
        int | None, typer.Option(min=1, max=64, help="Runs on workers that share the turns and the budgets.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Longest wait for one reply, in seconds.")] = None,
    retry_unscored: Annotated[
        bool, typer.Option("--retry-unscored", help="Ask again for turns with a terminal reason.")
    ] = False,
    drift_gate: Annotated[
        bool,
        typer.Option("--drift-gate", help="Ask the judge about the anchors first; stop if it has drifted."),
    ] = False,
    anchors: GateAnchorsOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would cost and how long it takes.")
    ] = False,
    pilot: Annotated[
        bool, typer.Option("--pilot", help=f"With --dry-run: score {PILOT_TURNS} turns first, to measure.")
    ] = False,
    batch_file: BatchFileOption = None,
    batch_results: BatchResultsOption = None,
    weights: WeightsOption = None,
    encoder: EncoderOption = None,
    llm: LlmOption = None,
    budget: BudgetOption = None,
    bound: BoundOption = None,
    threshold: ThresholdOption = None,
    sensibility_threshold: OneThresholdOption = None,
    rationality_threshold: OneThresholdOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Score the turns that have no score of this judge."""
    from tasks.config import ScoringConfig

    results = check_batch_options(
        judge, batch_file, batch_results, split=split, limit=limit, retry_unscored=retry_unscored, max_cost=max_cost,
        max_concurrency=max_concurrency, requests_per_minute=requests_per_minute, timeout=timeout, dry_run=dry_run,
        tokens_per_minute=tokens_per_minute, pilot=pilot,
    )  # fmt: skip
    check_together(samples=samples, method=method, pilot=pilot, dry_run=dry_run)
    senseless = {"shards": shards, "limit": limit, "pilot": pilot, "retry_unscored": retry_unscored, "weights": weights}
    active = parse_active(
        judge, llm, senseless, budget=budget, bound=bound, threshold=threshold,
        sensibility_threshold=sensibility_threshold, rationality_threshold=rationality_threshold,
    )  # fmt: skip
    use_home(home)
    use_endpoint(base_url)
    config = parse_judge(
        llm if active and llm else judge, model=model, endpoint_alias=endpoint_alias, rubric=rubric, method=method,
        n_samples=samples, weights=weights, encoder=encoder,
    )  # fmt: skip
    if not batch_file and (pilot or not dry_run):
        check_results(config, results) if results else check_judge(config, max_cost, drift_gate=drift_gate)
    check_corpus()
    gate = choose_gate(config, anchors, drift_gate=drift_gate)
    scoring = ScoringConfig(**drop_unset(
        split=split, limit=limit, retry_unscored=retry_unscored, drift_gate=drift_gate,
        max_cost_usd=max_cost, max_concurrency=max_concurrency, requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute, timeout_s=timeout, shards=shards, batch_results=results or None,
    ))  # fmt: skip
    if batch_file:
        write_batch_file(config, scoring, batch_file, as_json=json)
    elif active:
        score_some(config, active, scoring, gate, dry_run=dry_run, as_json=json, verbose=verbose)
    elif dry_run and not pilot:
        show_forecast(forecast_run(config, scoring, gate), as_json=json)
    else:
        turns = scoring.model_copy(update={"limit": min(PILOT_TURNS, limit or PILOT_TURNS)}) if pilot else scoring
        parameters = {"judge": config, "scoring": turns, "regression": gate}
        ref = run_command("score_dialogues", as_json=json, verbose=verbose, **parameters)
        show_forecast(forecast_run(config, scoring, gate), as_json=json) if pilot else show_scores(ref, as_json=json)


def check_together(*, samples: int | None, method: str | None, pilot: bool, dry_run: bool) -> None:
    """Raise UsageError for options that mean nothing without each other."""
    if samples and method != "samples":
        raise UsageError("--samples is the number of replies of --method samples.", do="give both, or neither")
    if pilot and not dry_run:
        raise UsageError("--pilot measures for a forecast.", do="give it together with --dry-run")


def show_scores(ref: Any, *, as_json: bool) -> None:
    """Print how the corpus stands with the judge of a scores artifact."""
    from flows.terminal import make_table, show_result
    from tasks.home import open_home
    from tasks.scoring import count_coverage

    home, facts = open_home(), read_facts(ref.uri)
    files = home.turn_files(home.list_corpus())
    with home.store.transaction() as connection:
        coverage = count_coverage(connection, files, facts["judge_id"], "all")
    rows: list[tuple[str, object]] = [("turns", coverage.n_turns), ("scored", coverage.n_scored)]
    rows += [(f"unscored: {reason}", n) for reason, n in coverage.unscored.items()]
    if facts.get("cost_usd"):
        rows.append(("cost in USD, all runs", f"{facts['cost_usd']:.4f}"))
    table = make_table(f"Judge {facts['alias']} ({facts['judge_id']})", ["", "n"], rows)
    result = {
        **ref.model_dump(),
        "judge_id": facts["judge_id"],
        "alias": facts["alias"],
        **coverage.model_dump(),
        "cost_usd": facts.get("cost_usd"),
    }
    show_result(result, as_json=as_json, tables=[table])
