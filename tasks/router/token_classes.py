"""What kind of token a piece of a response is: a small classification, by English word lists, for looking at gates.

Each token has the class of the word that its first visible character lies in, so all parts of a word share one:
- `question`: it holds a question mark. Asking is how the rationality of a reply mostly shows.
- `affect`: a word that names a feeling or answers to one ("sorry", "proud", "awful").
- `function`: an article, pronoun, preposition, conjunction, auxiliary, or negation.
- `end`: the marker that ends the response, and other special tokens.
- `other`: all the rest: content words, numbers, punctuation, spaces.
The lists hold forms, not stems: "happ" would also find "happen". They are meant to split tokens for a table, not to
measure affect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

ResponseClass = Literal["affect", "question", "function", "other", "end"]
RESPONSE_CLASSES: tuple[ResponseClass, ...] = get_args(ResponseClass)
WORD = re.compile(r"\w+(?:['’]\w+)*")

AFFECT = """
afraid alone amazed amazing anger angry annoyed annoying anxious ashamed awesome awful bad bless comfort
congrats congratulations cried cry crying delighted depressed depressing devastated devastating disappointed
disappointing disgusted disgusting embarrassed embarrassing excited exciting fear feel feeling feelings feels felt
frightened frightening frustrated frustrating furious glad grateful great grief guilty happiness happy hate hated
heartbreaking heartbroken hope hopeful hopefully horrible hug hugs hurt hurts jealous joy lonely love loved lovely
loving mad miserable miss missed nervous nice nostalgic pain painful proud regret relief relieved sad sadness
scared scary shame shock shocked sorrow sorry stress stressed stressful surprised surprising sweet sympathy
terrible terrified terrifying thankful tough trust unfortunate upset upsetting wonderful worried worry worrying wow
"""
FUNCTION = """
a about after all also am an and any are as at be because been before being both but by can could did do does doing
down each either for from had has have having he her hers him his how i if in into is it its just may me might mine
more most must my neither no nor not of off on once only or our ours out over own shall she should so some such
than that the their theirs them then there these they this those through to too under until up us very was we were
what when where which while who whom whose why will with would you your yours yourself myself
"""
AFFECT_FORMS, FUNCTION_FORMS = frozenset(AFFECT.split()), frozenset(FUNCTION.split())
CLITIC = re.compile(r"['’](?:s|m|re|ve|ll|d)$")
NEGATED = re.compile(r"n['’]t$")


def classify_pieces(pieces: Sequence[str], is_special: Sequence[bool]) -> list[ResponseClass]:
    """Return the class of each piece of a response; `is_special` says which are no text."""
    text = "".join("" if special else piece for piece, special in zip(pieces, is_special, strict=True))
    words = [(found.end(), found.group()) for found in WORD.finditer(text)]
    classes: list[ResponseClass] = []
    at = place = 0
    for piece, special in zip(pieces, is_special, strict=True):
        if special:
            classes.append("end")
            continue
        first = at + len(piece) - len(piece.lstrip())
        at += len(piece)
        while place < len(words) and words[place][0] <= first:
            place += 1
        start_of_word = words[place][0] - len(words[place][1]) if place < len(words) else len(text)
        classes.append(_classify(piece, words[place][1] if start_of_word <= first < at else ""))
    return classes


def _classify(piece: str, word: str) -> ResponseClass:
    """Return the class of one piece by itself and the word it belongs to, which may be none."""
    if "?" in piece:
        return "question"
    word = word.lower()
    if NEGATED.search(word):
        return "function"
    stem = CLITIC.sub("", word)
    return "affect" if stem in AFFECT_FORMS else "function" if stem in FUNCTION_FORMS else "other"
