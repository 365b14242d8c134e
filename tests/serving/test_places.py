"""Places in the queue: bounded, and given back by whoever is answered, goes away, or runs out of time."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

GOOD = {"model": "mixture", "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 4}
URL = "/v1/chat/completions"


def count(http):
    return {name: n for name, n in http.get("/health").json().items() if name in ("running", "waiting")}


def wait_until(is_so, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


@contextlib.contextmanager
def open_client(running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=60) as client:
        yield client


class Asking(threading.Thread):
    """A request in a thread of its own."""

    def __init__(self, running, **change):
        super().__init__()
        self.running, self.body, self.reply = running, {**GOOD, **change}, None
        self.start()

    def run(self):
        with open_client(self.running) as client:
            self.reply = client.post(URL, json=self.body)


def test_beyond_the_queue_is_told_when_to_come_back(serve, gate):
    running = serve(max_batch=2, max_waiting=1)
    gate.close()
    with open_client(running) as http:
        asked = [Asking(running) for _ in range(3)]
        wait_until(lambda: sum(count(http).values()) == 3)
        full = http.post(URL, json=GOOD)
        wrong = http.post(URL, json={**GOOD, "temperature": 9})
        gate.opened.set()
        for one in asked:
            one.join()
        assert (full.status_code, full.json()["error"]["code"]) == (429, "queue_full")
        assert full.json()["error"]["type"] == "rate_limit_error"
        assert 1 <= int(full.headers["Retry-After"]) <= 60
        assert wrong.status_code == 400
        assert [one.reply.status_code for one in asked] == [200, 200, 200]
        wait_until(lambda: count(http) == {"running": 0, "waiting": 0})  # its place is free a moment after its reply
        assert http.post(URL, json=GOOD).status_code == 200


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_client_that_goes_away_frees_its_row_and_its_place(serve, gate, is_streamed, caplog):
    running = serve(max_batch=1, max_waiting=1, max_tokens=900)
    body = {**GOOD, "max_tokens": 900, "stream": is_streamed}
    caplog.set_level("INFO", logger="empathy.serving")
    with open_client(running) as http:
        gate.close()
        with open_client(running) as leaving, contextlib.suppress(httpx.ReadTimeout):
            leaving.post(URL, json=body, timeout=0.5)
        waiting = Asking(running)
        wait_until(lambda: sum(count(http).values()) == 2)
        wait_until(lambda: any("finish=client_gone" in record.getMessage() for record in caplog.records))
        gate.opened.set()
        waiting.join()
        assert waiting.reply.status_code == 200
        assert gate.n_steps < 20  # the 900 tokens of the other were not waited for
        wait_until(lambda: count(http) == {"running": 0, "waiting": 0})


def test_a_client_that_leaves_in_the_middle_of_a_stream_frees_its_row(serve, gate):
    running = serve(max_tokens=900)
    with open_client(running) as http:
        with http.stream("POST", URL, json={**GOOD, "max_tokens": 900, "stream": True}) as stream:
            lines = stream.iter_lines()
            assert [next(lines) for _ in range(3)][2].startswith("data: ")
            assert count(http)["running"] == 1
        wait_until(lambda: count(http) == {"running": 0, "waiting": 0})
        assert gate.n_steps < 900


def test_a_client_that_waits_in_the_queue_and_goes_frees_its_place(serve, gate):
    running = serve(max_batch=1, max_waiting=1)
    with open_client(running) as http:
        gate.close()
        first = Asking(running, max_tokens=400)
        wait_until(lambda: count(http)["running"] == 1)
        with open_client(running) as leaving, contextlib.suppress(httpx.ReadTimeout):
            leaving.post(URL, json=GOOD, timeout=0.5)
        gate.opened.set()
        wait_until(lambda: count(http) == {"running": 1, "waiting": 0})
        first.join()
        assert first.reply.json()["usage"]["completion_tokens"] == 400


def test_a_request_that_takes_too_long_is_told_so(serve, gate):
    running = serve(max_tokens=900, request_timeout_s=0.5)
    with open_client(running) as http:
        gate.close()
        late = http.post(URL, json={**GOOD, "max_tokens": 900})
        assert (late.status_code, late.json()["error"]["code"]) == (504, "timeout")
        gate.opened.set()
        wait_until(lambda: count(http) == {"running": 0, "waiting": 0})
        assert http.post(URL, json=GOOD).status_code == 200


def test_a_stream_that_takes_too_long_ends_with_the_error(serve, gate):
    running = serve(max_tokens=900, request_timeout_s=1.0)
    with open_client(running) as http:
        with http.stream("POST", URL, json={**GOOD, "max_tokens": 900, "stream": True}) as stream:
            lines = (line for line in stream.iter_lines() if line)
            next(lines)
            gate.close()
            last = list(lines)[-1]
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "timeout"
        gate.opened.set()
        wait_until(lambda: count(http) == {"running": 0, "waiting": 0})


def test_a_batch_that_fails_is_told_and_the_next_one_is_answered(serve, mixture, caplog):
    model, _ = mixture
    running = serve()

    def fail(*_):
        handle.remove()
        raise torch.OutOfMemoryError("no memory")

    handle = model.register_forward_pre_hook(fail)
    with open_client(running) as http:
        failed = http.post(URL, json=GOOD)
        assert (failed.status_code, failed.json()["error"]["code"]) == (500, "generation_failed")
        assert http.post(URL, json=GOOD).status_code == 200
        wait_until(lambda: count(http) == {"running": 0, "waiting": 0})
    assert any("event=generation_failed error=OutOfMemoryError" in record.getMessage() for record in caplog.records)
