"""The direct road from Parquet to Parquet gives the scores that the judge gives, in order, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import ArtifactError, ConfigError, SourceError, UsageError
from tasks.judges import JudgePlace, distill, score_parquet
from tasks.judges.scored_batch import NO_RESPONSE, name_columns
from tasks.schema import Turn, Utterance
from tasks.scoring import DistilledJudge
from tests.scoring.tiny_encoder import write_encoder

ROWS = [
    {"turn_key": f"k{n}", "prompt": [{"role": "user", "content": f"I lost my keys {n}"}], "response": text}
    for n, text in enumerate(["oh no, I am so sorry", "call the office?", "okay", "What a day!", "sorry", "you should"])
]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    return path


@pytest.mark.parametrize("n_processes", [1, 2])
def test_scores_are_those_of_the_judge_row_by_row(
    tmp_path: Path, n_processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.judges.bulk.BATCH_SIZE", 2)
    out = tmp_path / "new folder" / "scored.parquet"
    facts = score_parquet(write_rows(tmp_path / "in.parquet", ROWS), out, n_processes=n_processes)
    table = pq.read_table(out)
    turns = [Turn("", (Utterance("speaker", row["prompt"][0]["content"]),), row["response"]) for row in ROWS]
    expected = DistilledJudge.load().score(turns)
    assert table.column_names == ["turn_key", *name_columns()]
    assert table["turn_key"].to_pylist() == [row["turn_key"] for row in ROWS]
    for name, values in {"sensibility": expected.scores[:, 0], "rationality_low": expected.low[:, 1],
                         "sensibility_high": expected.high[:, 0], "rationality_sd": expected.deviations[:, 1],
                         "sensibility_rank": expected.ranks[:, 0]}.items():  # fmt: skip
        assert table[name].to_pylist() == pytest.approx(values.tolist(), abs=1e-5)
    assert facts == {"n_rows": 6, "n_unscored": 0, "weights": DistilledJudge.load().digest, "coverage": 0.9}
    told = json.loads(table.schema.metadata[b"efficient-empathy-judge"])
    assert told == {"weights": facts["weights"], "coverage": 0.9}


def test_a_turn_without_text_has_no_score_and_a_reason(tmp_path: Path) -> None:
    rows = [ROWS[0], {**ROWS[1], "response": None}, {**ROWS[2], "prompt": None}, {**ROWS[3], "prompt": []}]
    facts = score_parquet(write_rows(tmp_path / "in.parquet", rows), tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["unscored_reason"].to_pylist() == [None, NO_RESPONSE, NO_RESPONSE, None]
    assert [value is None for value in table["sensibility"].to_pylist()] == [False, True, True, False]
    assert facts["n_unscored"] == 2


def test_the_files_of_a_folder_follow_each_other_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_rows(folder / "b.parquet", ROWS[3:])
    write_rows(folder / "a.parquet", ROWS[:3])
    score_parquet(folder, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["turn_key"].to_pylist() == [row["turn_key"] for row in ROWS]


def test_an_empty_corpus_is_an_empty_file_of_the_same_columns(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), tmp_path / "in.parquet")
    assert score_parquet(tmp_path / "in.parquet", tmp_path / "out.parquet")["n_rows"] == 0
    assert pq.read_table(tmp_path / "out.parquet").column_names == ["turn_key", *name_columns()]


def test_a_file_that_exists_is_replaced_only_when_told_and_only_by_a_whole_one(tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.parquet", ROWS), tmp_path / "out.parquet"
    out.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        score_parquet(source, out)
    source.write_bytes(source.read_bytes()[:-300])
    with pytest.raises(SourceError, match="cannot be read"):
        score_parquet(source, out, is_forced=True)
    assert out.read_text() == "mine"
    score_parquet(write_rows(source, ROWS), out, is_forced=True)
    assert pq.read_metadata(out).num_rows == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{"response": "okay"}], "no column 'prompt'"),
        ([{"prompt": "text", "response": "okay"}], "prompts of string"),
        ([{**ROWS[0], "sensibility": 1.0}], "column 'sensibility' already"),
        ([{**ROWS[0], "prompt": [{"role": "user", "content": 3}]}], "content: int64"),
        ([{**ROWS[0], "prompt": [{"role": "user"}]}], "prompts of list"),
    ],
)
def test_what_is_no_corpus_is_refused(tmp_path: Path, rows: list[dict[str, Any]], what: str) -> None:
    with pytest.raises(SourceError, match=what):
        score_parquet(write_rows(tmp_path / "in.parquet", rows), tmp_path / "out.parquet")


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    for name in ("turn_key", "response"):
        pq.write_table(table.append_column(name, table[name]), tmp_path / "in.parquet")
        with pytest.raises(SourceError, match=f"two columns '{name}'"):
            score_parquet(tmp_path / "in.parquet", tmp_path / "out.parquet")


def test_a_corpus_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in ("missing.parquet", "."):
        with pytest.raises(SourceError):
            score_parquet(tmp_path / name, tmp_path / "out.parquet")


def test_a_judge_of_ones_own_scores_with_its_encoder(made_up: dict[str, Any], tmp_path: Path) -> None:
    from tasks.scoring import load_encoder

    folder = write_encoder(tmp_path / "encoder")
    distill(**made_up, folder=tmp_path, encoder=load_encoder(str(folder)))
    source, weights = write_rows(tmp_path / "in.parquet", ROWS), tmp_path / "distilled.safetensors"
    assert score_parquet(source, tmp_path / "out.parquet", JudgePlace(weights, str(folder)))["n_rows"] == 6
    with pytest.raises(ConfigError, match="--encoder"):
        score_parquet(source, tmp_path / "other.parquet", JudgePlace(weights))
    with pytest.raises(ArtifactError):
        score_parquet(source, tmp_path / "other.parquet", JudgePlace(tmp_path / "none"))
