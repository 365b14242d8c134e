"""`empathy models`: the mixtures of the home, which one is accepted, and changing that by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import HomeOption, JsonOption, use_home
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.artifacts import ArtifactStore
    from tasks.evaluation import Acceptance, ListedMixture
    from tasks.schema import ArtifactRef

SHOWN = 12
"""Digits of a digest in a table."""

app = typer.Typer(help="The mixtures of this home: list them, promote one, go back.", no_args_is_help=True)


@app.command("list")
def list_models(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the mixtures, the newest first, and how the accepted one came to be."""
    from flows.terminal import make_table, show_result
    from tasks.evaluation import list_mixtures, read_history
    from tasks.home import open_home

    use_home(home)
    artifacts = open_home().artifacts
    mixtures, history = list_mixtures(artifacts), read_history(artifacts)
    columns = ["mixture", "accepted", "made", "rule", "S >", "R >", "base", "seed", "perplexity", "turns"]
    tables = [make_table("Mixtures (newest first)", columns, [describe(one) for one in mixtures])]
    if history:
        steps = ["when (UTC)", "what", "mixture", "instead of", "by", "run", "revision", "perplexity"]
        tables.append(make_table("Accepted (last step first)", steps, [tell(step) for step in reversed(history)]))
    if not mixtures and not json:
        raise UsageError("There is no mixture here yet.", do="run `empathy train` and `empathy route` first")
    result = {"mixtures": [one.model_dump() for one in mixtures], "history": [step.model_dump() for step in history]}
    show_result(result, as_json=json, tables=tables)


@app.command()
def promote(
    digest: Annotated[str, typer.Argument(help="Digest of a mixture; its beginning is enough.")] = "",
    newest: Annotated[bool, typer.Option("--newest", help="The mixture that was made last.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a mixture the accepted one by hand: nothing is compared. `empathy evaluate --gate --promote` compares."""
    from tasks.evaluation import find_newest_evaluation, find_revision
    from tasks.evaluation import promote as promote_by_hand
    from tasks.home import open_home

    use_home(home)
    if bool(digest) == newest:
        raise UsageError("Which mixture?", do="give its digest, or --newest, and not both; `empathy models list`")
    artifacts = open_home().artifacts
    mixture = pick_mixture(artifacts, digest)
    found = find_newest_evaluation(artifacts, mixture)
    step = promote_by_hand(artifacts, mixture, found[0] if found else None, revision=find_revision())
    if step is None:
        raise UsageError(f"The mixture {mixture.config_digest[:SHOWN]} is the accepted one already.")
    show_step(step, "Promoted", as_json=json)


@app.command()
def rollback(home: HomeOption = None, json: JsonOption = False) -> None:
    """Accept again the mixture that the accepted one replaced; run it twice to go back two steps."""
    from tasks.evaluation import find_revision, roll_back
    from tasks.home import open_home

    use_home(home)
    show_step(roll_back(open_home().artifacts, revision=find_revision()), "Rolled back", as_json=json)


def pick_mixture(artifacts: ArtifactStore, digest: str) -> ArtifactRef:
    """Return the mixture that a digest names, or the newest if it is empty. Raises UsageError if there is none."""
    from tasks.artifacts import find_artifact

    if digest:
        return find_artifact(artifacts, "mixture", digest.lower())
    there = artifacts.list_refs("mixture")
    if not there:
        raise UsageError("There is no mixture here yet.", do="run `empathy train` and `empathy route` first")
    return there[-1]


def show_step(step: Acceptance, title: str, *, as_json: bool) -> None:
    """Print what is accepted now, and instead of what."""
    from flows.terminal import Listing, show_result

    rows: list[tuple[str, object]] = [
        ("accepted", f"{step.mixture.config_digest} ({step.mixture.uri})"),
        ("instead of", step.replaced.config_digest if step.replaced else "none: it is the first"),
        ("evaluation", step.evaluation.config_digest if step.evaluation else "none: it was never evaluated"),
        ("revision", step.revision or "not known"),
    ]
    show_result(step.model_dump(), as_json=as_json, tables=[Listing(title, rows)])


def describe(one: ListedMixture) -> list[Any]:
    """Return a mixture as a row."""
    return [
        one.mixture.config_digest[:SHOWN], "yes" if one.is_accepted else "", one.made_at[:16].replace("T", " "),
        one.rule, format_number(one.sensibility_threshold), format_number(one.rationality_threshold), one.base,
        None if one.seed is None else str(one.seed), format_number(one.perplexity), one.n_turns,
    ]  # fmt: skip


def tell(step: Acceptance) -> list[Any]:
    """Return a step as a row."""
    found = step.comparison
    compared = f"{found.perplexity_new:.4g} against {found.perplexity_accepted:.4g}" if found else None
    return [
        step.at[:19].replace("T", " "), step.action, step.mixture.config_digest[:SHOWN],
        step.replaced.config_digest[:SHOWN] if step.replaced else None, step.by, step.flow_run_id[:8] or None,
        step.revision[:SHOWN] or None, compared,
    ]  # fmt: skip


def format_number(value: float | None) -> str | None:
    """Return a figure with four digits."""
    return None if value is None else f"{value:.4g}"
