"""`empathy score --judge active`: an LLM is asked about the turns that matter, the rest is guessed and audited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.forecasting import forecast_run, show_forecast
from flows.commands.options import drop_unset, run_command
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.config import ActiveConfig, JudgeConfig, ScoringConfig
    from tasks.judges import RegressionConfig
    from tasks.schema import ArtifactRef

ACTIVE = "active"
THRESHOLDS = ("sensibility_threshold", "rationality_threshold")
LlmOption = Annotated[
    str | None, typer.Option(help="With --judge active: who is asked, openai or replies:FILE.", show_default=False)
]
BudgetOption = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="With --judge active: share of the turns asked about at most \\[default: 0.25]."),
]
BoundOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="With --judge active: stop when no larger share is expected in another subset \\[default: 0.05].",
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(min=0, max=10, help="With --judge active: threshold of the selection to come \\[default: 5]."),
]
OneThresholdOption = Annotated[
    float | None, typer.Option(min=0, max=10, help="With --judge active: that of one score, where they differ.")
]


def parse_active(judge: str, llm: str | None, senseless: Mapping[str, object], **given: float | None) -> Any:
    """Return the config of active scoring, or None for another judge.

    Raises UsageError for options that do not go together; `senseless` are those that mean nothing here.
    """
    from tasks.config import ActiveConfig

    wanted = drop_unset(llm=llm, **given)
    if judge != ACTIVE:
        if wanted:
            raise UsageError(
                f"--{next(iter(wanted)).replace('_', '-')} belongs to active scoring.", do="give it with --judge active"
            )
        return None
    if llm is None:
        raise UsageError("Active scoring asks an LLM.", do="say which: --llm openai, or --llm replies:FILE")
    if not llm.startswith(("openai", "replies:")) or llm == "openai-batch":
        raise UsageError(
            f"--llm cannot be {llm!r}: it is asked in rounds that build on each other.",
            do="give --llm openai, or --llm replies:FILE",
        )
    wrong = [name for name, value in senseless.items() if value not in (None, False)]
    if wrong:
        raise UsageError(
            f"--{wrong[0].replace('_', '-')} does not go with --judge active.",
            do="leave it out; --budget says how much is asked",
        )
    threshold = given.pop("threshold", None)
    both = {name: threshold if given.get(name) is None else given.pop(name) for name in THRESHOLDS}
    return ActiveConfig(**drop_unset(**{**given, **both}))


def count_calls(llm: JudgeConfig, active: ActiveConfig, split: str) -> int:
    """Return the calls that are left of a budget. Raises UsageError where it is too small to learn from."""
    from tasks.home import open_home
    from tasks.judges.active import share_out
    from tasks.scoring import identify_judge

    home = open_home()
    query = (
        "SELECT count(DISTINCT turn_key), count(DISTINCT turn_key) FILTER (turn_key IN "
        "(SELECT turn_key FROM scores WHERE judge_id = $judge_id)) "
        "FROM read_parquet($files) WHERE $split = 'all' OR split = $split"
    )
    values = {"files": home.turn_files(home.list_corpus()), "split": split}
    values["judge_id"] = identify_judge(llm, home.settings.judge_base_url).judge_id
    with home.store.transaction() as connection:
        n_turns, n_asked = connection.execute(query, values).fetchone() or (0, 0)
    return max(0, share_out(n_turns, active).total - n_asked)


def score_some(
    llm: JudgeConfig, active: ActiveConfig, scoring: ScoringConfig, gate: RegressionConfig,
    *, dry_run: bool, as_json: bool, verbose: bool,
) -> None:  # fmt: skip
    """Run active scoring and print what it came to, or only what it would cost at most."""
    n_calls = count_calls(llm, active, scoring.split)
    if dry_run:
        if not n_calls:
            raise UsageError("Nothing is left of this budget.", do="the run would ask nobody; raise --budget to go on")
        show_forecast(forecast_run(llm, scoring.model_copy(update={"limit": n_calls}), gate), as_json=as_json)
    else:
        run_actively(llm, active, scoring, gate, as_json=as_json, verbose=verbose)


def run_actively(
    llm: JudgeConfig, active: ActiveConfig, scoring: ScoringConfig, gate: RegressionConfig,
    *, as_json: bool, verbose: bool,
) -> None:  # fmt: skip
    """Run active scoring and print what it came to."""
    from flows.commands.data import read_facts
    from flows.terminal import Listing, show_result
    from tasks.home import open_home
    from tasks.judges.active import describe_active

    ref: ArtifactRef = run_command(
        "score_actively", as_json=as_json, verbose=verbose, llm=llm, active=active, scoring=scoring, regression=gate
    )
    facts = read_facts(ref.uri)
    artifacts = open_home().artifacts
    made = facts["judge"]["parameters"]["active"]
    outcome = artifacts.read_manifest(f"{artifacts.root}/active/{made}")["facts"]
    rows = describe_active(outcome)
    rows.append(("use", f"empathy select --judge-id {facts['alias']}"))
    result = {**ref.model_dump(), "judge_id": facts["judge_id"], "alias": facts["alias"], "active": outcome}
    show_result(result, as_json=as_json, tables=[Listing(f"Judge {facts['alias']} ({facts['judge_id']})", rows)])
