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
from tasks.experts import Base, quiet_libraries
from tasks.router.export.card import write_card
from tasks.router.export.checking import CONVERSATIONS, TOLERANCE
from tasks.router.export.formats import Source, write_lora, write_merged, write_moe
from tasks.schema import ArtifactRef

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


def export_model(
    folder: Path,
    base: Base,
    export_format: ExportFormat,
    out: Path,
    *,
    artifacts: Sequence[ArtifactRef] = (),
    is_forced: bool = False,
    tolerance: float = TOLERANCE,
    token: str | None = None,
) -> Export:
    """Write the mixture or the expert in `folder` to `out` as others load it, with a model card and export.json.

    Works on the CPU in float32, which is also what is written. `artifacts` are what the card names as its origin.
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
            differences = WRITERS[export_format](Source(folder, base, tolerance, token), staging)
        origin = {f"{ref.kind}/{ref.config_digest}": ref.sha256 for ref in artifacts}
        made = Export(export_format, base.name, base.digest, origin, differences, len(CONVERSATIONS))
        record = {**asdict(made), "versions": {name: version(name) for name in LIBRARIES}}
        (staging / EXPORT_FILE).write_text(json.dumps(record, indent=1), encoding="utf-8")
        write_card(made, staging)
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
