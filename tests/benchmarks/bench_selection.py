"""What selecting costs beside a bare DuckDB COPY of the same columns in the same order.

Synthetic scored turns: the rule `paper` to Parquet with digests, manifest and card against the COPY, in turns and each
in a process of its own; then a tenth of the turns with quotas and near-duplicate removal. The COPY joins texts and
scores and sorts, and decides, counts and hashes nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.selection import materialize
from tasks.selection.connecting import connect

RATIO, GIGABYTES = 1.3, 2.0
QUOTA_MINUTES, QUOTA_GIGABYTES = 5.0, 4.0

SAID = "['feel','really','sorry','about','that','maybe','you','could','talk','to','them','and','see','how','it','goes']"
TURNS = f"""
COPY (
    WITH turns AS (SELECT range AS i, range // 3 AS dialogue, 2 + 2 * (range % 3) AS utterance_idx FROM range($n))
    SELECT
        'd' || dialogue AS dialogue_id, utterance_idx::INTEGER AS utterance_idx, sha256('turn ' || i) AS turn_key,
        'train' AS split, 'emotion ' || hash(dialogue) % 32 AS emotion,
        list_transform(range(1, utterance_idx), lambda j: {{
            'role': CASE WHEN j % 2 = 1 THEN 'user' ELSE 'assistant' END,
            'content': 'what a thing to happen to me today ' || ({SAID})[(1 + hash(i, j) % 16)::INTEGER] || ' ' || i
        }}) AS prompt,
        array_to_string(
            list_transform(
                range((6 + hash(i) % 14)::INTEGER), lambda j: ({SAID})[(1 + hash(i, j, 3) % 16)::INTEGER]
            ), ' '
        ) || '.' AS response
    FROM turns
) TO $file (FORMAT parquet, COMPRESSION zstd)
"""
SCORES = """
COPY (
    SELECT
        sha256('turn ' || range) AS turn_key, (hash(range, 1) % 11)::DOUBLE AS sensibility,
        (hash(range, 2) % 11)::DOUBLE AS rationality, NULL::DOUBLE AS sensibility_sd, NULL::DOUBLE AS rationality_sd,
        'recorded' AS method, NULL::VARCHAR AS unscored_reason
    FROM range($n) ORDER BY turn_key
) TO $file (FORMAT parquet, COMPRESSION zstd)
"""
BARE = """
COPY (
    SELECT
        dialogue_id, utterance_idx, turn_key, split, emotion, prompt,
        [{'role': 'assistant', 'content': response}] AS completion, 0 AS n_words, sensibility, rationality,
        'subset' AS subset, 'reason' AS reason
    FROM read_parquet($turns) AS turns JOIN read_parquet($scores) AS scores USING (turn_key)
    ORDER BY turn_key, dialogue_id, utterance_idx
) TO $file (FORMAT parquet, COMPRESSION zstd)
"""
QUOTAS = SelectionConfig(near_duplicates=0.9, max_per_emotion=5_000, max_per_position=40_000)


def make_corpus(folder: Path, n_turns: int) -> None:
    """Write synthetic scored turns as artifacts, and which they are."""
    store = ArtifactStore(str(folder), folder / "cache")

    def produce(kind: str, name: str, query: str, parents: tuple[ArtifactRef, ...] = ()) -> ArtifactRef:
        def build(staging: Path) -> dict[str, object]:
            with connect() as connection:
                connection.execute(query, {"n": n_turns, "file": str(staging / name)})
            return {"n_rows": n_turns, "judge_id": "synthetic", "alias": "synthetic"}

        return store.produce(Recipe(kind, 1, {"n": n_turns}, parents), build)

    corpus = produce("dialogues", "turns.parquet", TURNS)
    scores = produce("scores", "scores.parquet", SCORES, (corpus,))
    (folder / "refs.json").write_text(json.dumps([corpus.model_dump(), scores.model_dump()]), encoding="utf-8")


def work(what: str, folder: Path) -> None:
    """Do one thing in this process and print what it took."""
    corpus, scores = (ArtifactRef(**ref) for ref in json.loads((folder / "refs.json").read_text(encoding="utf-8")))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as output:
        if what == "bare":
            values = {"turns": f"{corpus.uri}/turns.parquet", "scores": f"{scores.uri}/scores.parquet"}
            with connect() as connection:
                connection.execute(BARE, {**values, "file": f"{output}/bare.parquet"})
        else:
            selection = SelectionConfig() if what == "select" else QUOTAS
            materialize(ArtifactStore(output, Path(output) / "cache"), [corpus], scores, selection)
        took_s = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(json.dumps([took_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6]))


def measure(what: str, folder: Path) -> tuple[float, float, float]:
    """Return (wall s, CPU s, peak GB) of one thing done in a process of its own."""
    command = [sys.executable, __file__, "--work", what, "--folder", str(folder)]
    wall_s, cpu_s, gigabytes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{what:18} {wall_s:7.1f} s wall {cpu_s:7.1f} s CPU {gigabytes:6.2f} GB", flush=True)
    return wall_s, cpu_s, gigabytes


def main() -> int:
    """Run the benchmark; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", choices=["bare", "select", "quotas"])
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work, asked.folder)
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-selection-") as name:
        many, tenth = Path(name) / "many", Path(name) / "tenth"
        make_corpus(many, asked.turns)
        print(f"{asked.turns:,} turns, DuckDB {duckdb.__version__}; best of {asked.rounds}", flush=True)
        runs = [(measure("bare", many), measure("select", many)) for _ in range(asked.rounds)]
        make_corpus(tenth, asked.turns // 10)
        print(f"{asked.turns // 10:,} turns with quotas and near-duplicates", flush=True)
        quotas = measure("quotas", tenth)
    ratios = [min(run[1][i] for run in runs) / min(run[0][i] for run in runs) for i in (0, 1)]
    peak = max(run[1][2] for run in runs)
    is_passed = (
        ratios[0] <= RATIO and peak < GIGABYTES and quotas[0] < 60 * QUOTA_MINUTES and quotas[2] < QUOTA_GIGABYTES
    )
    print(f"selection over a bare COPY: {ratios[0]:.2f} wall, {ratios[1]:.2f} CPU; peak {peak:.2f} GB")
    print(
        f"{'PASS' if is_passed else 'FAIL'} (bars: {RATIO} of the wall time, {GIGABYTES:g} GB; "
        f"{QUOTA_MINUTES:g} minutes and {QUOTA_GIGABYTES:g} GB with quotas)"
    )
    return 0 if is_passed else 1


if __name__ == "__main__":
    sys.exit(main())
