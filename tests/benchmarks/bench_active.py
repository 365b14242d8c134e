"""How near active scoring comes to a full run of the LLM, beside turns drawn by chance, on the released scores.

The LLM is the released scores themselves. At each share of calls and seed: active scoring; as many turns by chance,
guessed from by the same learner; the same turns and a distilled judge for the others; that judge alone. The verdict is
on the Jaccard index of the sensibility subset at a quarter of the calls, beside chance and distillation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from released import read_released  # beside this file

from tasks.config import ActiveConfig
from tasks.judges.active import CurvePoint, Pool, open_full, simulate_curve, summarise_curve

SHARE, MARGIN = 0.25, 0.03
"""Where the verdict is taken, and by how much active scoring must be nearer than chance and distillation."""
ROLES = {"speaker": "user", "listener": "assistant"}


def open_pool(folder: Path) -> Pool | None:
    """Write the released turns as a corpus and return them with their scores; None where they are not there."""
    released = read_released()
    if released is None:
        return None
    turns = released["turns"]
    keys = [turn.turn_key for turn in turns]
    prompts = [[{"role": ROLES[who], "content": said} for who, said in turn.context] for turn in turns]
    columns = {"turn_key": keys, "dialogue_id": released["dialogue_ids"], "prompt": prompts}
    columns["response"] = [turn.response for turn in turns]
    path = folder / "turns.parquet"
    pl.DataFrame(columns).with_columns(split=pl.lit("valid")).write_parquet(path)
    scores = {"turn_key": keys, **{name: released[name] for name in ("sensibility", "rationality")}}
    return open_full([path], "all", pl.DataFrame(scores).unique("turn_key", keep="first"))


def tell(points: list[CurvePoint]) -> None:
    """Print the curve, a line a share and strategy, with the range over the seeds."""
    for one in summarise_curve(points):
        print(
            f"{one['share']:4.0%} of the calls  {one['strategy']:18} Jaccard {one['jaccard']:.3f} "
            f"({one['low']:.3f} to {one['high']:.3f})"
        )


def main() -> int:
    """Run the benchmark; 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.05, 0.1, 0.25, 0.5])
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-active-") as name:
        pool = open_pool(Path(name))
        if pool is None:
            print("FAIL: no figures, ../shared/data with the released scores is not beside this clone")
            return 1
        points, started = [], time.process_time()
        for share in asked.shares:
            points += simulate_curve(pool, ActiveConfig(bound=0), [share], asked.seeds)
            print(f"{share:.0%} done, {time.process_time() - started:.0f} s CPU", flush=True)
    tell(points)
    found = [point for point in points if point.strategy == "active" and point.estimated is not None]
    held = sum(one.estimated.low <= one.sensibility_jaccard <= one.estimated.high for one in found)
    print(f"the audit's interval held the truth in {held} of {len(found)} active runs")
    at = {strategy: [p.sensibility_jaccard for p in points if (p.strategy, p.share) == (strategy, SHARE)]
          for strategy in ("active", "random", "random, distilled")}  # fmt: skip
    if not at["active"]:
        print(f"FAIL: {SHARE:.0%} was not among the shares")
        return 1
    means = {name: sum(values) / len(values) for name, values in at.items()}
    margin = means["active"] - means["random, distilled"]
    is_clear = margin >= MARGIN and min(at["active"]) > max(at["random, distilled"] + at["random"])
    verdict = "PASS" if is_clear else "FAIL"
    print(
        f"{verdict}: at {SHARE:.0%} of the calls active is nearer by {margin:.3f} than chance and "
        f"distillation (bar {MARGIN}), by {means['active'] - means['random']:.3f} than chance and the same learner "
        "(bar: better with every seed)"
    )
    return 0 if is_clear else 1


if __name__ == "__main__":
    sys.exit(main())
