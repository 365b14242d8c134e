"""A failed run is told to a webhook, without a key in it, and without the run waiting for it or failing by it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.objects import State as RunState

from flows.notifying import LONGEST_MESSAGE, describe_failure, notify_failure
from flows.server import Server
from flows.webhook import post_message, shape_slack

KEY = "sk-WEBHOOK0123456789abcdef"  # not the one that the canary of scoring looks for on the same server
MESSAGE = {"flow": "a", "run": "b", "state": "Failed", "message": "c <d>\ne", "url": "http://127.0.0.1/run"}


class Hook(ThreadingHTTPServer):
    """An endpoint that keeps what it is told; it can refuse, or take its time."""

    daemon_threads = True

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.status, self.delay_s = 200, 0.0
        super().__init__(("127.0.0.1", 0), HookHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/CANARYPATH"


class HookHandler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        time.sleep(self.server.delay_s)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def make_run(**fields: object) -> FlowRun:
    return FlowRun(id=uuid4(), flow_id=uuid4(), name="select paper S>5 R>5", **fields)


def test_a_failure_is_told_without_its_keys() -> None:
    message = f"EndpointError: 401 for https://me:pw12@example.org/v1\n  key {KEY}, other OWNSECRET"
    said = describe_failure(
        "score-dialogues", make_run(), RunState(type=StateType.FAILED, message=message), ["OWNSECRET"]
    )
    assert (said["flow"], said["run"], said["state"]) == ("score-dialogues", "select paper S>5 R>5", "Failed")
    assert "EndpointError: 401" in said["message"]
    assert "example.org/v1" in said["message"]
    assert not any(secret in json.dumps(said) for secret in ("CANARY", "WEBHOOK0", "pw12", "OWNSECRET"))


def test_a_long_message_is_cut() -> None:
    state = RunState(type=StateType.CRASHED, message="x y " * LONGEST_MESSAGE)
    assert len(describe_failure("f", make_run(), state, [])["message"]) == LONGEST_MESSAGE + 1


def test_slack_takes_one_text_whose_signs_are_escaped() -> None:
    text = shape_slack(MESSAGE)["text"]
    assert text == "*a* / b: Failed\n> c &lt;d&gt;\n> e\n<http://127.0.0.1/run|Open the run>"


@pytest.mark.parametrize("form", ["json", "slack"])
def test_the_webhook_gets_the_message_in_its_format(hook: Hook, form: str) -> None:
    post_message(hook.url, MESSAGE, form)
    assert hook.told == [MESSAGE if form == "json" else shape_slack(MESSAGE)]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/CANARYPATH",
        "http://[CANARYPATH",
        "http://127.0.0.1:1/CANARYPATH",
        "CANARYPATH",
        "http://h h/CANARYPATH",
    ],
)
def test_an_address_that_nobody_answers_at_is_logged_without_itself(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    post_message(url, MESSAGE, "json")
    assert "webhook" in caplog.text
    assert "CANARY" not in caplog.text


def test_a_refusal_is_logged_and_not_raised(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    hook.status = 500
    post_message(hook.url, MESSAGE, "json")
    assert "HTTP 500" in caplog.text
    assert "CANARY" not in caplog.text


def test_nobody_waits_for_a_webhook_that_does_not_answer(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    hook.delay_s = 5
    started = time.monotonic()
    post_message(hook.url, MESSAGE, "json", give_up_s=0.2)
    assert time.monotonic() - started < 2
    assert "did not answer" in caplog.text


@flow(name="part", on_failure=[notify_failure])
def part() -> None:
    raise ValueError(f"refused: {KEY}")


@flow(name="whole", on_failure=[notify_failure])
def whole() -> None:
    part()


def test_a_failing_flow_tells_the_webhook_once_and_fails_as_it_would_have(
    server: Server, hook: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("EMPATHY_WEBHOOK_URL", hook.url)
    with temporary_settings({PREFECT_API_URL: server.api_url}), pytest.raises(ValueError, match="refused"):
        whole()
    (told,) = hook.told
    assert told["flow"] == "whole"
    assert told["state"] == "Failed"
    assert "ValueError: refused" in told["message"]
    assert "/runs/flow-run/" in told["url"]
    assert told["url"].startswith(server.url)
    assert "CANARY" not in json.dumps(told)
    assert "CANARYPATH" not in caplog.text


def test_without_an_address_nobody_is_told(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMPATHY_WEBHOOK_URL", raising=False)
    notify_failure(whole, make_run(), RunState(type=StateType.FAILED, message="x"))
    assert hook.told == []
