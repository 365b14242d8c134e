"""A branch of a hub model becomes the commit it stands for, by a hub of our own on loopback or by the cache."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")
from huggingface_hub import constants

from tasks.experts.revisions import resolve_revision

COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


class Hub(BaseHTTPRequestHandler):
    """Knows one model with one branch."""

    def do_GET(self) -> None:
        is_known = self.path.startswith("/api/models/owner/model/revision/main")
        body = json.dumps({"id": "owner/model", "sha": COMMIT} if is_known else {"error": "not found"}).encode()
        self.send_response(200 if is_known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_branch_becomes_its_commit(hub: str) -> None:
    assert resolve_revision("owner/model", "main", endpoint=hub) == COMMIT


def test_a_commit_is_not_asked_about() -> None:
    assert resolve_revision("owner/model", OTHER, endpoint="http://127.0.0.1:1") == OTHER


def test_a_hub_that_is_away_leaves_the_cache_and_without_one_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    away = "http://127.0.0.1:1"
    assert resolve_revision("owner/model", "main", endpoint=away) == "main"
    assert "cannot be found out" in caplog.text
    references = tmp_path / "models--owner--model" / "refs"
    references.mkdir(parents=True)
    (references / "main").write_text(OTHER)
    assert resolve_revision("owner/model", "main", endpoint=away) == OTHER


def test_a_model_that_the_hub_does_not_know_keeps_its_name(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert resolve_revision("owner/unknown", "main", endpoint=hub) == "main"
