"""infra/local and install-services.sh used wrongly, or where something is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

INFRA = Path(__file__).resolve().parents[2] / "infra"


def run(command: list[str | Path], **own: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable, **own}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def make_path(folder: Path, *programs: str) -> str:
    """Return a PATH that holds these programs only."""
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def skip_unless_it_could_start() -> None:
    """What is missing is told first, and this test is about what comes next."""
    is_here = shutil.which("redis-server") and list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not is_here or importlib.util.find_spec("prefect_redis") is None:
        pytest.skip("PostgreSQL, redis-server or prefect-redis is not installed here")


def test_a_missing_program_is_one_message_with_the_line_that_installs_it(tmp_path: Path) -> None:
    path = make_path(tmp_path / "bin", "bash", "dirname", "env")
    done = run([INFRA / "local" / "up.sh", tmp_path / "state"], PATH=path)
    assert done.returncode == 2
    assert done.stderr.startswith("Missing: redis-server")
    assert "apt-get install -y " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["down.sh"], ["service.sh", "status"], ["service.sh", "restart", "redis"]])
def test_where_there_is_no_topology_it_says_so(tmp_path: Path, words: list[str]) -> None:
    done = run([INFRA / "local" / words[0], *words[1:], tmp_path / "nothing"])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "There is no topology."
    assert not (tmp_path / "nothing").exists()


def test_without_an_environment_it_says_how_to_make_one(tmp_path: Path) -> None:
    done = run([INFRA / "local" / "up.sh", tmp_path], PYTHON=str(tmp_path / "python"))
    assert done.returncode == 2
    assert "make setup" in done.stderr


def test_a_number_of_workers_that_is_none_is_refused(tmp_path: Path) -> None:
    skip_unless_it_could_start()
    done = run([INFRA / "local" / "up.sh", tmp_path / "state", "--cpu-workers", "0"])
    assert done.returncode == 2
    assert "--cpu-workers 0" in done.stderr


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    skip_unless_it_could_start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run([INFRA / "local" / "up.sh", tmp_path / "state", "--free-ports", "--s3-port", port])
    assert done.returncode == 2
    assert f"Somebody else has the port {port} (s3;" in done.stderr
    assert not (tmp_path / "state" / "run").exists()


def test_installing_where_there_is_no_apt_is_one_message(tmp_path: Path) -> None:
    path = make_path(tmp_path / "bin", "bash", "id", "env")
    done = run(["bash", INFRA / "ci" / "install-services.sh"], PATH=path)
    assert done.returncode == 1
    assert "there is no apt-get here. By hand: apt-get update && apt-get install -y " in done.stderr
    assert len(done.stderr.splitlines()) == 1
