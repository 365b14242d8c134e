"""The model card of whatever is trained here: one template for experts, mixtures and what is exported of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from tasks.experts.cards.origin import Origin, Rows
from tasks.schema import canonical_json

CARD_FILE = "README.md"
NOT_YET = (
    "This model had not been evaluated when this card was written, and an artifact is never changed: "
    "`empathy export` writes the card with the figures of the newest evaluation that holds this model."
)
NOT_EVALUATED = "This model was not evaluated."
LIMITS = (
    "It is not a therapist, and nothing here was tested for a crisis, for advice, or with people in need.",
    "Its base may say what is wrong or hurtful, and nothing here was done against it.",
    "The turns were chosen by the scores of one judge: how far these agree with people is not shown, beyond what is "
    "said above.",
    "It was tried in the language of its dialogues only: EmpatheticDialogues and the bundled sample are English.",
    "One seed: how a second training would differ is not shown.",
    "Automatic metrics compare words with one human response each; none of them measures empathy.",
)
SHORT_TRAINING = 200
"""Steps; one epoch of the paper's sensibility subset has about 1,500."""


@dataclass(frozen=True)
class ModelCard:
    """All that a card says, as Markdown, in the order it is said."""

    title: str
    what: str
    origin: Origin
    library: str
    training: Rows
    """How it was trained, and what came of it."""
    evaluation: str
    tags: Sequence[str] = ()
    artifacts: Rows = ()  # type: ignore[assignment]  # nothing to change
    """The artifacts that it is, or was joined from, beside those of its origin."""
    limits: Sequence[str] = ()
    """What it does not show besides what no model here does."""
    checks: str = ""
    usage: str = ""


def write_card(card: ModelCard, folder: Path) -> None:
    """Write a card as README.md; equal cards are equal bytes."""
    (folder / CARD_FILE).write_text(render_card(card), encoding="utf-8")


def render_card(card: ModelCard) -> str:
    """Return a card as Markdown behind the YAML that the Hugging Face hub reads."""
    template = (resources.files("tasks.experts.cards") / "model_card.md.j2").read_text(encoding="utf-8")
    environment = Environment(  # noqa: S701 - Markdown, whose cells are escaped by `cell`
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
    )
    environment.filters |= {"cell": escape_cell, "yaml": _to_yaml}
    lists = {"rows": [*card.artifacts, *card.origin.rows], "limits": [*card.limits, *LIMITS]}
    return environment.from_string(template).render(card=card, **lists)


def escape_cell(text: str) -> str:
    """Return a text as one cell of a Markdown table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def tell_training(record: Mapping[str, Any], config: Mapping[str, Any]) -> Rows:
    """Return what a training.json says of its turns, its config and its end; `config` without names of machines."""
    rows = [("turns", f"{record['n_rows']:,}"), ("steps", f"{record['n_steps']:,}")]
    if record.get("n_truncated") or record.get("n_dropped"):
        cut = f"{record.get('n_truncated', 0):,} cut at the beginning of their context"
        rows.append(("turns over the length", f"{cut}, {record.get('n_dropped', 0):,} left out"))
    rows += [(name, f"`{json.dumps(value)}`") for name, value in config.items() if value is not None]
    rows.append(("libraries", ", ".join(f"{name} {number}" for name, number in record["versions"].items())))
    rows.append(("loss at the last step", f"{record['last_loss']:.4f}"))
    if record.get("eval_loss"):
        kept = next(look["eval_loss"] for look in record["eval_loss"] if look["step"] == record["kept_step"])
        rows.append(("weights kept", f"of step {record['kept_step']:,}, loss {kept:.4f} on turns of the split valid"))
    return rows


def limits_of_training(record: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of a short training."""
    n_steps = record["n_steps"]
    said = f"Steps of its last training: {n_steps:,}. Enough to see an effect, not to settle a claim."
    return [said] if n_steps < SHORT_TRAINING else []


def _to_yaml(value: object) -> str:
    return canonical_json(value).decode()  # JSON is YAML
