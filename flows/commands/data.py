"""Commands of the data side: ingest; and what those that look at scores share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.commands.options import HomeOption, JsonOption, VerboseOption, run_command, use_home
from tasks.bounded import check_place

if TYPE_CHECKING:
    from tasks.artifacts import ArtifactStore
    from tasks.config import SelectionConfig
    from tasks.schema import ArtifactRef
    from tasks.selection import TargetShare

    Inputs = tuple[ArtifactStore, list[ArtifactRef], ArtifactRef]

SplitName = Literal["train", "valid", "test"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    source: Annotated[
        str, typer.Argument(help="Path, directory, https:// or s3:// URL, or 'sample' / 'empathetic-dialogues'.")
    ],
    split: Annotated[SplitName | None, typer.Option(help="Split of the whole source.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Read dialogues; rows that cannot be kept go to quarantine with a reason."""
    from flows.terminal import make_table, show_result

    use_home(home)
    check_source(source)
    ref = run_command(
        "ingest_dialogues", as_json=json, verbose=verbose, source=absolute_source(source), source_split=split or "auto"
    )
    facts = read_facts(ref.uri)
    rows = [("dialogues", facts["n_dialogues"]), ("listener turns", facts["n_turns"])]
    rows += [(f"turns in {name}", n) for name, n in facts["by_split"].items()]
    rows += [("rows in quarantine", facts["n_quarantined"])]
    rows += [(f"  {reason}", n) for reason, n in facts["by_reason"].items()]
    rows += [("texts in two splits (kept out of training)", facts["n_cross_split_texts"])]
    table = make_table(f"Ingested {source}", ["", "n"], rows)
    show_result({**ref.model_dump(), **facts}, as_json=json, tables=[table])


def preview_selection(selection: SelectionConfig) -> dict[str, Any]:
    """Return as facts what a selection would give, from the scores in force."""
    from tasks.selection import count_decisions, count_without_sd, describe, describe_rule, open_decisions

    inputs, settled, target = settle_selection(selection)
    with open_decisions(*inputs, settled) as connection:
        counted = describe(count_decisions(connection))
        facts = {"rule": describe_rule(settled), **counted, **count_without_sd(connection, settled)}
    return facts if target is None else {**facts, "target": target.describe()}


def settle_selection(selection: SelectionConfig) -> tuple[Inputs, SelectionConfig, TargetShare | None]:
    """Return what a selection is made from, the selection with its target share's threshold found, and how."""
    from tasks.home import open_home
    from tasks.selection import pin_aids, settle

    inputs = find_scores(selection.judge_id)
    if selection.calibration or selection.agree_with:
        selection = pin_aids(open_home(), inputs[1], selection)
    ((settled, target),) = settle(*inputs, [selection])
    return inputs, settled, target


def find_scores(judge_id: str) -> Inputs:
    """Return the artifacts, the corpus and the scores in force: what a selection is made from."""
    from tasks.home import open_home, read_corpus
    from tasks.scoring import choose_judge, snapshot_scores

    home = open_home()
    with home.store.transaction() as connection:  # one for all: opening the file costs as much as asking it
        corpus = read_corpus(connection)
        chosen, alias = choose_judge(connection, judge_id)
        scores = snapshot_scores(connection, home.artifacts, corpus, chosen, alias)
    return home.artifacts, corpus, scores


def read_facts(uri: str) -> dict[str, Any]:
    """Return the facts of an artifact's manifest."""
    from tasks.home import open_home

    return open_home().artifacts.read_manifest(uri)["facts"]


def check_corpus() -> None:
    """Refuse to start anything where nothing was ingested."""
    from tasks.home import open_home

    open_home().list_corpus()


def absolute_source(source: str) -> str:
    """Return a source that means the same in every working directory."""
    path = Path(source).expanduser()
    is_name = source in ("sample", "empathetic-dialogues")
    return str(path.absolute()) if path.exists() and not is_name else source


def check_source(source: str) -> None:
    """Refuse a source that cannot be read, or an address that none can have, before anything is started for it."""
    from tasks.dialogues import check_url, resolve_source
    from tasks.settings import Settings

    check_place(source, "SOURCE")
    if "://" in source:
        check_url(source)
    elif source != "empathetic-dialogues":
        resolve_source(source, Settings().cache_dir)
