"""A million mutated replies: scores on the scale or ScoreParseError, and nothing else."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.errors import ScoreParseError
from tasks.scoring import parse_reply
from tasks.scoring.expected import expect_scores

pytestmark = [pytest.mark.system, pytest.mark.long]

DRESSES = [
    "Evaluation Form (scores ONLY):\n- Rationality: {r}\n- Sensibility: {s}",
    "- Sensibility: {s}/10\n- Rationality: {r} out of 10\n",
    "**Rationality:** {r}\r\n\r\n**Sensibility**: **{s}**",
    "| Sensibility | {s} |\n| Rationality | {r} |",
    "```\n  Rationality = {r}\n  Sensibility = {s}\n```",
    "I read it twice. Sensibility score: {s}. Rationality (0-10): {r}. It asks 2 questions.",
    '{{"rationality": {r}, "sensibility": {s}}}',
    '```json\n{{"rationality": "{r}", "sensibility": "{s}/10"}}\n```',
    'Here: {{"scores": {{"Sensibility": {s}, "Rationality": {r}}}}} I hope this helps.',
    '{{"rationality_evidence": "sensibility 5, {{9}}", "rationality": {r}, '
    '"sensibility_evidence": "\\"so sad\\" \\u00e9", "sensibility": {s}}}',
    '<think>Sensibility: 2?</think>{{"rationality": {r}, "sensibility": {s}, "sensibility_sd": 0.5}}',
    "Sensibility: {s} or maybe {r}\nRationality: {r}",
]
NUMBERS = [*map(str, range(11)), "7.5", "0.5", "8.0", "11", "-1", "10.0"]
MADE_UP = [dress.format(s=s, r=r) for dress in DRESSES for s in NUMBERS for r in NUMBERS]
PIECES = [
    *"0123456789{}[]\"'\\:,.-/*_`| \n\r\t\x00½٣é😀\ud800\u2028", "10", "1e9", "NaN", "Infinity", "null", "true", "-",
    "sensibility", "Rationality:", " or ", "/10", "out of", "```", '{"', '":', "<think>", "</think>", "9" * 400,
]  # fmt: skip


def mutate(source: Sequence[str], chance: random.Random) -> str:
    """Return one of the replies with one to four cuts, doublings, insertions, swaps or splices."""
    text = chance.choice(source)
    for _ in range(chance.randint(1, 4)):
        start = int(chance.random() * (len(text) + 1))
        end = min(len(text), start + int(chance.expovariate(0.2)))
        kind = int(chance.random() * 6)
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:end] + text[start:]
        elif kind == 2:
            text = text[:start] + chance.choice(PIECES) + text[start:]
        elif kind == 3:
            text = text[:start] + chance.choice(PIECES) + text[end:]
        elif kind == 4:
            text = text[end:] + text[start:end] + text[:start]
        else:
            text = text[:start] + chance.choice(source)[start:]
    return text


def judge_mutations(source: Sequence[str], n_mutations: int, seed: int) -> Counter[str]:
    """Parse mutated replies and count what came of them; any other exception or value fails the test."""
    chance, counts = random.Random(seed), Counter[str]()
    for _ in range(n_mutations):
        text = mutate(source, chance)
        try:
            parsed = parse_reply(text)
        except ScoreParseError:
            counts["refused"] += 1
            continue
        assert 0 <= parsed.sensibility <= 10, text
        assert 0 <= parsed.rationality <= 10, text
        counts["read"] += 1
    return counts


def cut(text: str, chance: random.Random) -> list[list[object]]:
    """Return a text as tokens with candidates of every sort, now and then not quite its own."""
    edges = sorted({0, len(text), *(int(chance.random() * len(text)) for _ in range(len(text) // 3))})
    tokens = [text[start:end] for start, end in pairwise(edges)]
    if tokens and chance.random() < 0.1:
        tokens[-1] += chance.choice(["<|end|>", "", " ", "bytes:\\xf0"])
    others = [*NUMBERS, " 10", '"8"', "1", "", "x", ":7"]
    return [[token, {each: -9 * chance.random() for each in (token, *chance.sample(others, 3))}] for token in tokens]


def test_a_million_mutations_of_replies_in_every_dress_are_read_or_refused() -> None:
    counts = judge_mutations(MADE_UP, 1_000_000, seed=3)
    assert counts.total() == 1_000_000
    assert min(counts["read"], counts["refused"]) > 100_000, "the mutations are too mild or too wild to show anything"


def test_mutations_of_the_released_replies_are_read_or_refused(shared_data: Path) -> None:
    lines = (shared_data / "released_scores" / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    counts = judge_mutations([json.loads(line)["reply"] for line in lines], 250_000, seed=4)
    assert counts.total() == 250_000
    assert min(counts["read"], counts["refused"]) > 25_000


def test_expected_scores_of_mutated_replies_are_on_the_scale_or_refused() -> None:
    chance, n_read = random.Random(5), 0
    for _ in range(50_000):
        text = mutate(MADE_UP, chance)
        try:
            found = expect_scores(text, cut(text, chance))
        except ScoreParseError:
            continue
        n_read += 1
        assert 0 <= found.sensibility <= 10, text
        assert 0 <= found.rationality <= 10, text
        assert min(found.sensibility_sd or 0, found.rationality_sd or 0) >= 0, text
    assert n_read > 5_000
