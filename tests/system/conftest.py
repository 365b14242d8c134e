"""The command line with a background server of the home's own, started and stopped as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.server import stop_server


class Person(NamedTuple):
    """Somebody at a terminal: a home and an environment without keys."""

    home: Path
    environment: dict[str, str]

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "flows", *args]

    def run(self, *args: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*args), env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, done.stderr
        return done

    def list_made(self) -> dict[str, float]:
        """Return when every finished artifact was written, by kind and digest."""
        manifests = (self.home / "artifacts").glob("*/*/manifest.json")
        return {
            str(path.parent.relative_to(self.home / "artifacts")): path.stat().st_mtime
            for path in manifests
            if not path.parent.name.startswith(".tmp-")
        }


def make_person(folder: Path) -> Person:
    """Return somebody whose home is an empty folder."""
    foreign = ("EMPATHY_", "OPENAI_", "PREFECT_", "OMP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    home = folder / "home"
    # a Prefect home of its own: a profile of whoever runs the tests must not name another API
    environment = {**kept, "EMPATHY_HOME": str(home), "PREFECT_HOME": str(folder / "prefect"), "COLUMNS": "120"}
    return Person(home, environment)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    """Somebody whose home is empty; the server they start is stopped at the end."""
    somebody = make_person(tmp_path)
    yield somebody
    stop_server(somebody.home)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody whose home a whole file of tests works in."""
    somebody = make_person(tmp_path_factory.mktemp("operator"))
    yield somebody
    stop_server(somebody.home)
