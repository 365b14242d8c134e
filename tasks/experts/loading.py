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
from tasks.manifest import Recipe, find_altered
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

EXPERT_VERSION = 1  # raise it when the stage would make something else from the same inputs
WHICH_BASE = {"base_model", "revision"}
"""Fields of the config that the base's digest stands for."""
HOW_LONG = {"epochs", "max_steps"}
"""Fields of the config that the number of steps stands for."""


def expert_recipe(
    name: str, subsets: ArtifactRef, base: Base, config: ExpertConfig, n_steps: int, learned: str, tried: str = ""
) -> Recipe:
    """Return the recipe of an adapter: an expert or a control, trained for `n_steps` on its rows of `subsets`.

    `learned` is the digest of those rows (`digest_rows`): subsets of other thresholds that hold the same rows
    give the same adapter. Its manifest names as a parent the subsets that it was first trained on. `tried` is the
    digest of the turns that its loss is measured on meanwhile, empty without any.
    """
    how = config.model_dump(mode="json", exclude=WHICH_BASE | HOW_LONG)
    return Recipe(
        kind="expert",
        stage_version=EXPERT_VERSION,
        config={"name": name, "expert": how, "n_steps": n_steps},
        inputs={"base": base.digest, "rows": learned, **({"tried": tried} if tried else {})},
        taken_from=(subsets,),
    )


def load_expert(
    folder: Path, base: Base, device: str = "auto", token: str | None = None
) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    """Return an expert on its base model, in evaluation mode, and the tokenizer.

    Only safetensors are read. Raises ArtifactError if the folder holds no expert, one that was trained on another
    base, or a damaged one: a file that its manifest contradicts, or, without a manifest, one that cannot be read.
    """
    check_expert(folder, base)
    with quiet_libraries():
        from peft import PeftModel
        from safetensors import SafetensorError

        model, tokenizer = load_base(base, device, token)
        try:
            return PeftModel.from_pretrained(model, folder).eval(), tokenizer
        except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise _damaged(folder, f"it cannot be read ({str(error).splitlines()[0]})") from None


def check_expert(folder: Path, base: Base) -> None:
    """Raise ArtifactError if `folder` does not hold an expert that was trained on `base`, as it was written.

    What it was as written is known where its manifest stands beside it, as in every artifact; nothing is loaded.
    """
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
    if altered := find_altered(folder):
        raise _damaged(folder / altered, f"{altered} is not what its manifest says")


def _damaged(where: Path, reason: str) -> ArtifactError:
    do = "remove the folder and run `empathy train` again"
    return ArtifactError(f"The expert is damaged: {reason}.", where=str(where), do=do)
