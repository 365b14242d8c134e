"""Rows of a forgotten dialogue out of an artifact: the one exception to "artifacts are never modified".

The artifact keeps its name. Its digest names what it was made from, and that has not changed; a new name would only
cut what was made of it from its lineage. What changes is the content, and with it the content hash: whatever is made
from it afterwards is made anew, and the manifest says, as the fact `forgotten`, how many dialogues were taken out.
Changed files are first written beside the old ones under a name that ends in `.next`, the manifest last; then each
takes its place, the manifest last. A kill in between is brought to its end by the next `empathy forget`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from flows.forgetting.pruning import prune
from flows.forgetting.traces import MODELS, ROWS_FILE, Traces, read_columns
from tasks.artifacts import ArtifactStore
from tasks.manifest import MANIFEST, hash_file, hash_of_manifest
from tasks.schema import ArtifactRef

NEXT = ".next"


def count_rows(artifacts: ArtifactStore, ref: ArtifactRef, traces: Traces) -> dict[str, int]:
    """Return, by file, how many rows (1 for a file of another kind) an artifact holds of a dialogue."""
    folder = artifacts.open(ref)
    found: dict[str, int] = {}
    for name in artifacts.read_manifest(ref.uri)["files"]:
        path = folder / name
        if path.suffix == ".parquet" and not (ref.kind in MODELS and path.name == ROWS_FILE):
            keep = traces.keep(read_columns(path))
            if keep is not None:
                n = pl.scan_parquet(path, glob=False).filter(~keep).select(pl.len()).collect().item()
                found |= {name: n} if n else {}
        elif path.suffix == ".json":
            value = json.loads(path.read_bytes())
            found |= {name: 1} if prune(value, traces) != value else {}
    return found


def redact(artifacts: ArtifactStore, ref: ArtifactRef, traces: Traces, found: Mapping[str, int]) -> None:
    """Take a dialogue's rows out of the files named in `found`."""
    folder = artifacts.open(ref)
    manifest = artifacts.read_manifest(ref.uri)
    with tempfile.TemporaryDirectory(prefix="empathy-forget-") as made:
        removed: dict[str, list[dict[str, Any]]] = {}
        for name in found:
            target = Path(made, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".parquet"):
                removed[name] = filter_table(folder / name, target, traces)
            else:
                value = prune(json.loads((folder / name).read_bytes()), traces)
                target.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
            manifest["files"][name] = {"sha256": hash_file(target), "bytes": target.stat().st_size}
        manifest["facts"] = adjust_facts(ref.kind, manifest["facts"], removed)
        manifest["sha256"] = hash_of_manifest(json.loads(json.dumps(manifest)))
        Path(made, MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
        for name in (*found, MANIFEST):
            artifacts.fs.put_file(str(Path(made, name)), f"{artifacts.fs._strip_protocol(ref.uri)}/{name}{NEXT}")
    finish(artifacts, ref.uri)


def is_torn(artifacts: ArtifactStore, uri: str) -> bool:
    """Say whether something waits beside an artifact's files to take their place."""
    return any(name.endswith(NEXT) for name in artifacts.fs.find(artifacts.fs._strip_protocol(uri)))


def finish(artifacts: ArtifactStore, uri: str) -> None:
    """Put what was written beside an artifact's files in their place; what a kill left before that is removed."""
    path = artifacts.fs._strip_protocol(uri)
    waiting = [name for name in artifacts.fs.find(path) if name.endswith(NEXT)]
    is_whole = artifacts.fs.exists(f"{path}/{MANIFEST}{NEXT}")
    for name in sorted(waiting, key=lambda name: name.endswith(f"/{MANIFEST}{NEXT}")):
        if is_whole:
            artifacts.fs.mv(name, name.removesuffix(NEXT))
        else:
            artifacts.fs.rm_file(name)


def filter_table(source: Path, target: Path, traces: Traces) -> list[dict[str, Any]]:
    """Write a Parquet file without a dialogue's rows, as it was else, and return what tells of those."""
    telling = ("split", "reason", "n_utterances")
    removed: list[dict[str, Any]] = []
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        keep = traces.keep(file.schema_arrow.names)
        for batch in file.iter_batches():
            table = pa.Table.from_batches([batch])
            frame = pl.DataFrame(table)
            is_kept = frame.select(keep).to_series() if keep is not None else pl.repeat(True, len(frame), eager=True)
            writer.write_table(table.filter(is_kept.to_arrow()))
            told = frame.filter(~is_kept)
            removed += (
                told.select([name for name in telling if name in told.columns]).rows(named=True) if told.width else []
            )
    return removed


def adjust_facts(kind: str, facts: Mapping[str, Any], removed: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return an artifact's facts with the counts of rows that were taken out taken off."""
    adjusted = dict(facts) | {"forgotten": int(facts.get("forgotten", 0)) + 1}
    adjust = ADJUSTMENTS.get(kind)
    if adjust:
        adjust(adjusted, removed)
    else:
        adjusted["n_rows"] = max(0, int(facts.get("n_rows", 0)) - max(map(len, removed.values()), default=0))
    return adjusted


def adjust_dialogues(facts: dict[str, Any], removed: Mapping[str, list[dict[str, Any]]]) -> None:
    """Take a dialogue off the counts of an ingest."""
    turns, dialogues = removed.get("turns.parquet", []), removed.get("dialogues.parquet", [])
    quarantine = removed.get("quarantine.parquet", [])
    for name in ("n_rows", "n_turns"):
        facts[name] -= len(turns)
    facts["n_dialogues"] -= len(dialogues)
    facts["n_utterances"] -= sum(row["n_utterances"] for row in dialogues)
    facts["n_quarantined"] -= len(quarantine)
    facts["n_cross_split_texts"] -= len(removed.get("cross_split.parquet", []))
    for counts, rows, name in (("by_split", turns, "split"), ("by_reason", quarantine, "reason")):
        left = {key: n - sum(row[name] == key for row in rows) for key, n in facts[counts].items()}
        facts[counts] = {key: n for key, n in left.items() if n}


def adjust_subsets(facts: dict[str, Any], removed: Mapping[str, list[dict[str, Any]]]) -> None:
    """Take a dialogue off the counts of a selection; its figures of balance and distribution stay as they were."""
    n_removed = {name.removesuffix(".parquet"): len(rows) for name, rows in removed.items()}
    facts["counts"] = {name: n - n_removed.get(name, 0) for name, n in facts["counts"].items()}
    selected = sum(facts["counts"].get(name, 0) for name in facts["shares"])
    facts["shares"] = {name: facts["counts"].get(name, 0) / selected if selected else 0.0 for name in facts["shares"]}
    facts["n_rows"] = max(0, facts["n_rows"] - sum(n for name, n in n_removed.items() if name != "excluded"))


ADJUSTMENTS: dict[str, Callable[[dict[str, Any], Mapping[str, list[dict[str, Any]]]], None]] = {
    "dialogues": adjust_dialogues,
    "subsets": adjust_subsets,
}


def rewrite_manifest(artifacts: ArtifactStore, uri: str, change: Callable[[Any], Any]) -> None:
    """Let an artifact's manifest name its parents by what they hold now."""
    manifest = artifacts.read_manifest(uri)
    parents = change(manifest["parents"])
    if parents == manifest["parents"]:
        return
    manifest["parents"] = parents
    manifest["sha256"] = hash_of_manifest(manifest)
    with tempfile.TemporaryDirectory(prefix="empathy-forget-") as made:
        Path(made, MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
        artifacts.fs.put_file(str(Path(made, MANIFEST)), f"{artifacts.fs._strip_protocol(uri)}/{MANIFEST}{NEXT}")
    finish(artifacts, uri)


def remove(artifacts: ArtifactStore, ref: ArtifactRef) -> None:
    """Remove an artifact, and its copy in the cache: one that a command makes again from the rest."""
    artifacts.fs.rm(artifacts.fs._strip_protocol(ref.uri), recursive=True)
    shutil.rmtree(artifacts.cache_dir / ref.kind / ref.config_digest, ignore_errors=True)
