"""`empathy judge validate` and `compare` as a person types them: tables, records, mistakes. Neither needs a server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tasks.config import JudgeConfig
from tasks.dialogues import index_dialogues
from tests.forking import run_empathy

Run = Callable[..., subprocess.CompletedProcess[str]]
WORDS = ("sorry", "wow", "why", "great", "rain", "office", "call", "sad", "love", "no")
N = 30


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run `empathy judge ARGS` in a folder and a terminal of 100 columns, without a server."""

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return run_empathy("judge", *args, env={**environment, "COLUMNS": "100"}, cwd=tmp_path, timeout=120)

    return call


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Ratings of thirty responses of two systems, with columns of somebody's own, and one row without any."""
    rows = [
        {"said": f"story {n}", "answer": " ".join(WORDS[(n * k) % 10] for k in range(1, n % 7 + 2)) + "?" * (n % 2),
         "stars": str(n % 3 + 1) if n else "", "who": ("a", "b")[n % 2], "emotion": ("sad", "proud")[n // 2 % 2]}
        for n in range(N)
    ]  # fmt: skip
    pl.DataFrame(rows).write_csv(tmp_path / "mine.csv")
    return tmp_path / "mine.csv"


MAPPED = ("--map", "said=context", "--map", "answer=response", "--map", "stars=rating", "--map", "who=system")


@pytest.fixture
def scored_home(environment, make_home, ingest_file, write_dialogues, score_corpus, tmp_path) -> None:
    """The person's home with thirty turns, scored by two recorded judges."""
    home = make_home(Path(environment["EMPATHY_HOME"]))
    talks = {
        f"d{n}": [f"story [bold]{n}", " ".join(WORDS[(n * k) % 10] for k in range(1, n % 7 + 2))] for n in range(N)
    }
    ref = ingest_file(home, write_dialogues(tmp_path / "talk.jsonl", talks), "train")
    with home.store.transaction() as connection:
        index_dialogues(connection, ref, home.artifacts.open(ref))
    for name, off in (("strict", 0), ("kind", 3)):
        replies = [f"Rationality: {n % 9}\nSensibility: {(n + off) % 11}" for n in range(N)]
        rows = [{"conv_id": f"d{n}", "utterance_idx": 2, "reply": reply} for n, reply in enumerate(replies)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        score_corpus(home, [ref], JudgeConfig(kind="replies", replies_file=str(tmp_path / f"{name}.jsonl")), name)


def check_width(text: str) -> None:
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "…" not in text, "nothing was cut"


def test_a_judge_is_measured_beside_baselines_on_ratings_with_columns_of_ones_own(run: Run, ratings: Path) -> None:
    done = run("validate", "distilled", "--against", "mine.csv", *MAPPED)
    assert (done.returncode, done.stderr) == (0, "")
    check_width(done.stdout)
    for expected in ("29 of 29 dialogues", "1: no rating", "(affect words)", "3 against the rest", "Within each system",
                     "emotion, eta²", "Saturation", "bias with turn position"):  # fmt: skip
        assert expected in done.stdout
    record = json.loads(run("validate", "distilled", "--against", "mine.csv", *MAPPED, "--json").stdout)
    figure = record["agreement"][0]["spearman"]
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert record["left_out"] == {"no rating, or one that is no number": 1}


def test_scores_of_another_judge_are_compared_on_their_scale_and_kept_where_asked(
    run: Run, scored_home: None, tmp_path: Path
) -> None:
    done = run("validate", "replies-strict", "--against", "replies-kind", "--threshold", "6", "--save", "out")
    assert done.returncode == 0, done.stderr
    check_width(done.stdout)
    for expected in ("kappa with quadratic weights", "rule paper, threshold 6", "Jaccard", "reference's sensibility"):
        assert expected in done.stdout
    record = json.loads((tmp_path / "out" / "validation.json").read_text(encoding="utf-8"))
    assert (record["reference"], record["threshold"]) == ("replies-kind", 6)
    assert len(pl.read_parquet(tmp_path / "out" / "validation-turns.parquet")) == N
    assert "Judge replies-strict against replies-kind" in (tmp_path / "out" / "validation.html").read_text("utf-8")
    assert len(list((tmp_path / "out" / "validation-charts").glob("*.png"))) == 13


def test_figures_are_kept_without_texts_and_a_comparison_is_a_page(
    run: Run, scored_home: None, environment: dict[str, str], tmp_path: Path
) -> None:
    two = ("compare", "replies-strict", "replies-kind")
    done = run(*two, "--against", "distilled", "--keep", "--save", "out")
    assert (done.returncode, done.stderr) == (0, "")
    check_width(done.stdout)
    assert "Kept for `empathy report`" in done.stdout
    (note,) = Path(environment["EMPATHY_HOME"]).glob("artifacts/validations/*.json")
    kept = json.loads(note.read_text("utf-8"))
    assert (kept["judges"], kept["reference"]) == (["replies-strict", "replies-kind"], "distilled")
    assert "differences" not in kept
    assert "story" not in note.read_text("utf-8")
    assert "story [bold]" in (tmp_path / "out" / "comparison.html").read_text("utf-8")
    for nothing_to_keep in (("--keep",), ("--save", "out")):
        assert run(*two, *nothing_to_keep).returncode == 2


def test_without_a_reference_only_bias_and_saturation_are_told(run: Run, scored_home: None) -> None:
    done = run("validate", "replies-strict")
    assert done.returncode == 0, done.stderr
    assert "Bias" in done.stdout
    assert "Agreement" not in done.stdout


def test_two_judges_are_compared_and_the_turns_they_differ_on_can_be_read(run: Run, scored_home: None) -> None:
    done = run("compare", "replies-strict", "replies-kind", "distilled", "--n-examples", "2")
    assert (done.returncode, done.stderr) == (0, "")
    check_width(done.stdout)
    for expected in ("C          distilled", "Krippendorff", "A B", "threshold", "Apart by", "story [bold]"):
        assert expected in done.stdout
    record = json.loads(run("compare", "replies-strict", "replies-kind", "--n-examples", "1", "--json").stdout)
    assert record["alpha"]["rationality"]["value"] == 1
    assert len(record["differences"]) == 1


def test_rated_texts_are_written_for_a_judge_to_score(run: Run, ratings: Path, tmp_path: Path) -> None:
    done = run("validate", "gpt-9", "--against", "mine.csv", *MAPPED, "--to-ingest", "rated.jsonl")
    assert done.returncode == 0, done.stderr
    assert "empathy judge validate gpt-9 --against mine.csv --map said=context" in done.stdout
    assert len((tmp_path / "rated.jsonl").read_text(encoding="utf-8").splitlines()) == N - 1


@pytest.mark.parametrize("name", ["validation.json", "validation-turns.parquet", "validation.html"])
def test_nothing_that_exists_is_replaced(run: Run, ratings: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    before = ratings.read_bytes()
    for to in (("--save", "out"), ("--to-ingest", f"out/{name}"), ("--to-ingest", "mine.csv")):
        done = run("validate", "distilled", "--against", "mine.csv", *MAPPED, *to)
        assert (done.returncode, done.stdout) == (2, "")
        assert "something of this name already" in done.stderr
    assert (tmp_path / "out" / name).read_text() == "mine"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    assert ratings.read_bytes() == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["validate", "distilled", "--against", "none.csv"], "no such file of ratings"),
        (["validate", "distilled", "--against", "mine.csv"], "no column of ratings"),
        (["validate", "distilled", "--against", "mine.csv", "--map", "star=rating"], "no column 'star'"),
        (["validate", "distilled", "--against", "mine.csv", "--map", "stars"], "maps no column"),
        (["validate", "distilled", "--map", "stars=rating"], "--map belongs to a file"),
        (["validate", "distilled", "--to-ingest", "x.jsonl"], "name it with --against"),
        (["validate", "distilled"], "Turns in this home: 0"),
        (["validate", "nobody"], "No judge is called 'nobody'"),
        (["validate", "re\u200fplies"], "JUDGE cannot be"),
        (["validate", "distilled", "--threshold", "nan"], "--threshold"),
        (["compare", "distilled"], "from 2 to 8"),
        (["compare", "distilled", "distilled"], "compared with itself"),
        (
            ["validate", "distilled", "--against", "mine.csv", "--to-ingest", "mine.csv", *MAPPED],
            "something of this name",
        ),
        (["validate", "distilled", "--against", "~nosuch/mine.csv"], "no home of the user"),
        (["validate", "distilled", "--save", "~nosuch/out"], "no home of the user"),
        (["validate", "distilled", "--keep"], "an agreement with a reference"),
        (["validate", "x", "--against", "mine.csv", *MAPPED, "--keep", "--to-ingest", "y"], "do not go together"),
    ],
)
def test_a_mistake_is_told_in_one_short_message_and_exits_2(
    run: Run, ratings: Path, args: list[str], said: str
) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 4
