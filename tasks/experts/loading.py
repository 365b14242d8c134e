"""An expert on disk: what it was made from, and how it is loaded again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import ExpertConfig
from tasks.errors import ArtifactError
from tasks.experts.bases import Base, load_base
from tasks.experts.quiet import quiet_libraries
from tasks.experts.training import TRAINING_FILE
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

EXPERT_VERSION = 1  # raise it when the stage would make something else from the same inputs
WHICH_BASE = {"base_model", "revision"}
"""Fields of the config that the base's digest stands for."""
HOW_LONG = {"epochs", "max_steps"}
"""Fields of the config that the number of steps stands for."""


def expert_recipe(name: str, subsets: ArtifactRef, base: Base, config: ExpertConfig, n_steps: int) -> Recipe:
    """Return the recipe of an adapter: an expert or a control, trained for `n_steps` on its rows of `subsets`."""
    how = config.model_dump(mode="json", exclude=WHICH_BASE | HOW_LONG)
    return Recipe(
        kind="expert",
        stage_version=EXPERT_VERSION,
        config={"name": name, "expert": how, "n_steps": n_steps},
        parents=(subsets,),
        inputs={"base": base.digest},
    )


def load_expert(
    folder: Path, base: Base, device: str = "auto", token: str | None = None
) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    """Return an expert on its base model, in evaluation mode, and the tokenizer.

    Raises ArtifactError if the folder holds no expert, or one that was trained on another base.
    """
    check_expert(folder, base)
    with quiet_libraries():
        from peft import PeftModel

        model, tokenizer = load_base(base, device, token)
        return PeftModel.from_pretrained(model, folder).eval(), tokenizer


def check_expert(folder: Path, base: Base) -> None:
    """Raise ArtifactError if `folder` does not hold an expert that was trained on `base`."""
    try:
        trained_on = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))["base"]
    except (OSError, ValueError, KeyError):
        trained_on = None
    if trained_on is None or not (folder / "adapter_model.safetensors").exists():
        raise ArtifactError("There is no expert here.", where=str(folder), do="make one with `empathy train`")
    if trained_on["digest"] != base.digest:
        raise ArtifactError(
            f"The expert was trained on the base {trained_on['name']!r} with digest {trained_on['digest'][:12]}, "
            f"not on {base.name!r} with digest {base.digest[:12]}.",
            where=str(folder / TRAINING_FILE),
            do="load it with the base model it names",
        )
