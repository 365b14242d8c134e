"""The background server: started once, found again, stopped for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from flows.processes import find_process
from flows.server import (
    Server,
    ensure_server,
    find_server,
    is_free,
    is_healthy,
    is_listening,
    server_card,
    server_environment,
)

LISTENER = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1])
time.sleep(60)
"""


def test_a_running_server_is_reused(server: Server, tmp_path_factory) -> None:
    homes = [path for path in tmp_path_factory.getbasetemp().iterdir() if path.name.startswith("server-home")]
    said: list[str] = []
    assert ensure_server(homes[0], said.append) == server
    assert is_healthy(server)
    assert said == []


def test_the_page_of_the_server_talks_to_its_own_api(server: Server) -> None:
    import urllib.request

    with urllib.request.urlopen(f"{server.url}/ui-settings", timeout=10) as answer:
        assert json.loads(answer.read())["api_url"] == server.api_url


def test_a_pid_that_now_belongs_to_somebody_else_is_not_our_server(tmp_path: Path) -> None:
    server_card(tmp_path).parent.mkdir()
    stale = {"pid": os.getpid(), "started_at": 1.0, "facts": {"port": 4200, "version": "3.8.8"}}
    server_card(tmp_path).write_text(json.dumps(stale), encoding="utf-8")
    assert find_server(tmp_path) is None
    assert psutil.pid_exists(os.getpid())


def test_a_torn_card_counts_as_no_server(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"pid": 1', encoding="utf-8")
    assert find_process(tmp_path / "card.json") is None


def test_a_port_on_which_somebody_else_listens_is_not_our_servers() -> None:
    command = [sys.executable, "-u", "-c", LISTENER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, text=True) as one, subprocess.Popen(command, stdout=pipe) as other:
        try:
            assert one.stdout is not None
            port = int(one.stdout.readline())
            assert is_listening(Server(one.pid, port, "3.8.8"))
            assert not is_listening(Server(other.pid, port, "3.8.8"))
            assert not is_free(port)
        finally:
            one.kill()
            other.kill()
    assert not is_listening(Server(one.pid, port, "3.8.8"))


def test_the_server_gets_nobodys_keys(tmp_path: Path) -> None:
    given = {"OPENAI_API_KEY": "sk-secret", "EMPATHY_JUDGE_API_KEY": "sk-secret", "PATH": "/bin"}
    environment = server_environment(tmp_path, 4200, given)
    assert "sk-secret" not in environment.values()
    assert environment["PATH"] == "/bin"
