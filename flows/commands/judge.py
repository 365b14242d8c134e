"""Commands about judges: distil one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, VerboseOption, run_command, use_home

app = typer.Typer(help="Make a small local judge from a big one.", no_args_is_help=True)


@app.callback()
def judge() -> None:
    """Group the commands: with one command alone, typer would drop its name."""


@app.command()
def distill(
    source_judge: Annotated[str, typer.Option("--from", help="Id or alias of the judge to learn from.")] = "",
    out: Annotated[Path | None, typer.Option(help="Also copy weights and card to this folder.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Fit the small local judge to the scores of another judge, cross-validated, with a model card."""
    from flows.commands.data import check_corpus, read_facts
    from flows.terminal import Listing, show_result
    from tasks.home import open_home

    use_home(home)
    check_corpus()
    ref = run_command("distill_judge", as_json=json, verbose=verbose, judge=source_judge)
    facts = read_facts(ref.uri)
    files = ("distilled.safetensors", "CARD.md")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copy(open_home().artifacts.open(ref) / name, out / name)
    rows = [(name, f"{ref.uri}/{name}") for name in files]
    rows += [(name, str(facts[name])) for name in ("n_turns", "n_dialogues", "n_bytes", "sha256")]
    show_result({**ref.model_dump(), **facts}, as_json=json, tables=[Listing("Distilled judge", rows)])
