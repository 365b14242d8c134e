"""What the page of a run shows: progress of long steps, the table and pictures of a sweep."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import Server
from flows.showing import PageHandler, progress, progress_on_page
from flows.sweep_thresholds import sweep_thresholds
from tasks.experts import describe_training
from tasks.progress import report_progress

Empathy = Callable[..., CompletedProcess[str]]


def list_artifacts(server: Server, run_id: str) -> list[dict[str, Any]]:
    body = {"artifacts": {"flow_run_id": {"any_": [run_id]}}}
    return httpx.post(f"{server.api_url}/artifacts/filter", json=body, timeout=30).json()


@flow(name="long-steps")
def long_steps(every_s: float) -> str:
    handler = PageHandler(every_s)
    progress.setLevel(logging.INFO)
    progress.addHandler(handler)
    try:
        for done in range(5):
            report_progress("train Sensibility!", done, 4)
        report_progress("short step", 1, 1)
    finally:
        progress.removeHandler(handler)
    return str(flow_run.get_id())


def test_a_long_step_has_a_bar_on_the_page_of_its_run_and_a_short_one_has_none(server: Server) -> None:
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        shown, unseen = long_steps(0.0), long_steps(60.0)
    bars = {bar["key"]: (bar["description"], bar["data"]) for bar in list_artifacts(server, shown)}
    assert bars["progress-train-sensibility"] == ("train Sensibility!", 100)
    assert list_artifacts(server, unseen) == []


def test_a_block_within_a_block_shows_nothing_twice_and_leaves_no_handler() -> None:
    with progress_on_page(), progress_on_page():
        assert [type(handler) for handler in progress.handlers].count(PageHandler) == 1
    assert not any(isinstance(handler, PageHandler) for handler in progress.handlers)


def test_progress_outside_of_a_run_is_no_concern_of_a_page() -> None:
    handler = PageHandler(0.0)
    handler.emit(logging.makeLogRecord({"step": "x", "done": 1, "total": 2}))
    assert handler.artifacts == {}


def test_a_sweep_shows_a_table_and_a_picture_a_rule_and_counts_what_the_command_counts(
    empathy: Empathy, environment: dict[str, str], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    empathy("ingest", "sample")
    empathy("score")
    expected = json.loads(empathy("sweep", "--json").stdout)["sweep"]
    monkeypatch.setenv("EMPATHY_HOME", environment["EMPATHY_HOME"])
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        rows = sweep_thresholds()
    assert [row["sensibility turns"] for row in rows] == [point["subsets"]["sensibility"]["n"] for point in expected]
    body = {"flow_runs": {"name": {"any_": ["sweep paper, released at 4, 5, 6, 7"]}}}
    (run,) = httpx.post(f"{server.api_url}/flow_runs/filter", json=body, timeout=30).json()
    shown = {artifact["key"]: artifact for artifact in list_artifacts(server, run["id"])}
    assert shown.keys() == {"sweep", "sweep-paper", "sweep-released"}
    assert json.loads(shown["sweep"]["data"]) == rows
    assert shown["sweep-paper"]["data"].startswith("data:image/png;base64,")


def test_a_training_is_told_in_rows_and_what_is_not_known_is_left_out() -> None:
    facts = {"n_rows": 1200, "n_steps": 2, "last_loss": 6.28133, "train_seconds": 90.0, "seconds": 200.0}
    assert describe_training(facts) == [
        {"what": "turns", "value": "1,200"},
        {"what": "steps", "value": "2"},
        {"what": "loss of the last step", "value": "6.2813"},
        {"what": "training time", "value": "1.5 min"},
    ]
