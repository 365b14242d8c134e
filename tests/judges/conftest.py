"""Scored turns to fit judges on: made up, and the real ones where they are at hand."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tasks.schema import Turn, Utterance, make_turn_key
from tests.benchmarks.released import read_released
from tests.judges.small_audits import fill_sheet, score_home

WARM = ("oh no, i am so sorry", "that must hurt so much", "i feel with you", "what a lovely thing")
COOL = ("you should call the office", "have you tried to write it down?", "why did they do that?", "the rules say so")
PLAIN = ("okay", "i see", "right", "well then")


Scored = dict[str, Any]
"""The arguments of `distill` and `cross_validate`: turns, dialogue_ids, sensibility, rationality."""


def make_scored(rows: Iterable[tuple[Turn, str, float, float]]) -> Scored:
    names = ("turns", "dialogue_ids", "sensibility", "rationality")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def make_turn(response: str, *said: str) -> Turn:
    context = tuple(Utterance("listener" if n % 2 else "speaker", text) for n, text in enumerate(said))
    return Turn(make_turn_key(context, response), context, response)


@pytest.fixture(scope="session")
def made_up() -> Scored:
    """160 turns of 80 dialogues whose scores follow from the phrases in the response, with some noise."""
    draw = random.Random(7)
    rows = []
    for number in range(160):
        warm, cool = draw.random() < 0.6, draw.random() < 0.4
        parts = [draw.choice(WARM if warm else PLAIN), draw.choice(COOL if cool else PLAIN)]
        turn = make_turn(f"{parts[0]}, {parts[1]} {number % 9}", f"this is story {draw.randrange(50)}")
        sensibility = draw.choice((7, 8, 8)) if warm else draw.choice((2, 3, 5))
        rationality = draw.choice((6, 7, 8)) if cool else draw.choice((1, 2, 2))
        rows.append((turn, f"dialogue {number // 2}", float(sensibility), float(rationality)))
    return make_scored(rows)


@pytest.fixture(scope="session")
def released(shared_data: Path) -> Scored:
    """The 5,734 released scores with their turns."""
    found = read_released()
    assert found is not None, f"{shared_data} lacks the released scores"
    return found


@pytest.fixture(scope="module")
def scored(make_home, ingest_file, write_dialogues, score_corpus, tmp_path_factory):
    """A home of 90 turns in two splits with two judges; `replies-second` is two points off."""
    tmp_path = tmp_path_factory.mktemp("audits")
    home = make_home(tmp_path / "home [1] *")
    score_home(home, tmp_path, ingest_file, write_dialogues, score_corpus)
    return home


@pytest.fixture
def fill(scored, tmp_path):
    """Draw an audit of that home and fill its sheet in."""
    return lambda name, *args, **choices: fill_sheet(scored, tmp_path / f"{name}.csv", *args, **choices)
