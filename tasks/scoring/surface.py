"""Measures of a turn's surface: lengths, punctuation, who is spoken of, where in the dialogue it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log1p

WORD = re.compile(r"[\w']+|[^\w\s]")
SENTENCE_END = re.compile(r"[.!?]+")
DIGIT = re.compile(r"\d")
FIRST_PERSON = frozenset(("i", "i'm", "i've", "i'd", "i'll", "me", "my", "mine"))
SECOND_PERSON = frozenset(("you", "your", "yours", "you're", "you've", "you'd", "you'll"))
SURFACE_MEASURES = (
    "log characters",
    "log words",
    "words",
    "characters a word",
    "sentences",
    "words a sentence",
    "at most four words",
    "starts with a capital",
    "holds a digit",
    "commas",
    "exclamation marks",
    "ends with an exclamation mark",
    "question marks",
    "question marks a sentence",
    "ends with a question mark",
    "asks and says",
    "share of first-person words",
    "share of second-person words",
    "share of words taken from the last utterance",
    "last utterance: log characters",
    "last utterance: question marks",
    "last utterance: exclamation marks",
    "context: log characters",
    "context: utterances",
    "context: one utterance",
)


def measure_surface(said: Sequence[str], response: str, tokens: Sequence[str]) -> tuple[float, ...]:
    """Return the SURFACE_MEASURES of a turn.

    `said` are the utterances before the response, `tokens` its words and marks in lower case.
    """
    words = [token for token in tokens if token[0].isalnum()]
    n_words, n_tokens = max(1, len(words)), max(1, len(tokens))
    n_sentences = sum(1 for part in SENTENCE_END.split(response) if part.strip())
    questions = response.count("?")
    return (
        log1p(len(response)),
        log1p(len(words)),
        len(words) / 20,
        len(response) / n_words,
        n_sentences,
        len(tokens) / max(1, n_sentences),
        len(words) <= 4,
        response[:1].isupper(),
        DIGIT.search(response) is not None,
        response.count(","),
        response.count("!"),
        response.endswith("!"),
        questions,
        questions / max(1, n_sentences),
        response.endswith("?"),
        questions > 0 and n_sentences > 1,
        sum(word in FIRST_PERSON for word in words) / n_tokens,
        sum(word in SECOND_PERSON for word in words) / n_tokens,
        *measure_context(said, set(words)),
    )


def measure_context(said: Sequence[str], words: set[str]) -> tuple[float, ...]:
    """Return the measures that look at what was said before."""
    last = said[-1] if said else ""
    shared = words.intersection(WORD.findall(last.lower()))
    return (
        len(shared) / max(1, len(words)),
        log1p(len(last)),
        last.count("?"),
        last.count("!"),
        log1p(sum(len(text) for text in said)),
        len(said),
        len(said) == 1,
    )
