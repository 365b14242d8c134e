"""The model card of one adapter, an expert or a control."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.experts.bases import Base
from tasks.experts.cards.lineage import Ancestor
from tasks.experts.cards.model_card import NOT_YET, ModelCard, limits_of_training, tell_training, write_card
from tasks.experts.cards.origin import describe_origin
from tasks.experts.training import TRAINING_FILE

OF_MACHINES = ("base_model", "revision", "max_steps", "epochs")
"""Fields of the config that stand elsewhere in the card: as the base, without its path, and as the steps."""
LEARNED = {
    "sensibility": "the turns that a judge scored high in sensibility (affective empathy)",
    "rationality": "the turns that a judge scored high in rationality (cognitive empathy)",
    "union": "the turns of both subsets: the control with as many steps as the whole mixture",
    "full": "all scored turns: the control without selection",
    "random": "a random subset of the size of the sensibility subset: the control of its size",
    "length-matched": "random turns as long as those of the sensibility subset: the control of their length",
}
USAGE = """\
```python
from peft import PeftModel
from transformers import AutoModelForCausalLM
base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "THIS_FOLDER")
```"""


def write_expert_card(folder: Path, base: Base, lineage: Sequence[Ancestor]) -> None:
    """Write README.md beside an adapter that was just trained; `lineage` starts with what it was made from."""
    write_card(describe_expert(folder, base, lineage), folder)


def describe_expert(folder: Path, base: Base, lineage: Sequence[Ancestor]) -> ModelCard:
    """Return the card of the adapter in `folder`, without an evaluation."""
    record = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    origin = describe_origin(base, lineage)
    return ModelCard(
        title=f"An empathetic expert: {record['name']}",
        what=f"A LoRA adapter trained on {LEARNED.get(record['name'], record['name'])}.",
        origin=origin,
        library="peft",
        training=tell_training(record, tell_config(record["config"])),
        evaluation=NOT_YET,
        tags=("lora", record["name"]),
        limits=limits_of_training(record),
        usage=USAGE.format(base=origin.base),
    )


def tell_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an adapter's config that its card lists."""
    return {name: value for name, value in config.items() if name not in OF_MACHINES}
