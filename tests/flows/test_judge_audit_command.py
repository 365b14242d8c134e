"""`empathy judge audit` as a person types it: a sheet out, filled sheets back, ratings that judges are held against."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tasks.config import JudgeConfig
from tasks.dialogues import index_dialogues
from tests.forking import run_empathy

Run = Callable[..., subprocess.CompletedProcess[str]]
N = 80


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run `empathy ARGS` in a folder and a terminal of 100 columns, without a server."""

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return run_empathy(*args, env={**environment, "COLUMNS": "100"}, cwd=tmp_path, timeout=120)

    return call


@pytest.fixture(scope="module")
def make_scored(make_home, ingest_file, write_dialogues, score_corpus) -> Callable[[Path, Path], None]:
    """Make a home of eighty turns, scored by two recorded judges."""
    return partial(score_home, make_home, ingest_file, write_dialogues, score_corpus)


def score_home(make_home, ingest_file, write_dialogues, score_corpus, folder: Path, tmp_path: Path) -> None:
    home = make_home(folder)
    talks = {f"d{n}": [f"story [bold]{n}", f"=1+{n}; @home"] for n in range(N)}
    ref = ingest_file(home, write_dialogues(tmp_path / "talk.jsonl", talks), "train")
    with home.store.transaction() as connection:
        index_dialogues(connection, ref, home.artifacts.open(ref))
    for name, off in (("strict", 0), ("kind", 3)):
        replies = [f"Rationality: {n % 9}\nSensibility: {(n + off) % 11}" for n in range(N)]
        rows = [{"conv_id": f"d{n}", "utterance_idx": 2, "reply": reply} for n, reply in enumerate(replies)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        score_corpus(home, [ref], JudgeConfig(kind="replies", replies_file=str(tmp_path / f"{name}.jsonl")), name)


@pytest.fixture
def scored_home(environment: dict[str, str], make_scored: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """The person's home, scored."""
    make_scored(Path(environment["EMPATHY_HOME"]), tmp_path)


@pytest.fixture(scope="module")
def kept_home(make_scored: Callable[[Path, Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored home for mistakes only: nothing is made in it."""
    folder = tmp_path_factory.mktemp("kept")
    make_scored(folder / "home", folder)
    return folder / "home"


def fill(sheet: Path, filled: Path, give: Callable[[int], dict[str, str]]) -> None:
    """Fill a sheet in: `give(n)` says what of dialogue n; saved as a European Excel would."""
    rows = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode("utf-8-sig"), newline="")))
    for row in rows:
        row.update(give(int(row["dialogue_id"].removeprefix("d"))))
    with filled.open("w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def check_width(text: str) -> None:
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "…" not in text, "nothing was cut"


def test_a_sheet_is_drawn_blind_and_two_filled_ones_become_ratings(
    run: Run, scored_home: None, environment: dict[str, str], tmp_path: Path
) -> None:
    options = ("judge", "audit", "--judge-id", "replies-strict", "--n", "60", "--seed", "4")
    done = run(*options, "sheet.csv")
    assert (done.returncode, done.stderr) == (0, "")
    check_width(done.stdout)
    for expected in ("60 of the 80", "judge beside  replies-kind", "--take sheet.csv", "0 to 10", "judges differ"):
        assert expected in done.stdout
    again = json.loads(run(*options, "again.csv", "--json").stdout)
    assert (tmp_path / "sheet.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    assert (again["n_rows"], again["other"], again["why_other"]) == (60, "replies-kind", "80 turns scored by both")
    assert (again["thresholds"], again["why_thresholds"]) == (
        {"sensibility": 5, "rationality": 5}, "the default: nothing is selected yet",
    )  # fmt: skip

    sheet, anna, bo = (tmp_path / name for name in ("sheet.csv", "anna.csv", "b.csv"))
    fill(sheet, anna, lambda n: {"sensibility": f"{n % 11},0", "rationality": str(n % 9), "rating": "9" * (n % 2)})
    fill(sheet, bo, lambda n: {"sensibility": str(min(10, n % 11 + 1)), "note": "[red]"})
    done = run("judge", "audit", "--take", "anna.csv", "--take", "b.csv", "--rater", "anna", "--rater", "Bo")
    assert (done.returncode, done.stderr) == (0, "")
    check_width(done.stdout)
    for expected in ("rater Bo", "rating is 9, outside 1 to 3", "Krippendorff", "in the corpus (weighted)", "Not used:",
                     "subset Jaccard, rationality", "--to ratings"):  # fmt: skip
        assert expected in done.stdout
    assert "replaces" not in done.stdout
    steps = [line for line in done.stdout.splitlines() if "empathy judge" in line]
    assert [again["judge_id"] in line for line in steps] == [True, True], "an alias may be that of several"
    place = environment["EMPATHY_HOME"]
    done = run("judge", "audit", "--take", "b.csv", "--rater", "Bo", "--home", place)
    assert "of anna; give both sheets with --take to join them" in " ".join(done.stdout.split())
    assert done.stdout.count(f" --home {place}") == 2
    run("judge", "audit", "--take", "anna.csv")
    replaced = json.loads(run("judge", "audit", "--take", "b.csv", "--json").stdout)["replaces"]
    assert (replaced["alias"][:8], replaced["raters"]) == ("ratings:", ["anna"])
    compared = json.loads(
        run("judge", "compare", "replies-strict", "replies-kind", "--against", "ratings", "--json").stdout
    )
    assert (compared["reference"][:8], compared["n_turns"]) == ("ratings:", 60)


def test_ratings_calibrate_a_judge_and_the_map_is_applied_where_a_selection_asks_for_it(
    run: Run, empathy: Run, scored_home: None, tmp_path: Path
) -> None:
    """People say two points less than the judge: a calibrated selection is that at a threshold two points higher."""
    run("judge", "audit", "sheet.csv", "--judge-id", "replies-strict", "--n", str(N))
    fill(tmp_path / "sheet.csv", tmp_path / "anna.csv",
         lambda n: {"sensibility": str(max(0, n % 11 - 2)), "rationality": str(n % 9)})  # fmt: skip
    taken = json.loads(run("judge", "audit", "--take", "anna.csv", "--json").stdout)
    lines = [f"d{n},2,{max(0, n % 11 - 2)},{n % 9}\n" for n in range(N)]
    own = tmp_path / "mine.csv"
    own.write_text("dialogue_id,utterance_idx,sensibility,logic\n" + "".join(lines), encoding="utf-8")
    named = (["ratings"], [taken["alias"]], [str(own), "--map", "logic=rationality"])
    found = [json.loads(empathy("judge", "calibrate", "replies-strict", "--json", "--to", *to).stdout) for to in named]
    assert found[0] == found[1]
    assert found[0]["config_digest"] != found[2]["config_digest"]
    for one in found:
        assert (one["n_rows"], one["figures"]["sensibility"]["rmse_after"] < 0.2) == (N, True)
        assert (one["n_effective"], one["judge_id"]) == (N, taken["judge_id"])
        options = ("select", "--preview", "--json", "--judge-id", "replies-strict")
        mapped = json.loads(run(*options, "--calibration", one["config_digest"]).stdout)
        higher = json.loads(run(*options, "--sensibility-threshold", "7", "--rationality-threshold", "5").stdout)
        plain = json.loads(run(*options).stdout)
        assert mapped["counts"] == higher["counts"] != plain["counts"]


def test_too_few_ratings_are_no_calibration(run: Run, empathy: Run, scored_home: None, tmp_path: Path) -> None:
    run("judge", "audit", "sheet.csv", "--judge-id", "replies-strict", "--n", "49")
    fill(tmp_path / "sheet.csv", tmp_path / "anna.csv", lambda n: {"sensibility": "1", "rationality": str(n % 9)})
    assert "with 49 turns" in run("judge", "audit", "--take", "anna.csv").stdout
    done = empathy("judge", "calibrate", "replies-strict", "--to", "ratings", check=False)
    assert done.returncode == 2
    assert "Only 49 turns have scores of both replies-strict and ratings:" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["audit"], "There is nothing to do"),
        (["audit", "s.csv", "--take", "s.csv"], "OUT.csv is for drawing"),
        (["audit", "--take", "s.csv", "--n", "5"], "--n is for drawing"),
        (["audit", "s.csv", "--rater", "anna"], "with --take"),
        (["audit", "talk.csv"], "something of this name"),
        (["audit", "s.csv"], "Several judges have scores"),
        (["audit", "s.csv", "--judge-id", "nobody"], "No judge is called 'nobody'"),
        (["audit", "s.csv", "--judge-id", "replies-kind", "--split", "test"], "No turn of the dialogues"),
        (["audit", "--take", "none.csv"], "no such filled sheet"),
        (["audit", "--take", "talk.csv"], "no filled sheet"),
        (["calibrate", "replies-kind", "--to", "ratings"], "no ratings of people yet"),
        (["calibrate", "replies-kind", "--to", "ratings:ab"], "too short for a digest"),
        (["calibrate", "replies-kind", "--to", "none.csv"], "no such file of ratings"),
        (["calibrate", "replies-kind", "--to", "talk.csv"], "no column of ratings"),
        (["calibrate", "replies-kind", "--to", "whole.csv"], "ratings as a whole only"),
        (["audit", "--take", "s.csv", "--rationality-threshold", "5"], "--rationality-threshold is for drawing"),
        (["calibrate", "replies-kind", "--to", "replies-strict", "--map", "a=rating"], "--map belongs to a file"),
    ],
)
def test_a_mistake_is_told_in_one_short_message_and_exits_2(
    run: Run, kept_home: Path, environment: dict[str, str], tmp_path: Path, args: list[str], said: str
) -> None:
    environment["EMPATHY_HOME"] = str(kept_home)
    (tmp_path / "talk.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "whole.csv").write_text("response,rating\nyes,1\nno,3\n", encoding="utf-8")
    done = run("judge", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 4
    assert [path.name for path in tmp_path.glob("s.*")] == []
