"""`empathy judge regress`: hold a judge to the anchors and to the run of it that was accepted."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.guarding import find_anchors
from flows.commands.judging import (
    BaseUrlOption,
    EncoderOption,
    EndpointAliasOption,
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
from tasks.bounded import check_place
from tasks.errors import DriftError, UsageError

if TYPE_CHECKING:
    from tasks.judges import Case, RegressionRun

BOUNDS, CALLS = "What the judge is held to", "How an endpoint is asked"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(regress)


def regress(
    judge: Annotated[
        str, typer.Option(help="distilled, openai, or replies:FILE; as in `empathy score`.")
    ] = "distilled",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    endpoint_alias: EndpointAliasOption = None,
    rubric: RubricOption = None,
    method: MethodOption = None,
    samples: SamplesOption = None,
    weights: WeightsOption = None,
    encoder: EncoderOption = None,
    anchors: Annotated[
        str | None, typer.Option(metavar="FOLDER|FILE", help="Anchors of your own (.toml) in the form of 'ours'.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Later runs of this judge must match this one.", rich_help_panel=BOUNDS)
    ] = False,
    last: Annotated[
        bool, typer.Option("--last", help="Take the last run of this judge instead of asking anew; nobody is paid.")
    ] = False,
    min_agreement: Annotated[
        float | None, typer.Option(help="Least kappa with the accepted run \\[default: 0.8].", rich_help_panel=BOUNDS)
    ] = None,
    max_shift: Annotated[
        float | None,
        typer.Option(help="Most points that a mean may move from it \\[default: 0.5].", rich_help_panel=BOUNDS),
    ] = None,
    min_pass: Annotated[
        float | None, typer.Option(help="Least pass rate of each relation, 0 to 1.", rich_help_panel=BOUNDS)
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="Points that a paraphrase may move a score \\[default: 1].", rich_help_panel=BOUNDS),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Stop at the last call that fits this budget, in USD.", rich_help_panel=CALLS)
    ] = None,
    max_concurrency: Annotated[
        int | None, typer.Option(min=1, max=2000, help="Most calls in flight.", rich_help_panel=CALLS)
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Longest wait for one reply, in seconds.", rich_help_panel=CALLS)
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="Show each case where a relation failed, to read.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the replies (.jsonl), for replies:FILE; never over a file."),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask a judge about the anchors: do its scores move only where they must, and as in the accepted run?

    Exit code 1 says that the judge has drifted from the accepted run.
    """
    from tasks.config import ScoringConfig
    from tasks.judges import RegressionConfig, derive_cases, raise_faults, read_anchors

    if samples and method != "samples":
        raise UsageError("--samples is the number of replies of --method samples.", do="give both, or neither")
    use_home(home)
    use_endpoint(base_url)
    config = check_regressed(
        judge, max_cost, is_asked=not last, model=model, endpoint_alias=endpoint_alias, rubric=rubric, method=method,
        n_samples=samples, weights=weights, encoder=encoder,
    )  # fmt: skip
    target = check_record(record)
    bounds = drop_unset(
        min_agreement=min_agreement, max_shift=max_shift, min_pass=min_pass, tolerance=tolerance
    )  # fmt: skip
    regression = RegressionConfig(anchors=find_anchors(anchors), accept=accept, **bounds)
    scoring = ScoringConfig(
        **drop_unset(max_cost_usd=max_cost, max_concurrency=max_concurrency, timeout_s=timeout)
    )  # fmt: skip
    cases = derive_cases(read_anchors(regression.anchors))
    if last:
        run = take_last(config, cases, regression)
    else:
        run = ask(config, cases, scoring, regression, as_json=json, verbose=verbose)
    if target is not None:
        write_record(run, cases, config, target)
    show_run(run, cases, with_failures=failures, as_json=json)
    raise_faults(run)


def check_regressed(judge: str, max_cost: float | None, *, is_asked: bool, **given: Any) -> Any:
    """Return the config of a judge that can be asked about anchors, refused before anything is started if not."""
    from tasks.judges import refuse_unaskable

    config = parse_judge(judge, **given)
    refuse_unaskable(config)
    if is_asked:
        check_judge(config, max_cost)
    return config


def check_record(record: Path | None) -> Path | None:
    """Return the file that replies are to be written to. Raises UsageError where something stands there."""
    from tasks.judges import expand_home, require_new

    if record is None:
        return None
    path = expand_home(check_place(str(record), "--record"))
    require_new(path)
    if not path.absolute().parent.is_dir():
        raise UsageError("There is no such folder.", where=str(path.absolute().parent), do="make it, or name another")
    return path


def ask(
    config: Any, cases: list[Case], scoring: Any, regression: Any, *, as_json: bool, verbose: bool
) -> RegressionRun:
    """Run the flow and return the run that it kept, one that has drifted too."""
    try:
        return run_command(
            "judge_regression", as_json=as_json, verbose=verbose, judge=config, scoring=scoring, regression=regression
        )
    except DriftError:
        return find_last(config, cases)


def take_last(config: Any, cases: list[Case], regression: Any) -> RegressionRun:
    """Return the last run of a judge, held to the bounds that are asked for now."""
    from tasks.home import open_home
    from tasks.judges import review_run

    return review_run(open_home().artifacts, find_last(config, cases), cases, regression)


def find_last(config: Any, cases: list[Case]) -> RegressionRun:
    """Return the last run of a judge over these cases. Raises UsageError if there is none."""
    from tasks.home import open_home
    from tasks.judges import digest_cases, find_last_run
    from tasks.scoring import identify_judge

    home = open_home()
    identity = identify_judge(config, home.settings.judge_base_url)
    run = find_last_run(home.artifacts, identity.judge_id, digest_cases(cases))
    if run is None:
        raise UsageError(
            f"The judge {identity.alias} ({identity.judge_id}) was never asked about these anchors.",
            do="leave --last out to ask it now",
        )
    return run


def write_record(run: RegressionRun, cases: list[Case], config: Any, path: Path) -> None:
    """Write what the judge replied in a run. Raises UsageError where the replies are in another home."""
    from flows.terminal import say
    from tasks.home import open_home
    from tasks.judges import list_replies
    from tasks.scoring import identify_judge, read_answers

    home = open_home()
    identity = identify_judge(config, home.settings.judge_base_url)
    folder = home.settings.regressions_dir / run.journal
    rows = list_replies(cases, read_answers(folder, identity), identity)
    if not rows:
        raise UsageError("The replies of this run are not in this home.", str(folder), "ask again, without --last")
    with path.open("x", encoding="utf-8") as file:
        file.writelines(json_format.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    say(f"{len(rows):,} replies written to {path}")


def show_run(run: RegressionRun, cases: list[Case], *, with_failures: bool, as_json: bool) -> None:
    """Print a run, and if asked for the cases where relations failed."""
    from flows.commands.regress_tables import make_failure_listings, make_regression_tables
    from flows.terminal import show_result

    listings = make_failure_listings(run, cases) if with_failures else []
    show_result(run.model_dump(), as_json=as_json, tables=[*listings, *make_regression_tables(run)])
