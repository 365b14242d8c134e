"""Progress for machines: a JSON object a line, names that stay, no key in any of them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time

import pytest

from flows.json_log import JsonHandler
from flows.terminal import complain, say, show_progress, warn
from tasks.progress import report_found, report_notice, report_progress, report_warning

KEY = "sk-CANARY0123456789"


@pytest.fixture
def read_lines(monkeypatch, capsys):
    monkeypatch.setenv("EMPATHY_LOG_FORMAT", "json")
    monkeypatch.setenv("EMPATHY_JUDGE_API_KEY", KEY)
    monkeypatch.setenv("EMPATHY_HOME", "/nowhere")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_kind_of_message_is_a_line_with_its_fields(read_lines):
    with show_progress(is_quiet=True):
        report_progress("score", 3, 10, cost=0.5, nan=float("nan"))
        report_found("scores", "/a/b")
        report_notice("noted")
        report_warning("two\nlines")
        logging.getLogger("empathy.lease").warning("taken %s", "over")
        say("going on")
        warn("look")
        complain("wrong\n  do:    mend it")
    lines = read_lines()
    assert {frozenset(line) >= {"time", "level", "event"} for line in lines} == {True}
    assert [{key: value for key, value in line.items() if key != "time"} for line in lines] == [
        {"level": "info", "event": "progress", "step": "score", "done": 3, "total": 10,
         "fields": {"cost": 0.5, "nan": "nan"}},
        {"level": "info", "event": "found", "kind": "scores", "uri": "/a/b"},
        {"level": "warning", "event": "notice", "text": "noted"},
        {"level": "warning", "event": "warning", "text": "two\nlines"},
        {"level": "warning", "event": "log", "logger": "empathy.lease", "text": "taken over"},
        {"level": "info", "event": "message", "text": "going on"},
        {"level": "warning", "event": "warning", "text": "look"},
        {"level": "error", "event": "error", "text": "wrong\n  do:    mend it"},
    ]  # fmt: skip


def test_no_line_holds_a_key(read_lines):
    with show_progress():
        report_progress("ask", 0, 1, url=f"https://user:{KEY}@host/v1")
        say(f"the key is {KEY}")
        logging.getLogger("empathy.engine").error("refused: Authorization: Bearer abcdefghijklmnop")
    text = json.dumps(read_lines())
    assert KEY not in text
    assert "abcdefghijklmnop" not in text
    assert text.count("[redacted]") >= 3


def test_progress_of_a_step_is_told_once_a_second_with_its_first_and_last(read_lines):
    started = time.monotonic()
    with show_progress():
        for done in range(1000):
            report_progress("many", done + 1, 1000)
    at_most = 2 + int(time.monotonic() - started)  # a busy machine may take seconds for it
    told = [line["done"] for line in read_lines()]
    assert (told[0], told[-1], told == sorted(set(told)), len(told) <= at_most) == (1, 1000, True, True)


def test_outside_of_a_command_nothing_is_attached(read_lines):
    with show_progress():
        pass
    report_notice("unheard")
    assert not any(isinstance(handler, JsonHandler) for handler in logging.getLogger("empathy").handlers)
    assert all(line.get("event") != "notice" for line in read_lines())


@pytest.mark.parametrize(("args", "code"), [(["rebuild", "--json"], 0), (["lineage", "abcdef"], 2), (["scor"], 2)])
def test_a_command_tells_everything_in_lines_of_json(environment, args, code):
    command = [sys.executable, "-m", "flows", "--log-format", "json", *args]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert ("error" in events) == (code != 0)


def test_another_format_is_refused(environment):
    command = [sys.executable, "-m", "flows", "--log-format", "xml", "status"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "json" in done.stderr) == (2, True)


def test_a_wrong_setting_is_told_without_keys(read_lines, monkeypatch):
    monkeypatch.setenv("EMPATHY_LOCK_TIMEOUT_S", "soon")
    complain(f"wrong with {KEY}")
    (line,) = read_lines()
    assert (line["event"], line["text"]) == ("error", "wrong with [redacted]")


def test_a_key_that_comes_later_is_struck_too(read_lines, monkeypatch):
    say("first")
    monkeypatch.setenv("EMPATHY_SERVE_API_KEY", "another-0123456789")
    say("it is another-0123456789")
    assert [line["text"] for line in read_lines()] == ["first", "it is [redacted]"]
