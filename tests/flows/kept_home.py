"""A home with something in every table, made without Prefect; and its tables as they can be compared."""

from __future__ import annotations

import json

import polars as pl

from tasks.config import JudgeConfig, SelectionConfig
from tasks.dialogues import index_dialogues
from tasks.evaluation import index_evaluation, read_metrics
from tasks.manifest import Recipe
from tasks.selection import index_subsets, materialize

TALKS = {
    "hit:1": ["I lost my keys today.", "Oh no, where did you look?", "Everywhere.", "That must be tiring."],
    "hit:2": ["We won the match!", "Congratulations to you all!"],
    "hit:3": ["I lost my keys today.", "Oh no, where did you look?", "In the car.", "Good thinking, any luck?"],
    "hit:4": ["My cat is ill.", "I am so sorry to hear that."],
}
"""hit:1 and hit:3 share their first turn."""
SECRET = "Good thinking, any luck?"
"""What hit:3 alone says."""
VOLATILE = {"artifacts": ("noted_at",), "judges": ("first_used_at",)}
"""Columns that say when the index was written."""


def fill_home(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    """Ingest, score, select and evaluate; return the references by kind."""
    source = write_dialogues(tmp_path / "talks.jsonl", TALKS)
    with source.open("a", encoding="utf-8") as file:
        file.write('{"dialogue_id": "broken"}\n')
    dialogues = ingest_file(home, source, "train")
    with home.store.transaction() as connection:
        index_dialogues(connection, dialogues, home.artifacts.open(dialogues))
    scores = score_corpus(home, [dialogues], JudgeConfig(kind="distilled")).scores
    subsets = materialize(home.artifacts, [dialogues], scores, SelectionConfig())
    manifest = home.artifacts.read_manifest(subsets.uri)
    judge_id = home.artifacts.read_manifest(scores.uri)["facts"]["judge_id"]
    with home.store.transaction() as connection:
        index_subsets(connection, manifest, judge_id)
    evaluation = home.artifacts.produce(Recipe("evaluation", 1, {"n": 1}, (home.record(subsets),)), write_metrics)
    with home.store.transaction() as connection:
        index_evaluation(connection, evaluation.config_digest, read_metrics(home.artifacts.open(evaluation)))
    home.record(evaluation)
    home.artifacts.set_current("subsets", subsets)
    return {"dialogues": dialogues, "scores": scores, "subsets": subsets, "evaluation": evaluation}


def add_models(home, refs):
    """Add a model that learned from the dialogues and a report that tells of them; return all references."""
    with home.store.transaction() as connection:
        rows = "SELECT dialogue_id, turn_key FROM turns ORDER BY ALL"
        turns = connection.execute(rows).fetchall()

    def build_model(folder):
        pl.DataFrame(turns, schema=["dialogue_id", "turn_key"], orient="row").write_parquet(folder / "rows.parquet")
        gates = [{"dialogue_id": name, "turns": [{"turn_key": key, "said": "…"}]} for name, key in turns]
        (folder / "token_gates.json").write_text(json.dumps({"expert": "s", "dialogues": gates}), encoding="utf-8")
        return {"n_rows": len(turns)}

    def build_report(folder):
        (folder / "report.html").write_text(SECRET, encoding="utf-8")
        return {}

    parents = (refs["subsets"],)
    refs["mixture"] = home.record(home.artifacts.produce(Recipe("mixture", 1, {"name": "m"}, parents), build_model))
    refs["report"] = home.record(home.artifacts.produce(Recipe("report", 1, {}, (refs["mixture"],)), build_report))
    home.artifacts.set_current("mixture", refs["mixture"])
    return refs | {"turns": turns}


def find_text(folder, text):
    """Return the files under a folder that hold a text, in clear or as a cell."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".parquet":
            if text in repr(pl.read_parquet(path, glob=False).rows()):
                found.append(path.name)
        elif text.encode() in path.read_bytes():
            found.append(path.name)
    return found


def write_metrics(folder):
    """Write the metrics of one system."""
    row = {"system": "base", "metric": "perplexity", "value": 3.5, "low": 3.0, "high": 4.0, "n": 2}
    pl.DataFrame([row]).write_parquet(folder / "metrics.parquet")
    return {"n_rows": 1}


def read_tables(store):
    """Return every table's rows as texts, sorted, without what says when the index was written."""
    with store.transaction() as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        tables = {}
        for name in names:
            frame = connection.table(name).pl().drop(VOLATILE.get(name, ()))
            tables[name] = sorted(map(repr, frame.rows()))
    return tables
