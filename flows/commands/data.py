"""Commands of the data side: ingest, sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows.commands.options import HomeOption, JsonOption, VerboseOption, drop_unset, run_command, use_home
from tasks.errors import UsageError

SplitName = Literal["train", "valid", "test"]
ThresholdRuleName = Literal["paper", "released", "lower-bound"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(ingest)
    app.command()(sweep)


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


def sweep(
    thresholds: Annotated[str, typer.Option(help="Thresholds for both scores, comma-separated.")] = "4,5,6,7",
    rule: Annotated[ThresholdRuleName | None, typer.Option(help="Selection rule \\[default: paper].")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Split to select from.")] = None,
    judge_id: Annotated[str | None, typer.Option(help="Id or alias of the judge whose scores count.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Count the subsets at many thresholds; writes nothing."""
    from flows.terminal import make_table, show_result
    from tasks.config import SelectionConfig
    from tasks.selection import describe

    use_home(home)
    try:
        values = [float(part) for part in thresholds.split(",")]
    except ValueError:
        raise UsageError(f"These are not thresholds: {thresholds!r}.", do="write them like 4,5,6,7") from None
    given = drop_unset(rule=rule, split=split, judge_id=judge_id)
    grid = [SelectionConfig(sensibility_threshold=t, rationality_threshold=t, **given) for t in values]
    counts = preview_selections(grid)
    rows = [
        (
            f"{t:g}",
            c.sensibility,
            c.rationality,
            c.discard,
            *(f"{c.share(s):.1%}" for s in ("sensibility", "rationality")),
        )
        for t, c in zip(values, counts, strict=True)
    ]
    columns = ["threshold", "sensibility", "rationality", "discard", "share S", "share R"]
    result = {"sweep": [{"threshold": t, **describe(c)} for t, c in zip(values, counts, strict=True)]}
    show_result(result, as_json=json, tables=[make_table(f"Rule {grid[0].rule}", columns, rows)])


def preview_selections(grid: list[Any]) -> list[Any]:
    """Count what each selection would give, from the scores in force."""
    from tasks.selection import preview

    return preview(*find_scores(grid[0].judge_id), grid)


def find_scores(judge_id: str) -> tuple[Any, Any, Any]:
    """Return the artifacts, the corpus and the scores in force: what a selection is made from."""
    from tasks.home import open_home
    from tasks.scoring import choose_judge, snapshot_scores

    home = open_home()
    corpus = home.list_corpus()
    with home.store.transaction() as connection:
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
    """Refuse a local source that cannot be read before anything is started for it."""
    from tasks.dialogues import resolve_source
    from tasks.settings import Settings

    if "://" not in source and source != "empathetic-dialogues":
        resolve_source(source, Settings().cache_dir)
