"""How alike two judges score the turns that both have scored."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import polars as pl

from tasks.judges import compare_pair
from tasks.reporting.blocks import Block
from tasks.reporting.judges.pairs import draw_pairs, tabulate_pairs
from tasks.reporting.judges.records import DIMENSIONS, Pair
from tasks.reporting.sections.judge_habits import LEAST_TURNS, draw_turns

MOST_DRAWN = 5
"""Pairs that are drawn, those with the chosen judge first; all stand in the table."""


def describe_pairs(judges: Mapping[str, pl.LazyFrame], turns: pl.LazyFrame) -> list[Block]:
    """Return the agreement of every pair of judges with enough turns in common: charts, and a table of all."""
    places = turns.select("turn_key", "dialogue_id").unique("turn_key", keep="first", maintain_order=True)
    found: list[Pair] = []
    without: list[str] = []
    for a, b in combinations(judges, 2):
        renamed = judges[b].rename({name: f"other_{name}" for name in DIMENSIONS})
        both = draw_turns(judges[a].join(renamed, on="turn_key")).join(places, on="turn_key").collect()
        if len(both) < LEAST_TURNS:
            without.append(f"{a} and {b}")
            continue
        found += [Pair(judges=(a, b), **record) for record in compare_pair(both)]
    said = f" Fewer than {LEAST_TURNS} turns in common: {'; '.join(without)}." if without else ""
    return [tabulate_pairs(found, said), *draw_pairs("judge-pair", found[: 2 * MOST_DRAWN])]
