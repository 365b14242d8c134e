"""The licences that hold for a model, of its base and of its dialogues; where nobody states one, nor do we."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tasks.experts.bases import Base
from tasks.experts.gemma import GEMMA
from tasks.experts.tiny_llama import TINY_LLAMA

ED_NAME = "empathetic-dialogues"
ED_DATASET = "facebook/empathetic_dialogues"
ED_FORMAT = "csv_original"
CC_BY_NC = "CC BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/)"


class Licence(NamedTuple):
    """What a licence is called, and its id on the Hugging Face hub where it has one."""

    text: str
    hub_id: str = ""


GEMMA_TERMS = Licence("Gemma terms of use (https://ai.google.dev/gemma/terms)", "gemma")
NOT_STATED_HERE = Licence("see the base model")
OWN = Licence("Apache-2.0, as the code of efficient-empathy: random weights, made by it", "apache-2.0")
BY_OWNER = {
    "google/gemma-": GEMMA_TERMS,
    "meta-llama/": Licence("a Llama licence of Meta: which one, the base model's own page says"),
}
BY_NAME = {GEMMA: GEMMA_TERMS, TINY_LLAMA: OWN}


def licence_of_base(base: Base) -> Licence:
    """Return the licence of a base model: as it is known, as its folder states it, or where to look."""
    if base.name in BY_NAME:
        return BY_NAME[base.name]
    folder = Path(base.path)
    if folder.is_dir():
        stated = _read_stated(folder)
        return Licence(f"{stated}, as its folder states", stated) if stated else Licence("see the base model")
    return next(
        (known for start, known in BY_OWNER.items() if base.name.startswith(start)), Licence("see the base model")
    )


def licence_of_dialogues(facts: Mapping[str, Any]) -> Licence:
    """Return the licence of a source of dialogues from what its artifact says of it."""
    source = facts.get("source", "")
    if source == "sample":
        return Licence("Apache-2.0: written for efficient-empathy", "apache-2.0")
    if source == ED_NAME:
        return Licence(CC_BY_NC, "cc-by-nc-4.0")
    if ED_FORMAT in facts.get("formats", {}):
        return Licence(f"not stated; the files have the format of EmpatheticDialogues, which is {CC_BY_NC}")
    return Licence("not stated")


def _read_stated(folder: Path) -> str:
    """Return the licence that a model's card, or else its config, names; nothing if none does or it cannot be read."""
    try:
        _, head, _ = (folder / "README.md").read_text(encoding="utf-8").split("---", 2)
        card = yaml.safe_load(head)
    except (OSError, ValueError, yaml.YAMLError):
        card = {}
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    for record, keys in ((card, ("license_name", "license")), (config, ("license",))):
        for key in keys:
            if isinstance(record, dict) and isinstance(record.get(key), str):
                return record[key].strip()
    return ""
