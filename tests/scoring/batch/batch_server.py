"""A batch endpoint of our own on loopback: it counts what is paid for and goes wrong by seed."""

import asyncio
import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PAGE = 2
"""Batches on one page of the list."""
TOKENS = {"prompt_tokens": 100, "completion_tokens": 12, "total_tokens": 112}


@dataclass
class BatchServer:
    """Speaks `/v1/files` and `/v1/batches`; every valid line of a created batch is a paid request.

    Of each turn's requests, seeded shares get a fault: malformed, refusal, truncated, server, rate_limit, missing,
    damaged, not_run. `endings` are the statuses of the batches in the order they are made (then completed); an
    expired or cancelled one comes to half its requests. `stalls` names steps that are done but never answered:
    create, look, output, error.
    """

    rates: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    key: str = "sk-right"
    n_looks: int = 1
    endings: list[str] = field(default_factory=list)
    failure: dict[str, Any] = field(default_factory=dict)
    stalls: set[str] = field(default_factory=set)
    n_broken: Counter[str] = field(default_factory=Counter)
    """Requests still to be answered 500, by step: upload, create, look, list, content."""
    knows_schema: bool = True
    most_waiting: int = 10**9
    """Requests that may wait in all open batches together; one more and a batch fails."""
    answer: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.steps: Counter[str] = Counter()
        self._n_of_turn: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def turns(self) -> list[str]:
        """The turns that were paid for, each as often as it was."""
        return [line["custom_id"] for line in self.asked]

    def scores_of(self, turn_key: str) -> tuple[int, int]:
        """The scores (sensibility, rationality) that this server gives to a turn."""
        digest = hashlib.sha256(turn_key.encode()).digest()
        return digest[0] % 11, digest[1] % 11

    def wait_for(self, step: str, n: int = 1) -> None:
        deadline = time.monotonic() + 60
        while self.steps[step] < n:
            assert time.monotonic() < deadline, f"never came to: {step} {n}"
            time.sleep(0.005)

    def start(self) -> "BatchServer":
        self._thread.start()
        assert self._is_up.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=2**30)
        app.router.add_post("/v1/files", self._step("upload", self._upload))
        app.router.add_get("/v1/files/{id}/content", self._step("content", self._give))
        app.router.add_post("/v1/batches", self._step("create", self._create))
        app.router.add_get("/v1/batches", self._step("list", self._list))
        app.router.add_get("/v1/batches/{id}", self._step("look", self._look))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._is_up.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def _step(self, name: str, handle: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != f"Bearer {self.key}":
                return refuse(401, "invalid_api_key", f"Wrong: {request.headers.get('Authorization')}")
            if self.n_broken[name] > 0:
                self.n_broken[name] -= 1
                await request.read()
                return refuse(500, "server_error", "Something broke.")
            response = await handle(request)
            self.steps[name] += 1
            if name in self.stalls:
                await asyncio.sleep(3600)
            return response

        return answer

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = form["file"].file.read()
        self.uploads.append(file_id)
        return web.json_response(
            {"id": file_id, "object": "file", "bytes": len(self.files[file_id]), "created_at": 1,
             "filename": form["file"].filename, "purpose": "batch", "status": "processed"}
        )  # fmt: skip

    async def _give(self, request: web.Request) -> web.StreamResponse:
        file_id = request.match_info["id"]
        kind = file_id.partition("-")[0]
        self.steps[kind] += 1
        if kind in self.stalls:
            await asyncio.sleep(3600)
        return web.Response(body=self.files[file_id])

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        number = len(self.batches)
        batch = {
            "id": f"batch_{number}", "object": "batch", "endpoint": body["endpoint"], "errors": None,
            "input_file_id": body["input_file_id"], "completion_window": "24h", "status": "in_progress",
            "created_at": int(time.time()), "metadata": body.get("metadata"), "output_file_id": None,
            "error_file_id": None, "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }  # fmt: skip
        waiting = sum(b["request_counts"]["total"] for b in self.batches.values() if b["status"] == "in_progress")
        batch["ending"] = self.endings[number] if number < len(self.endings) else "completed"
        if waiting + len(lines) > self.most_waiting:
            batch |= {"ending": "failed", "says": {"code": "token_limit_exceeded", "message": "Enqueued limit."}}
        if batch["ending"] != "failed":
            self.asked += lines
        batch |= {"left": self.n_looks, "lines": lines}
        self.batches[batch["id"]] = batch
        return web.json_response(show(batch))

    async def _list(self, request: web.Request) -> web.Response:
        newest_first = list(reversed(self.batches.values()))
        ids = [batch["id"] for batch in newest_first]
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = newest_first[start : start + PAGE]
        has_more = start + PAGE < len(ids)
        return web.json_response({"object": "list", "data": [show(batch) for batch in page], "has_more": has_more})

    async def _look(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return refuse(404, "not_found", "No such batch.")
        batch["left"] -= 1
        if batch["left"] <= 0 and batch["status"] == "in_progress":
            self._end(batch)
        return web.json_response(show(batch))

    def _end(self, batch: dict[str, Any]) -> None:
        batch["status"] = batch["ending"]
        if batch["ending"] == "failed":
            error = batch.get("says") or self.failure
            batch["errors"] = {"object": "list", "data": [error]}
            return
        lines, is_partial = batch["lines"], batch["ending"] in ("expired", "cancelled")
        n_run = len(lines) // 2 if is_partial else len(lines)
        results = [self._answer(line) for line in lines[:n_run]]
        code = f"batch_{batch['ending']}"
        results += [("error", error_line(line, code)) for line in lines[n_run:]]
        for kind in ("output", "error"):
            rows = [row for where, row in results if where == kind]
            if rows:
                file_id = f"{kind}-{batch['id']}"
                self.files[file_id] = "".join(rows).encode()
                batch[f"{kind}_file_id"] = file_id
        batch["request_counts"]["completed"] = sum(where == "output" for where, _ in results)

    def _draw(self, turn_key: str) -> str:
        self._n_of_turn[turn_key] += 1
        chance = random.Random(f"{self.seed}|{turn_key}|{self._n_of_turn[turn_key]}").random()
        for name, rate in self.rates.items():
            if chance < rate:
                return name
            chance -= rate
        return ""

    def _answer(self, line: dict[str, Any]) -> tuple[str, str]:
        fault = self._draw(line["custom_id"])
        line["fault"] = fault
        if "response_format" in line["body"] and not self.knows_schema:
            return "error", result_line(line, 400, {"error": {"message": "Unknown parameter: response_format"}})
        if fault == "missing":
            return "", ""
        if fault == "damaged":
            return "output", '{"id": "x", "custom_id": \n'
        if fault == "not_run":
            return "error", error_line(line, "batch_expired")
        if fault in ("server", "rate_limit", "invalid"):
            status = {"server": 500, "rate_limit": 429, "invalid": 404}[fault]
            return "error", result_line(line, status, {"error": {"message": "No.", "code": fault, "type": fault}})
        return "output", result_line(line, 200, self._complete(line, fault))

    def _complete(self, line: dict[str, Any], fault: str) -> dict[str, Any]:
        sensibility, rationality = self.scores_of(line["custom_id"])
        text = json.dumps({"rationality": rationality, "sensibility": sensibility})
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if fault == "malformed":
            message["content"] = "Rather warm, I would say."
        if fault == "refusal":
            message |= {"content": None, "refusal": "I cannot rate this."}
        finish_reason = "length" if fault == "truncated" else "stop"
        choice = {"message": message, "finish_reason": finish_reason}
        choices = [{"index": index, **choice} for index in range(line["body"].get("n", 1))]
        return {"id": "x", "object": "chat.completion", "created": 1, "model": "judge-2026", "choices": choices,
                "system_fingerprint": "fp-1", "usage": TOKENS}  # fmt: skip


def show(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if name not in ("left", "lines", "ending", "says")}


def result_line(line: dict[str, Any], status: int, body: dict[str, Any]) -> str:
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "x", "custom_id": line["custom_id"], "response": response, "error": None}) + "\n"


def error_line(line: dict[str, Any], code: str) -> str:
    error = {"code": code, "message": "This request was not run."}
    return json.dumps({"id": "x", "custom_id": line["custom_id"], "response": None, "error": error}) + "\n"


def refuse(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": code, "code": code, "param": None}}, status=status)
