"""Which model a name or a path means in this home, and loading it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.chat import PromptFormat
from tasks.config import ADAPTERS
from tasks.errors import UsageError
from tasks.evaluation import ACCEPTED, load_system, require_accepted
from tasks.experts import TurnEncoder, prepare_base
from tasks.home import Home
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KINDS = ("expert", "mixture")


@dataclass(frozen=True)
class FoundModel:
    """A model of this home that can be loaded."""

    name: str
    ref: ArtifactRef | None
    """Its artifact; None for the base model itself."""
    trained_on: ArtifactRef
    """The artifact that says which base model it is."""
    prompt_format: PromptFormat


def find_model(home: Home, model: str) -> FoundModel:
    """Return the model that `model` means: base, mixture, accepted, an adapter's name, an artifact's folder or URL.

    Raises UsageError where no such model was trained here, ArtifactError where its artifact cannot be read.
    """
    current = list_models(home)
    if model == "base" and current:
        return FoundModel(model, None, next(iter(current.values())), "chat")  # as it is evaluated
    if model == ACCEPTED:
        ref: ArtifactRef | None = require_accepted(home.artifacts)
    else:
        ref = home.artifacts.read_ref(model) if "/" in model else current.get(model)
    if ref is None:
        there = f"; here are {', '.join(['base', *current])}" if current else ""
        raise UsageError(
            f"There is no model {model!r} here yet{there}.", do="run `empathy train` and `empathy route` first"
        )
    if ref.kind not in KINDS:
        raise UsageError(f"This artifact is no model: its kind is {ref.kind}.", where=ref.uri)
    config = home.artifacts.read_manifest(ref.uri)["config"]
    return FoundModel(config.get("name", "mixture"), ref, ref, config["expert"]["prompt_format"])


def list_models(home: Home) -> dict[str, ArtifactRef]:
    """Return the current artifact of each trained model by the model's name, the mixture first."""
    names = [("mixture", "mixture"), *((name, f"expert-{name}") for name in ADAPTERS)]
    found = {name: home.artifacts.get_current(alias) for name, alias in names}
    return {name: ref for name, ref in found.items() if ref is not None}


def load_model(home: Home, found: FoundModel) -> tuple[PreTrainedModel, TurnEncoder]:
    """Return a model ready to answer, and what renders its prompts as its training did."""
    folder = home.artifacts.open(found.trained_on)
    trained_on = json.loads((folder / "training.json").read_text(encoding="utf-8"))["base"]
    base = prepare_base(trained_on["name"], trained_on["revision"], home.settings.cache_dir)
    model, tokenizer = load_system(home, found.ref, base)
    return model, TurnEncoder(tokenizer, found.prompt_format)
