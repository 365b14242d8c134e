"""Words as the released metrics count them: `word_tokenize` of the lower-cased text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any


def tokenize(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the lower-cased words and punctuation marks of each text.

    `nltk.word_tokenize` is a sentence splitter followed by `NLTKWordTokenizer`. Its splitter reads a
    downloaded list of abbreviations; ours is the same class without the list, so that nothing is
    downloaded. The two differ only after an abbreviation inside a text ("mr. smith").
    """
    return [split_words(text) for text in texts]


@lru_cache(maxsize=20_000)  # every system is compared with the same references
def split_words(text: str) -> tuple[str, ...]:
    """Return the words of one text."""
    splitter, tokenizer = load_tokenizers()
    return tuple(word for sentence in splitter.tokenize(text.lower()) for word in tokenizer.tokenize(sentence))


@cache
def load_tokenizers() -> tuple[Any, Any]:
    """Return the sentence splitter and the word tokenizer; nltk takes seconds to import, hence only here."""
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return PunktSentenceTokenizer(), NLTKWordTokenizer()


def list_ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return the n-grams of one text, in order and with repetitions."""
    return list(zip(*(words[start:] for start in range(n)), strict=False))
