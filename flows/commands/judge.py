"""Commands about judges: validate, compare, audit, distil, calibrate."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from flows.commands import judge_audit, judge_regress, judge_scoring, judge_simulate, judge_validation
from flows.commands.options import HomeOption, JsonOption, VerboseOption, repeat_home, run_command, use_home
from tasks.bounded import check_place

app = typer.Typer(
    help="How far a judge can be trusted; make a small local one from a big one; map one's scores to another's.",
    no_args_is_help=True,
)
judge_validation.register(app)
judge_audit.register(app)
judge_regress.register(app)
judge_scoring.register(app)
judge_simulate.register(app)


@app.command()
def distill(
    source_judge: Annotated[str, typer.Option("--from", help="Id or alias of the judge to learn from.")] = "",
    encoder: Annotated[
        str,
        typer.Option(
            help="Sentence encoder it may use: a folder, an installed package, or owner/name, asked of the hub."
        ),
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Also copy weights and card to this folder.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Fit the small local judge to the scores of another judge, cross-validated, with a model card."""
    from flows.commands.data import check_corpus, read_facts
    from flows.terminal import Listing, show_result
    from tasks.home import open_home
    from tasks.scoring import load_encoder

    use_home(home)
    check_corpus()
    if encoder:  # refused here, before anything is started for it
        load_encoder(check_place(encoder, "--encoder"))
        encoder = str(Path(encoder).expanduser().absolute()) if Path(encoder).expanduser().is_dir() else encoder
    ref = run_command("distill_judge", as_json=json, verbose=verbose, judge=source_judge, encoder=encoder)
    facts = read_facts(ref.uri)
    files = ("distilled.safetensors", "CARD.md")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copy(open_home().artifacts.open(ref) / name, out / name)
    rows = [(name, f"{ref.uri}/{name}") for name in files]
    rows += [(name, str(facts[name])) for name in ("n_turns", "n_dialogues", "n_bytes", "sha256")]
    show_result({**ref.model_dump(), **facts}, as_json=json, tables=[Listing("Distilled judge", rows)])


@app.command()
def calibrate(
    judge_id: Annotated[str, typer.Argument(metavar="JUDGE", help="Id or alias of the judge whose scores are mapped.")],
    reference: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="JUDGE|ratings|FILE",
            help="What is trusted more: a judge, ratings or ratings:DIGEST of this home, or a file of ratings.",
        ),
    ],
    mapping: judge_validation.MapOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Fit rising maps from a judge's scores to another's or to people's, for `empathy select --calibration`."""
    from flows.commands.data import check_corpus, read_facts
    from flows.commands.judge_audit import check_trusted
    from flows.terminal import Listing, show_result

    use_home(home)
    check_corpus()
    trusted = check_trusted(reference, mapping or [])
    ref = run_command(
        "calibrate_judge", as_json=json, verbose=verbose, judge=judge_id, reference=trusted, mapping=mapping or []
    )
    facts = read_facts(ref.uri)
    rows: list[tuple[str, object]] = [("maps", ref.config_digest), ("of", facts["alias"]), ("to", facts["reference"])]
    rows.append(("turns of both", facts["n_rows"]))
    if facts["n_effective"] < facts["n_rows"]:
        rows.append(("say as much as", f"{facts['n_effective']:g} turns drawn alike (weights of the audit)"))
    for name, figures in facts["figures"].items():
        said = f"{figures['rmse_before']:.2f} -> {figures['rmse_after']:.2f} (root mean square, unseen dialogues)"
        rows.append((f"{name} is off by", said))
    named = f"--judge-id {facts['judge_id']} --calibration {ref.config_digest[:12]}{repeat_home(home)}"
    rows.append(("use", f"empathy select {named}"))
    show_result({**ref.model_dump(), **facts}, as_json=json, tables=[Listing("Calibration", rows)])
