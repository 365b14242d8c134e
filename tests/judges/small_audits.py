"""A small scored home to draw audits from, and sheets of it filled in."""

import csv
import io
import json

from tasks.config import JudgeConfig
from tasks.dialogues import index_dialogues
from tasks.judges import AuditPlan, draw_audit, find_audited, read_audit, write_sheet

N = 90
PLAN = AuditPlan(60, 5, 5, "", 0)


def score_home(home, tmp_path, ingest_file, write_dialogues, score_corpus):
    """Fill a home with 90 turns in two splits and two judges; `replies-second` is two points off."""
    corpus = []
    for split, part in (("train", range(N - 20)), ("test", range(N - 20, N))):
        talks = {f"d{n:02}": [f"story {n}", f"=oh; {n}"] for n in part}
        corpus.append(ingest_file(home, write_dialogues(tmp_path / f"{split}.jsonl", talks, split), split))
        with home.store.transaction() as connection:
            index_dialogues(connection, corpus[-1], home.artifacts.open(corpus[-1]))
    for name, off in (("first", 0), ("second", 2)):
        said = [(f"d{n:02}", f"Rationality: {(3 * n + off) % 11}\nSensibility: {(n + off) % 11}") for n in range(N)]
        rows = [{"conv_id": talk, "utterance_idx": 2, "reply": reply} for talk, reply in said]
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        score_corpus(home, corpus, JudgeConfig(kind="replies", replies_file=str(file)), name)


def fill_sheet(home, path, give, plan=PLAN, judge="replies-first", other=""):
    """Draw an audit, fill a sheet of it as `give(row)` says, and return audit and file."""
    audit = draw_audit(home.artifacts, find_audited(home, judge, other), plan)
    drawn = read_audit(home.artifacts, audit)
    write_sheet(drawn.iter_rows(named=True), path)
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    for row, known in zip(rows, drawn.iter_rows(named=True), strict=True):
        row.update({key: str(value) for key, value in give(known).items()})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return audit, path


def agree(row):
    return {"sensibility": row["sensibility"], "rationality": row["rationality"]}
