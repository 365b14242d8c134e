"""One export: written under a temporary name, compared with the model it was made from, and renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from tasks.errors import UsageError
from tasks.experts import Ancestor, Base, describe_expert, quiet_libraries
from tasks.router.export.card import write_export_card
from tasks.router.export.checking import CONVERSATIONS, TOLERANCE
from tasks.router.export.formats import Source, write_lora, write_merged, write_moe
from tasks.router.mixture_card import describe_mixture

ExportFormat = Literal["moe", "lora", "merged"]
EXPORT_FILE = "export.json"
LIBRARIES = ("efficient-empathy", "torch", "transformers", "peft", "safetensors")
WRITERS = {"moe": write_moe, "lora": write_lora, "merged": write_merged}


@dataclass(frozen=True)
class Export:
    """An export that answers as the model it was made from."""

    format: ExportFormat
    base: str
    base_digest: str
    artifacts: dict[str, str]
    """sha256 of the artifact, and of those it was made from, by `<kind>/<digest>`."""
    differences: dict[str, float]
    """Largest difference of a logit, float32, by the model compared; greedy text was the same."""
    n_prompts: int


@dataclass(frozen=True)
class Background:
    """What an export says of its model besides what lies in the model's folder."""

    lineage: Sequence[Ancestor] = ()
    """The model's artifact first, then all that it was made from."""
    evaluation: str = ""
    """Markdown: the model's metrics with their intervals, beside the controls; empty if it was not evaluated."""

    def list_artifacts(self) -> dict[str, str]:
        """Return the sha256 of the model's artifact, and of those it was made from, by `<kind>/<digest>`."""
        refs = [ref for one in self.lineage[:1] for ref in (one.ref, *one.parents)]
        return {f"{ref.kind}/{ref.config_digest}": ref.sha256 for ref in refs}


def export_model(
    folder: Path,
    base: Base,
    export_format: ExportFormat,
    out: Path,
    *,
    background: Background = Background(),
    is_forced: bool = False,
    tolerance: float = TOLERANCE,
    token: str | None = None,
) -> Export:
    """Write the mixture or the expert in `folder` to `out` as others load it, with a model card and export.json.

    Works on the CPU in float32, which is also what is written. `background` is what the card tells of its origin.
    `is_forced` replaces an earlier export at `out`. Where logits differ by more than `tolerance`, or greedy text
    does, nothing is left behind. Raises UsageError if `out` exists, or if the model has no such form,
    ArtifactError for a model that is damaged or of another base, or an export that is not equal.
    """
    out = out.expanduser().absolute()
    check_target(out, is_forced)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = out.with_name(f".tmp-{out.name}-{os.getpid()}")
    staging.mkdir()
    try:
        with quiet_libraries():
            source = Source(folder, base, tolerance, token)
            differences = WRITERS[export_format](source, staging)
        origin, n_prompts = background.list_artifacts(), len(CONVERSATIONS)
        made = Export(export_format, base.name, base.digest, origin, differences, n_prompts)
        record = {**asdict(made), "versions": {name: version(name) for name in LIBRARIES}}
        (staging / EXPORT_FILE).write_text(json.dumps(record, indent=1), encoding="utf-8")
        describe = describe_mixture if source.is_mixture else describe_expert
        write_export_card(made, describe(folder, base, background.lineage), background, staging)
        publish(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return made


def check_target(out: Path, is_forced: bool) -> None:
    """Raise UsageError if something stands at `out` that must not be replaced."""
    if not os.path.lexists(out):
        return
    if not is_forced:
        raise UsageError("There is something already.", where=str(out), do="give another folder, or --force")
    if not (out / EXPORT_FILE).is_file():
        raise UsageError(
            "Only an earlier export is replaced, and this is none.", where=str(out), do="give another folder"
        )


def publish(staging: Path, out: Path) -> None:
    """Give a finished export its name; an earlier one goes only now."""
    staging.chmod(0o755)
    if out.exists():
        old = out.with_name(f".tmp-{out.name}-{os.getpid()}-old")
        out.rename(old)
        staging.rename(out)
        shutil.rmtree(old)
    else:
        staging.rename(out)
