"""The command `export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands.options import HomeOption, JsonOption, use_home
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.home import Home
    from tasks.schema import ArtifactRef


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    model: Annotated[
        str, typer.Argument(help="mixture, accepted, sensibility, rationality, a control, or an artifact.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    format: Annotated[
        Literal["moe", "lora", "merged"],
        typer.Option(help="moe: Mixtral or Qwen3-MoE. lora: PEFT adapters. merged: one expert in its base."),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a trained model as others load it, proved equal to it on a few prompts."""
    import json as json_module

    from flows.terminal import Listing, show_progress, show_result
    from tasks.evaluation import describe_newest_evaluation
    from tasks.experts import prepare_base, read_lineage
    from tasks.home import open_home
    from tasks.router import Background, export_model

    use_home(home)
    place = open_home()
    ref = find_model(place, model)
    folder = place.artifacts.open(ref)
    background = Background(read_lineage(place.artifacts, [ref]), describe_newest_evaluation(place.artifacts, ref))
    trained_on = json_module.loads((folder / "training.json").read_text(encoding="utf-8"))["base"]
    base = prepare_base(trained_on["name"], trained_on["revision"], place.settings.cache_dir)
    with show_progress(is_quiet=json):
        made = export_model(
            folder, base, format, out, background=background, is_forced=force, token=place.settings.hub_token
        )
    difference = f"{max(made.differences.values()):.1e} (largest difference of a logit on {made.n_prompts} prompts)"
    rows = [("format", format), ("folder", str(out)), ("equal within", difference), ("greedy text", "the same")]
    show_result({**asdict(made), "out": str(out.absolute())}, as_json=json, tables=[Listing("Exported", rows)])


def find_model(home: Home, model: str) -> ArtifactRef:
    """Return the artifact of a model by its name in this home, or by its folder or URL.

    Raises UsageError for a name that stands for nothing, or an artifact that is no model.
    """
    from tasks.evaluation import ACCEPTED, require_accepted

    if model == ACCEPTED:
        return require_accepted(home.artifacts)
    if "/" not in model:
        named = home.artifacts.get_current("mixture" if model == "mixture" else f"expert-{model}")
        if named is None:
            raise UsageError(
                f"There is no model {model!r} here yet.",
                where=str(home.settings.home_dir),
                do="run `empathy train` and `empathy route` first, or give the folder of a model's artifact",
            )
        return named
    ref = home.artifacts.read_ref(model)
    if ref.kind not in ("mixture", "expert"):
        raise UsageError(f"The artifact is no model but {ref.kind}.", where=model, do="see `empathy status`")
    return ref
