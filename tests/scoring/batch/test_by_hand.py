"""Batches by hand: files for an endpoint of one's choice, and the results that somebody brings back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError, UsageError
from tasks.scoring import identify_judge, plan_scoring
from tasks.scoring.batch.brought import BroughtResults
from tasks.scoring.batch.export import write_batch_files
from tasks.scoring.batch.requests import BatchLimits
from tasks.scoring.batch.wiring import fit_plan

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def export(judge_config, tmp_path):
    def run(home, out, **limits):
        identity = identify_judge(judge_config, home.settings.judge_base_url)
        terms, files = fit_plan(judge_config, ScoringConfig()), home.turn_files(home.list_corpus())
        with home.store.transaction() as connection:
            plan = plan_scoring(connection, files, identity.judge_id, terms, tmp_path / "plan.parquet")
        return write_batch_files(plan, identity, home.settings.cache_dir / "endpoints", out, BatchLimits(**limits))

    return run


@pytest.fixture
def bring(home, score):
    """Run scoring with results that were brought."""

    def run(*files, name="brought"):
        return score(home, name, batch_results=tuple(str(file) for file in files))

    return run


def answer(line, content='{"rationality": 4, "sensibility": 7}', form="openai"):
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 12}
    body = {"object": "chat.completion", "model": "judge-2026", "choices": [choice], "usage": usage}
    response = body if form == "early vllm" else {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "vllm-1", "custom_id": line["custom_id"], "response": response, "error": None}


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_pending_turns_are_written_to_one_file(home, make_corpus, export, tmp_path):
    make_corpus(home, 7)
    out = tmp_path / "out.jsonl"
    assert export(home, out) == [(out, 7)]
    lines = read_lines(out)
    assert {tuple(line) for line in lines} == {("custom_id", "method", "url", "body")}
    assert len({line["custom_id"] for line in lines}) == 7
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_more_than_a_batch_holds_is_written_to_numbered_files(home, make_corpus, export, tmp_path):
    make_corpus(home, 7)
    files = export(home, tmp_path / "out.jsonl", most_requests=3)
    assert [(path.name, n) for path, n in files] == [("out-1.jsonl", 3), ("out-2.jsonl", 3), ("out-3.jsonl", 1)]
    keys = [line["custom_id"] for path, _ in files for line in read_lines(path)]
    assert len(set(keys)) == 7
    with pytest.raises(UsageError, match="already"):
        export(home, tmp_path / "out.jsonl", most_requests=4)
    assert len(read_lines(tmp_path / "out-1.jsonl")) == 3


@pytest.mark.parametrize("form", ["openai", "early vllm"])
def test_results_are_scores_at_half_the_price(home, make_corpus, export, bring, read_ledger, tmp_path, form):
    make_corpus(home, 5)
    ((out, _),) = export(home, tmp_path / "out.jsonl")
    result = bring(write_lines(tmp_path / "in.jsonl", [answer(line, form=form) for line in read_lines(out)]))
    ledger = read_ledger(home)
    assert (result["failure"], set(ledger["scores"].values())) == (None, {(7.0, 4.0)})
    assert {round(row["cost_usd"], 12) for row in ledger["attempts"]} == {round(22.2e-6 / 2, 12)}
    assert export(home, tmp_path / "more.jsonl") == []
    assert result["judge"].describe() == {"results": "5 of 5"}


def test_the_same_results_brought_again_change_nothing(home, make_corpus, export, bring, read_ledger, tmp_path):
    make_corpus(home, 4)
    ((out, _),) = export(home, tmp_path / "out.jsonl")
    rows = [answer(line, "Rather warm.") for line in read_lines(out)]
    file = write_lines(tmp_path / "in.jsonl", rows)
    for name in ("once", "twice"):
        assert bring(file, name=name)["coverage"].unscored == {"unparseable": 4}
        assert len(read_ledger(home)["attempts"]) == 4
    better = write_lines(tmp_path / "better.jsonl", [answer(line) for line in read_lines(out)])
    assert bring(better, name="thrice")["coverage"].n_scored == 4


def test_scores_are_never_overwritten_and_strange_results_are_told(
    home, make_corpus, export, bring, read_ledger, tmp_path, caplog
):
    make_corpus(home, 4)
    ((out, _),) = export(home, tmp_path / "out.jsonl")
    lines = read_lines(out)
    bring(write_lines(tmp_path / "one.jsonl", [answer(line) for line in lines[:2]]), name="one")
    before = read_ledger(home)["scores"]
    strange = [answer({"custom_id": f"strange-{number}"}) for number in range(3)]
    other = [answer(line, '{"rationality": 1, "sensibility": 1}') for line in lines]
    result = bring(write_lines(tmp_path / "two.jsonl", strange + other), name="two")
    after = read_ledger(home)["scores"]
    assert result["coverage"].n_scored == 4
    assert {key: after[key] for key in before} == before
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "3 of 7 results belong to no ingested turn" in said
    assert "2 results are of turns that have a score" in said


def test_errors_of_a_batch_by_hand_are_told_and_their_turns_stay_pending(
    home, make_corpus, export, bring, read_ledger, tmp_path, caplog
):
    make_corpus(home, 3)
    ((out, _),) = export(home, tmp_path / "out.jsonl")
    rows = [answer(line) for line in read_lines(out)]
    rows[0] |= {"response": {"status_code": 400, "request_id": "r", "body": None}, "error": "The prompt is no good."}
    rows[1] |= {"response": {"status_code": 400, "request_id": "r"},
                "error": {"error": {"message": "No such schema.", "code": 400}}}  # fmt: skip
    bring(write_lines(tmp_path / "in.jsonl", rows))
    assert read_ledger(home)["classes"] == {"invalid_request": 2, "": 1}
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "2 invalid_request" in said
    assert export(home, tmp_path / "more.jsonl")[0][1] == 2


@pytest.mark.parametrize("content", ["", "not json\n", '{"custom_id": "a", "body": {}}\n', "[1, 2]\n", "\x00\xff"])
def test_a_file_that_holds_no_results_is_refused(tmp_path, content):
    path = tmp_path / "in.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match="no results"):
        BroughtResults([path])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        BroughtResults([tmp_path / "none.jsonl"])


def test_a_turn_that_is_under_way_in_a_batch_is_not_written_to_a_file(
    batch_server, point_at, make_corpus, start_driver, empathy
):
    server = batch_server(n_looks=10**6)
    home = point_at(server)
    make_corpus(home, 3)
    process = start_driver(home, server)
    server.wait_for("look", 1)
    process.kill()
    options = ("--model", "gpt-4o-mini", "--endpoint-alias", "here")
    done = empathy(home, "--judge", "openai-batch", "--batch-file", "out.jsonl", *options)
    assert (done.returncode, "under way" in done.stderr) == (2, True), done.stderr


@pytest.fixture
def empathy(tmp_path):
    """Run `empathy score` without key and without any server."""

    def run(home, *args):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "EMPATHY_HOME": str(home.settings.home_dir),
                       "PYTHONPATH": str(ROOT), "COLUMNS": "200"}  # fmt: skip
        command = [sys.executable, "-m", "flows", "score", *args]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return run


def test_the_command_writes_the_file_without_key_or_server(home, make_corpus, empathy, tmp_path):
    make_corpus(home, 3)
    done = empathy(home, "--judge", "openai-batch", "--batch-file", "out.jsonl", "--limit", "2", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    out = tmp_path / "out.jsonl"
    assert (said["n_requests"], said["files"]) == (2, [{"path": str(out), "n_requests": 2}])
    identity = identify_judge(JudgeConfig(kind="openai", model="gpt-4o-mini"), None)
    assert (said["judge_id"], len(read_lines(out))) == (identity.judge_id, 2)
    assert not (home.settings.home_dir / "server").exists()


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--judge", "openai", "--batch-file", "x"), "--judge openai-batch"),
        (("--batch-results", "x"), "--judge openai-batch"),
        (("--judge", "openai-batch", "--batch-results", "x", "--batch-file", "y"), "one of them"),
        (("--judge", "openai-batch", "--batch-results", "x", "--limit", "3"), "--limit"),
        (("--judge", "openai-batch", "--batch-file", "x", "--max-cost", "3", "--dry-run"), "--dry-run, --max-cost"),
        (("--judge", "openai-batch", "--batch-results", "x"), "cannot be read"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_a_word(home, make_corpus, empathy, args, word):
    make_corpus(home, 1)
    done = empathy(home, *args)
    assert (done.returncode, word in done.stderr) == (2, True), done.stderr
