"""`empathy sweep` and the target share as a person types them: tables, records, mistakes. None of it needs a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.commands.sweep_grid import DEFAULT_RULES, ThresholdRule, list_pairs, make_grid, make_targets
from tasks.config import JudgeConfig
from tasks.errors import UsageError
from tests.forking import run_empathy

Run = Callable[..., subprocess.CompletedProcess[str]]
WORDS = ("oh", "no", "that", "sounds", "great", "why", "sister", "rain", "lost", "won")


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run `empathy ARGS` in a terminal of 100 columns, without a server."""

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return run_empathy(*args, env={**environment, "COLUMNS": "100"}, timeout=120)

    return call


@pytest.fixture
def scored_home(environment, make_home, ingest_file, write_dialogues, score_corpus, tmp_path) -> Path:
    """The person's home with sixty dialogues, scored by the bundled judge and, of two turns, by another."""
    folder = Path(environment["EMPATHY_HOME"])
    home = make_home(folder)
    dialogues = {
        f"d{n}": [f"{n} " + " ".join(WORDS[(n * k + i) % 10] for i in range(k % 6 + 2)) for k in range(4)]
        for n in range(60)
    }
    corpus = [ingest_file(home, write_dialogues(tmp_path / "talk.jsonl", dialogues), "train")]
    score_corpus(home, corpus, JudgeConfig())
    replies = [{"conv_id": f"d{n}", "utterance_idx": 2, "reply": f"Rationality: {n}\nSensibility: 8"} for n in (1, 7)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies), encoding="utf-8")
    score_corpus(home, corpus, JudgeConfig(kind="replies", replies_file=str(tmp_path / "mine.jsonl")), "mine")
    return folder


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--thresholds", "4,,5"], "'' is not a threshold"),
        (["--thresholds", "nan"], "'nan' is not a threshold"),
        (["--thresholds", "4,11"], "'11' is not a threshold"),
        (["--thresholds", ""], "'' is not a threshold"),
        (["--thresholds", "1e309"], "'1e309' is not a threshold"),
        (["--thresholds", "4;--"], "'4;--' is not a threshold"),
        (["--thresholds", "\u200f4"], "is not a threshold"),
        (["--thresholds", "9" * 10_000], "is not a threshold"),
        (["--thresholds", ",".join(f"{n / 1000}" for n in range(2000))], "2,000 thresholds are too many"),
        (["--sensibility-thresholds", "-1"], "--sensibility-thresholds takes numbers from 0 to 10"),
        (["--thresholds", "5", "--rationality-thresholds", "5"], "--thresholds is for both scores"),
        (["--target-share", "1.2"], "1.2 is not a share"),
        (["--target-share", "nan"], "nan is not a share"),
        (["--axis", "rationality"], "--axis belongs to --target-share"),
    ],
)
def test_a_mistake_is_told_in_one_short_message_and_exits_2(run: Run, options: list[str], said: str) -> None:
    done = run("sweep", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr) < 300
    assert len(done.stderr.splitlines()) == 2


def test_thresholds_are_paired_each_with_each_or_both_alike() -> None:
    assert list_pairs("4, 5,4", None, None, is_targeted=False) == [(4, 4), (5, 5)]
    assert list_pairs(None, None, None, is_targeted=False) == [(4, 4), (5, 5), (6, 6), (7, 7)]
    assert list_pairs(None, None, None, is_targeted=True) == [(5, 5)]
    assert list_pairs(None, "4,6", None, is_targeted=False) == [(4, 5), (6, 5)]
    assert list_pairs(None, "4,6", "1,2", is_targeted=True) == [(4, 1), (4, 2), (6, 1), (6, 2)]
    with pytest.raises(UsageError, match="484 pairs"):
        list_pairs(None, ",".join(map(str, range(11))), ",".join(f"{n / 10}" for n in range(44)), is_targeted=False)


def test_one_target_is_looked_for_a_rule_and_threshold_of_the_other_axis() -> None:
    grid = make_grid([(4, 5), (6, 5), (6, 7)], DEFAULT_RULES, {"split": "test"})
    targets = make_targets(grid, 0.3, "sensibility")
    found = [(one.rule, one.sensibility_threshold, one.rationality_threshold, one.split) for one in targets]
    assert found == [(rule, 5, r, "test") for rule in ("paper", "released") for r in (5, 7)]
    assert make_targets(grid, None, None) == []
    assert [one.rule for one in make_grid([(1, 1)], [ThresholdRule.LOWER_BOUND], {})] == ["lower-bound"]


def test_a_sweep_shows_what_a_preview_counts(run: Run, scored_home: Path) -> None:
    judge = ("--judge-id", "distilled")
    swept = json.loads(run("sweep", "--thresholds", "4,5.5", *judge, "--json").stdout)
    assert [(point["rule"], point["sensibility_threshold"]) for point in swept["sweep"]] == [
        ("paper", 4), ("paper", 5.5), ("released", 4), ("released", 5.5),
    ]  # fmt: skip
    for point in swept["sweep"]:
        options = ("--rule", point["rule"], "--threshold", str(point["rationality_threshold"]))
        counts = json.loads(run("select", "--preview", *options, *judge, "--json").stdout)["counts"]
        assert {name: found["n"] for name, found in point["subsets"].items()} == {
            name: counts[name] for name in point["subsets"]
        }
    shown = run("sweep", *judge, "--folds", "3", "--other-judge", "replies-mine", "--rule", "paper")
    assert shown.returncode == 0, shown.stderr
    assert max(len(line) for line in shown.stdout.splitlines()) <= 100
    for said in ("Rule paper", "Jaccard", "3 folds", "replies-mine on 2 turns", "kappa"):
        assert said in shown.stdout
    assert "…" not in shown.stdout
    assert {path.name for path in (scored_home / "artifacts").iterdir()} <= {"dialogues", "scores"}, "nothing written"


def test_a_target_share_gives_a_threshold_and_the_command_to_select_it(run: Run, scored_home: Path) -> None:
    judge = ("--judge-id", "distilled")
    found = json.loads(run("sweep", "--target-share", "0.3", "--folds", "2", *judge, "--json").stdout)
    target = found["targets"][0]
    assert target["sensibility_threshold"] == target["found"]["threshold"]
    assert found["sweep"][0]["subsets"]["sensibility"]["share"] == target["found"]["share"]
    assert len(found["target_folds"][0]["thresholds"]["values"]) == 2
    command = target["command"].split()
    assert command[:2] == ["empathy", "select"]
    by_command = json.loads(run(*command[1:], "--preview", "--json").stdout)
    by_target = json.loads(run("select", "--target-share", "0.3", *judge, "--preview", "--json").stdout)
    assert by_command["counts"] == by_target["counts"]
    assert by_command["shares"]["sensibility"] == target["found"]["share"]
    assert by_target["target"]["reason"] == target["reason"]
    explained = run("select", "--target-share", "0.3", *judge, "--explain", "d1:2").stdout
    assert f"thresholds S {target['found']['threshold']:.4g}, R 5" in explained
    shown = run("select", "--target-share", "0.3", *judge, "--preview").stdout
    assert target["reason"] in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--against", "abc"], "too short"),
        (["--against", "abcdef"], "No selection has the digest"),
        (["--other-judge", "nobody"], "nobody"),
        (["--other-judge", "distilled"], "the same judge"),
        (["--folds", "100"], "too few for 100 folds"),
        (["--split", "valid"], "valid"),
    ],
)
def test_what_a_home_does_not_have_is_told(run: Run, scored_home: Path, options: list[str], said: str) -> None:
    done = run("sweep", "--judge-id", "distilled", *options)
    assert (done.returncode, said in done.stderr) == (2, True), (scored_home, done.stderr)


def test_a_sweep_needs_neither_prefect_nor_data_frames(scored_home: Path, environment: dict[str, str]) -> None:
    program = (
        "import sys, flows.__main__ as m; sys.argv = ['empathy', 'sweep', '--judge-id', 'distilled', '--json']; "
        "code = m.run_app()[1]; heavy = {'prefect', 'torch', 'transformers', 'polars', 'scipy', 'sklearn'}; "
        "print(heavy & set(sys.modules) or 'light', code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines()[-1] == "light 0", (scored_home, done.stderr)
