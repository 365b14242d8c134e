"""What the judge is asked: the rubric, the dialogue inside a fence it cannot leave, and the form of the answer."""

from __future__ import annotations

from typing import Any

from tasks.schema import Turn

PROMPT_VERSION = 1
"""Raise it when a rubric's words reach the judge in another way: every score is then another judge's."""

FORM = (
    "Fill in this form with one whole number from 0 to 10 on each line and write nothing else:\n"
    "Evaluation Form (scores ONLY):\n- Rationality:\n- Sensibility:"
)
JSON_FORM = 'Answer with a JSON object and nothing else: {"rationality": 0 to 10, "sensibility": 0 to 10}.'

SCORE_SCHEMA: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "empathy_scores",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "rationality": {"type": "integer", "minimum": 0, "maximum": 10},
                "sensibility": {"type": "integer", "minimum": 0, "maximum": 10},
            },
            "required": ["rationality", "sensibility"],
            "additionalProperties": False,
        },
    },
}


def build_messages(rubric_text: str, turn: Turn, *, is_structured: bool, complaint: str = "") -> list[dict[str, str]]:
    """Return the judge's messages for a turn; `complaint` tells it what was wrong with its last reply."""
    parts = [render_dialogue(turn), JSON_FORM if is_structured else FORM]
    if complaint:
        parts.append(f"Your last answer could not be used: {complaint}")
    return [
        {"role": "system", "content": strip_front_matter(rubric_text)},
        {"role": "user", "content": "\n\n".join(parts)},
    ]


def render_dialogue(turn: Turn) -> str:
    """Return the dialogue as fenced data; no text of it can close the fence or begin a line of its own."""
    lines = [f"{role.capitalize()}: {escape(text)}" for role, text in turn.context]
    return "\n".join(
        ["<conversation>", *lines, "</conversation>", "<response>", f"Listener: {escape(turn.response)}",
         "</response>"]
    )  # fmt: skip


def escape(text: str) -> str:
    """Make a text one line without angle brackets."""
    return " ".join(text.replace("<", "‹").replace(">", "›").split())


def strip_front_matter(text: str) -> str:
    """Return a rubric without the block between its first two `---` lines."""
    if not text.startswith("---\n"):
        return text.strip()
    return text.split("\n---\n", 1)[1].strip()
