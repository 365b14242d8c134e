"""Batches by hand: `empathy score --batch-file OUT` and `--batch-results IN`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.config import JudgeConfig, ScoringConfig

BatchFileOption = Annotated[
    Path | None,
    typer.Option(help="With openai-batch: write the pending turns' requests to this file and ask nobody."),
]
BatchResultsOption = Annotated[
    list[Path] | None,
    typer.Option(help="With openai-batch: take the results of such a file; may be given several times."),
]


def check_batch_options(
    judge: str, batch_file: Path | None, batch_results: list[Path] | None, **others: object
) -> tuple[str, ...]:
    """Return the files of results; `others` are options that mean nothing where nobody is asked.

    Raises UsageError for options that do not go together.
    """
    if batch_file is None and not batch_results:
        return ()
    name = "--batch-results" if batch_results else "--batch-file"
    senseless = {option for option, value in others.items() if value not in (None, False)}
    if not batch_results:
        senseless -= {"split", "limit", "retry_unscored"}
    if batch_file and batch_results:
        raise UsageError("--batch-file writes requests, --batch-results takes their results.", do="give one of them")
    if judge != "openai-batch":
        raise UsageError(f"{name} does not go with --judge {judge}.", do="give it with --judge openai-batch")
    if senseless:
        given = ", ".join(f"--{option.replace('_', '-')}" for option in sorted(senseless))
        raise UsageError(f"{name} asks nobody: {given} would have no effect.", do=f"leave out {given}")
    return tuple(str(path.expanduser().absolute()) for path in batch_results or ())


def check_results(config: JudgeConfig, files: tuple[str, ...]) -> None:
    """Refuse files that hold no results before anything is started for them."""
    from tasks.scoring import identify_judge
    from tasks.scoring.batch.brought import BroughtResults
    from tasks.settings import Settings

    identify_judge(config, Settings().judge_base_url)
    BroughtResults([Path(file) for file in files])


def write_batch_file(config: JudgeConfig, scoring: ScoringConfig, out: Path, *, as_json: bool) -> None:
    """Write the requests for the turns that a run would ask for, and say how many."""
    from flows.terminal import make_table, show_result
    from tasks.home import open_home
    from tasks.scoring import identify_judge, plan_scoring
    from tasks.scoring.batch.export import write_batch_files
    from tasks.scoring.batch.wiring import fit_plan, refuse_under_way

    home = open_home()
    identity = identify_judge(config, home.settings.judge_base_url)
    refuse_under_way(home.settings.journal_dir / identity.judge_id)
    turn_files = home.turn_files(home.list_corpus())
    with tempfile.TemporaryDirectory() as folder:
        with home.store.transaction() as connection:
            plan_file = Path(folder) / "plan.parquet"
            plan = plan_scoring(connection, turn_files, identity.judge_id, fit_plan(config, scoring), plan_file)
        memory = home.settings.cache_dir / "endpoints"
        files = write_batch_files(plan, identity, memory, out.expanduser().absolute())
    rows = [(str(path), n_requests) for path, n_requests in files] or [("no turn is pending: no file", 0)]
    result = {
        "judge_id": identity.judge_id,
        "n_requests": sum(n_requests for _, n_requests in files),
        "files": [{"path": str(path), "n_requests": n_requests} for path, n_requests in files],
    }
    show_result(result, as_json=as_json, tables=[make_table(f"Requests to {identity.model}", ["file", "n"], rows)])
