"""`empathy select`: choose what the experts learn from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.commands.data import SplitName, check_corpus, preview_selection, read_facts
from flows.commands.looking import check_looks, show_examples, show_explanation, show_verification
from flows.commands.monitoring import accept_selected, read_last_run
from flows.commands.options import (
    HomeOption,
    JsonOption,
    VerboseOption,
    drop_unset,
    refuse_empty,
    run_command,
    use_home,
)
from tasks.errors import UsageError
from tasks.selection_config import AxisName, RuleName

OF_RULE, MODIFIERS, LOOK = "Options of some rules", "Modifiers, with any rule", "Look, and change nothing"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(select)


def select(
    rule: Annotated[RuleName | None, typer.Option(help="Selection rule \\[default: paper].")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Both thresholds, 0 to 10 \\[default: 5].", rich_help_panel=OF_RULE)
    ] = None,
    sensibility_threshold: Annotated[
        float | None, typer.Option(help="Bound on the sensibility score.", rich_help_panel=OF_RULE)
    ] = None,
    rationality_threshold: Annotated[
        float | None, typer.Option(help="Bound on the rationality score.", rich_help_panel=OF_RULE)
    ] = None,
    keep: Annotated[
        float | None, typer.Option(help="quantile: share of the turns, above 0 to 1.", rich_help_panel=OF_RULE)
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="top-k: turns a subset.", rich_help_panel=OF_RULE)] = None,
    axis: Annotated[
        AxisName | None,
        typer.Option(
            help="quantile, top-k: the score that chooses first; --target-share: the subset \\[default: sensibility].",
            rich_help_panel=OF_RULE,
        ),
    ] = None,
    target_share: Annotated[
        float | None,
        typer.Option(
            help="With thresholds: find that of --axis whose subset is nearest to this share.", rich_help_panel=OF_RULE
        ),
    ] = None,
    k_sd: Annotated[
        float | None,
        typer.Option(help="lower-bound: standard deviations off each score \\[default: 1].", rich_help_panel=OF_RULE),
    ] = None,
    min_words: Annotated[
        int | None, typer.Option(help="Fewest words of a response.", rich_help_panel=MODIFIERS)
    ] = None,
    max_words: Annotated[int | None, typer.Option(help="Most words of a response.", rich_help_panel=MODIFIERS)] = None,
    near_duplicates: Annotated[
        float | None,
        typer.Option(help="Remove turns this similar to another, 0.5 to 1.", rich_help_panel=MODIFIERS),
    ] = None,
    agree_with: Annotated[
        str | None,
        typer.Option(metavar="JUDGE", help="With --min-agreement: judge that must agree.", rich_help_panel=MODIFIERS),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            help="Discard turns whose two judges agree less, above 0 to 1: 0.8 is 2 points apart.",
            rich_help_panel=MODIFIERS,
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST", help="Map scores by `empathy judge calibrate` first.", rich_help_panel=MODIFIERS
        ),
    ] = None,
    max_per_emotion: Annotated[
        int | None, typer.Option(help="Most turns of one emotion in a subset.", rich_help_panel=MODIFIERS)
    ] = None,
    max_per_position: Annotated[
        int | None, typer.Option(help="Most turns of one place in the dialogue.", rich_help_panel=MODIFIERS)
    ] = None,
    max_per_length_band: Annotated[
        int | None, typer.Option(help="Most turns of one band of response lengths.", rich_help_panel=MODIFIERS)
    ] = None,
    split: Annotated[
        SplitName | None, typer.Option(help="Split to select from \\[default: train, or the only one].")
    ] = None,
    judge_id: Annotated[str | None, typer.Option(help="Id or alias of the judge whose scores count.")] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only count; write nothing.", rich_help_panel=LOOK)
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="TURN",
            help="Say why a turn (DIALOGUE:UTTERANCE or a turn_key) goes where it goes.",
            rich_help_panel=LOOK,
        ),
    ] = None,
    show: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, help="Print so many turns near the boundary, on both sides.", rich_help_panel=LOOK
        ),
    ] = None,
    emotion: Annotated[str | None, typer.Option(help="With --show: of this emotion.", rich_help_panel=LOOK)] = None,
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST", help="Make a selection again and compare; exit 1 if it differs.", rich_help_panel=LOOK
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Later selections are compared with this one; alone: with what is selected now, selecting nothing.",
        ),
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Split the scored turns into the subsets that the experts learn from."""
    from flows.terminal import show_result

    use_home(home)
    given = (
        drop_unset(sensibility_threshold=threshold, rationality_threshold=threshold)
        | drop_unset(sensibility_threshold=sensibility_threshold, rationality_threshold=rationality_threshold)
        | drop_unset(rule=rule, keep=keep, top_k=top_k, axis=axis, k_sd=k_sd, min_words=min_words, max_words=max_words)
        | drop_unset(
            near_duplicates=near_duplicates, max_per_emotion=max_per_emotion, max_per_position=max_per_position
        )
        | drop_unset(max_per_length_band=max_per_length_band, target_share=target_share, split=split, judge_id=judge_id)
        | drop_unset(agree_with=agree_with, min_agreement=min_agreement, calibration=calibration)
    )
    refuse_empty(emotion=emotion, explain=explain, verify=verify)
    looks = {"accept": accept or None, "explain": explain, "show": show, "verify": verify}
    check_looks(preview=preview, emotion=emotion, given=given, **looks)
    if verify is not None:
        show_verification(verify, as_json=json)
        return
    if accept and not given:
        show_result(accept_selected(as_json=json), as_json=json)
        return
    selection = build_selection(given)
    if explain is not None:
        show_explanation(selection, explain, as_json=json)
        return
    if show is not None:
        show_examples(selection, show, emotion or "", as_json=json)
        return
    if preview:
        facts = preview_selection(selection)
        show_subsets(facts, facts, as_json=json)
        return
    check_corpus()
    ref = run_command("select_subsets", as_json=json, verbose=verbose, selection=selection)
    facts = read_facts(ref.uri)
    result = {**ref.model_dump(), **facts, **read_last_run(ref)}
    if accept:
        result |= accept_selected(ref, as_json=json)
    show_subsets(result, facts, as_json=json)


def build_selection(given: dict[str, Any]) -> Any:
    """Return the selection that the given options describe; an option of another rule is a UsageError."""
    from tasks.config import SelectionConfig
    from tasks.selection_config import OPTIONS, REQUIRED, find_foreign, to_option

    rule = given.get("rule", SelectionConfig.model_fields["rule"].default)
    for name in find_foreign(rule, given):  # also where the value is the default: it would have no effect
        owners = [other for other, options in OPTIONS.items() if name in options]
        own = ", ".join(map(to_option, OPTIONS[rule]))
        raise UsageError(
            f"{to_option(name)} does not belong to the rule {rule}.",
            do=f"use it with --rule {' or '.join(owners)}; {rule} takes {own}",
        )
    if ("agree_with" in given) != ("min_agreement" in given):
        raise UsageError(
            "--agree-with and --min-agreement belong together.", do="say whose scores and how near: --agree-with J "
            "--min-agreement 0.8",
        )  # fmt: skip
    needed = REQUIRED.get(rule)
    if needed and needed not in given:
        raise UsageError(f"The rule {rule} needs {to_option(needed)}.", do=f"give it, e.g. {EXAMPLES[rule]}")
    return SelectionConfig(**given)


EXAMPLES = {"quantile": "--rule quantile --keep 0.59", "top-k": "--rule top-k --top-k 1000"}


def show_subsets(result: Any, facts: Any, *, as_json: bool) -> None:
    """Print sizes and shares of the subsets, how a target share was met, and why turns were left out."""
    from flows.terminal import Listing, make_table, show_result

    counts, shares = facts["counts"], facts["shares"]
    rows = [(name, counts[name], f"{shares[name]:.1%}") for name in shares]
    title = f"Rule {facts['rule']['label']}"
    reasons = [(reason, n) for reason, n in facts["reasons"].items() if reason.startswith(("discard", "excluded"))]
    tables: list[Any] = [make_table(title, ["subset", "turns", "share"], rows)]
    tables += [make_table("Left out", ["why", "turns"], reasons)] if reasons else []
    if facts.get("n_without_sd"):
        said = f"{facts['n_without_sd']:,} scored turns have none: there the rule is as paper"
        tables.append(Listing("Standard deviations", [("note", said)]))
    if "target" in facts:
        tables.append(Listing("Target share", [(name, facts["target"][name]) for name in ("reason", "neighbours")]))
    show_result(result, as_json=as_json, tables=tables)
