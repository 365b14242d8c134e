"""Ordinary mistakes at the terminal: one clear message, what to do, the documented exit code, no server started."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.markup import render
from typer._click.core import Command
from typer.main import get_command
from typer.testing import CliRunner

from flows.__main__ import app
from tests.forking import run_empathy

COLUMNS = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags"


def run(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return run_empathy(*args, env=environment)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["ingest", "no-such-file.csv"], "no-such-file.csv"),
        (["score"], "empathy ingest"),
        (["select"], "empathy ingest"),
        (["score", "--judge", "openai"], "OPENAI_API_KEY"),
        (["score", "--judge", "nobody"], "distilled"),
        (["score", "--judge", "replies:nowhere.jsonl"], "nowhere.jsonl"),
        (["select", "--threshold", "11"], "sensibility_threshold"),
        (["select", "--threshold", "nan"], "sensibility_threshold"),
        (["sweep", "--thresholds", "4,five"], "4,5,6,7"),
        (["run", "--profile", "grand"], "demo"),
        pytest.param(["run", "--base-model", "no such model"], "gemma-3-270m", marks=pytest.mark.train),
        (["train", "--max-steps", "0"], "max-steps"),
        pytest.param(["train", "--profile", "smoke"], "empathy select", marks=pytest.mark.train),
        (["evaluate", "nobody"], "systems"),
        (["evaluate", "mixture", "unoin"], "length-matched"),
        pytest.param(
            ["evaluate", "base", "--pairwise", "--profile", "smoke"], "no pair of systems", marks=pytest.mark.train
        ),
        (["evaluate", "--profile", "smoke", "--judge", "distilled", "--model", "m"], "--model"),
        pytest.param(["evaluate", "--profile", "smoke", "--max-cost", "1"], "--max-cost", marks=pytest.mark.train),
        (["lineage", "abcdef"], "empathy status"),
        (["scor"], "score"),
    ],
)
def test_a_mistake_is_told_in_one_message_and_exits_2(environment: dict[str, str], args: list[str], said: str) -> None:
    done = run(environment, *args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Starting a Prefect server" not in done.stderr


def test_a_file_with_the_wrong_columns_says_which_are_missing(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("id,text\n1,hello\n", encoding="utf-8")
    done = run(environment, "ingest", str(tmp_path / "mine.csv"))
    assert (done.returncode, "utterance" in done.stderr) == (2, True)


def test_a_home_that_cannot_be_written_is_told_without_a_traceback(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    done = run({**environment, "EMPATHY_HOME": str(tmp_path / "file" / "home")}, "status", "--json")
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr


def test_status_of_an_empty_home_needs_no_server(environment: dict[str, str]) -> None:
    done = run(environment, "status", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["server"] is None


def test_every_command_says_what_it_does() -> None:
    commands = ("run", "ingest", "score", "select", "sweep", "train", "route", "evaluate", "chat", "status", "report",
                "lineage", "up", "down", "deploy", "rebuild", "serve", "export")  # fmt: skip
    runner = CliRunner()
    for command in commands:
        shown = runner.invoke(app, [command, "--help"])
        assert (shown.exit_code, "Usage" in shown.stdout) == (0, True), command


def list_help_texts(command: Command) -> Iterator[str]:
    """Yield the help of a command, of its options and arguments, and of the commands under it."""
    yield command.help or ""
    yield from (parameter.help or "" for parameter in command.params if hasattr(parameter, "help"))
    for inner in getattr(command, "commands", {}).values():
        yield from list_help_texts(inner)


def test_no_help_text_loses_what_stands_in_square_brackets() -> None:
    texts = list(list_help_texts(get_command(app)))
    assert sum("[default:" in text for text in texts) > 10
    assert [text for text in texts if render(text).plain != text.replace("\\[", "[")] == []
    shown = CliRunner().invoke(app, ["status", "--help"], env={"COLUMNS": "200"}).stdout
    assert "[default: EMPATHY_HOME or ~/.efficient-empathy]" in shown
