"""A rubric: what the judge is told to rate, and in what form it answers. A file of Markdown with a front matter."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, get_args

import yaml

from tasks.errors import ConfigError

AnswerStyle = Literal["scores", "evidence", "verdict"]
"""scores: the two numbers and nothing else. evidence: a sentence of evidence before each number.
verdict: which of two responses is better."""
KNOWN_FIELDS = ("name", "answer", "max_output_tokens", "origin")
OUTPUT_TOKENS = {"scores": 64, "evidence": 300, "verdict": 64}


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a judge is given for every turn."""

    text: str
    """The system message."""
    answer: AnswerStyle = "scores"
    max_output_tokens: int = OUTPUT_TOKENS["scores"]


def load_rubric(name: str) -> str:
    """Return the file of a rubric, front matter and all: a shipped one by its name, or one's own by its path.

    Raises ConfigError where there is none, or where it is not a rubric.
    """
    shipped = resources.files("tasks.scoring") / "rubrics"
    try:
        if not name.endswith(".md") and Path(name).name != name:
            raise ValueError(name)  # `../x` would be a file that nobody meant
        path = Path(name).expanduser() if name.endswith(".md") else shipped / f"{name}.md"
        source = path.read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a home of nobody's
        names = ", ".join(sorted(file.name.removesuffix(".md") for file in shipped.iterdir()))
        raise ConfigError(
            f"There is no rubric {name!r} that can be read.", do=f"name one of {names}, or a file that ends in .md"
        ) from None
    parse_rubric(source, where=name)
    return source


def parse_rubric(source: str, where: str = "") -> Rubric:
    """Read a rubric's file. Raises ConfigError for an empty text, or a front matter that says what is not known."""
    head, text = _split(source, where)
    try:
        fields = yaml.safe_load(head) or {}
    except (yaml.YAMLError, ValueError):  # ValueError: a date that is none
        raise ConfigError("The front matter of the rubric is not YAML.", where=where) from None
    unknown = sorted(map(str, set(fields) - set(KNOWN_FIELDS))) if isinstance(fields, dict) else [str(fields)]
    if unknown:
        raise ConfigError(
            f"The rubric's front matter says what is not known: {', '.join(unknown)}.",
            where=where,
            do=f"it may hold {', '.join(KNOWN_FIELDS)}",
        )
    answer = fields.get("answer", "scores")
    if answer not in get_args(AnswerStyle):
        raise ConfigError(f"The rubric asks for the answer {answer!r}.", where=where, do="scores, evidence or verdict")
    n_tokens = fields.get("max_output_tokens", OUTPUT_TOKENS[answer])
    if not isinstance(n_tokens, int) or isinstance(n_tokens, bool) or n_tokens < 8:
        raise ConfigError(f"max_output_tokens is {n_tokens!r}.", where=where, do="give a whole number from 8")
    if not text:
        raise ConfigError("The rubric has no text.", where=where)
    return Rubric(text, answer, n_tokens)


def _split(source: str, where: str) -> tuple[str, str]:
    """Return the front matter between a first and a second line `---`, and the text after it."""
    source = source.removeprefix("\ufeff").replace("\r\n", "\n")
    first, *lines = source.split("\n")
    if first.rstrip() != "---":
        return "", source.strip()
    end = next((place for place, line in enumerate(lines) if line.rstrip() == "---"), None)
    if end is None:
        raise ConfigError("The front matter of the rubric has no end.", where=where, do="close it with a line ---")
    return "\n".join(lines[:end]), "\n".join(lines[end + 1 :]).strip()
