"""The background server: started once, found again, stopped for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flows.access import ASKED, Access, check_host, find_access
from flows.processes import find_process
from flows.server import (
    Server,
    check_entrance,
    ensure_server,
    find_reason,
    find_server,
    go_on_as,
    is_free,
    is_healthy,
    is_listening,
    read_last,
    server_card,
    server_environment,
    stop_server,
)
from tasks.errors import ConfigError

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


def test_a_page_of_another_site_may_not_ask_the_server(server: Server) -> None:
    import urllib.request

    for origin, allowed in (("http://elsewhere.example", None), (server.url, server.url)):
        asked = urllib.request.Request(f"{server.api_url}/health", headers={"Origin": origin})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.headers["access-control-allow-origin"] == allowed


def test_nobody_else_on_the_machine_reads_the_servers_database(server: Server, tmp_path_factory) -> None:
    (card,) = tmp_path_factory.getbasetemp().glob("server-home[0-9]*/server/server.json")
    assert json.loads(card.read_text(encoding="utf-8"))["pid"] == server.pid
    assert card.parent.stat().st_mode & 0o077 == 0


def test_the_server_gets_nobodys_keys(tmp_path: Path) -> None:
    given = {"OPENAI_API_KEY": "sk-secret", "EMPATHY_JUDGE_API_KEY": "sk-secret", "PATH": "/bin"}
    environment = server_environment(tmp_path, 4200, given)
    assert "sk-secret" not in environment.values()
    assert environment["PATH"] == "/bin"


def test_the_login_is_the_one_thing_of_prefects_settings_that_the_server_takes(tmp_path: Path) -> None:
    given = {"PREFECT_API_AUTH_STRING": "a:b", "PREFECT_SERVER_API_AUTH_STRING": "a:b", "PREFECT_PROFILE": "x"}
    assert ASKED not in server_environment(tmp_path, 4200, given)
    taken = server_environment(tmp_path, 4200, given, Access("0.0.0.0", "c:d"))
    assert taken[ASKED] == "c:d"
    assert taken["PREFECT_SERVER_UI_API_URL"] == "/api", "a browser elsewhere knows the server by another name"
    assert not taken.keys() & {"PREFECT_API_AUTH_STRING", "PREFECT_PROFILE"}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "no address", "localhost", "::1", ""])
def test_an_address_beyond_this_machine_needs_a_login(host: str) -> None:
    with pytest.raises(ConfigError, match="--host"):
        check_host(host, "")


def test_loopback_needs_none_and_a_login_opens_the_rest() -> None:
    assert check_host("127.0.0.1", "") is None
    assert check_host("0.0.0.0", "user:password") is None


def test_a_running_server_says_what_it_does_not_fit(server: Server) -> None:
    assert find_reason(server) == ""
    assert "0.0" in find_reason(server._replace(version="0.0"))
    with pytest.raises(ConfigError, match="without a login"):
        check_entrance(server, Access(asked="a:b"))
    check_entrance(server, Access(given="a:b"))
    with pytest.raises(ConfigError, match="empathy down"):
        check_entrance(server, Access(host="192.0.2.7"))


def test_a_server_that_ended_by_itself_comes_back_with_its_login_and_address_or_not_at_all(tmp_path: Path) -> None:
    card = server_card(tmp_path)
    assert go_on_as(read_last(tmp_path), Access()) == Access()
    card.parent.mkdir()
    facts = {"port": 4200, "version": "3", "host": "0.0.0.0", "has_login": True}
    card.write_text(json.dumps({"pid": 2**22 + 1, "started_at": 1.0, "facts": facts}))
    with pytest.raises(ConfigError, match="would be open"):
        ensure_server(tmp_path, print)
    assert go_on_as(read_last(tmp_path), Access(asked="a:b")) == Access("0.0.0.0", "a:b")
    assert stop_server(tmp_path) == []
    assert go_on_as(read_last(tmp_path), Access()) == Access()
    card.write_text("torn")
    assert go_on_as(read_last(tmp_path), Access()) == Access()


@pytest.mark.parametrize("login", ["nobody", "user:", "ünï:code", "somebody:b\n"])
def test_a_login_that_no_client_could_say_is_refused(login: str) -> None:
    from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings

    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: login}), pytest.raises(ConfigError) as caught:
        find_access()
    assert ASKED in str(caught.value)
    assert login.partition(":")[0] not in str(caught.value).replace("USER", "")


def test_the_login_that_a_server_asks_for_is_said_to_it_unless_another_is_given() -> None:
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_SERVER_API_AUTH_STRING, temporary_settings

    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: "a:b", PREFECT_API_AUTH_STRING: None}):
        assert find_access() == Access(None, "a:b", "a:b")
        assert find_access("0.0.0.0").headers == {"Authorization": "Basic YTpi"}
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: "a:b", PREFECT_API_AUTH_STRING: "c:d"}):
        assert find_access().given == "c:d"
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: None, PREFECT_API_AUTH_STRING: None}):
        assert find_access().headers == {}
