"""What `make` does with a person's home, with a program in place of `empathy`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """#!/bin/sh
echo "$1 $EMPATHY_HOME [$EMPATHY_ARTIFACTS]" >> "$SAID"
test -d "$EMPATHY_HOME" && test "$1" != "$FAILS"
"""


@pytest.mark.parametrize(("fails", "runs"), [("", ["run", "evaluate", "models"]), ("evaluate", ["run", "evaluate"])])
def test_smoke_has_a_home_of_its_own_and_passes_on_how_it_ended(tmp_path: Path, fails: str, runs: list[str]) -> None:
    program = tmp_path / "venv" / "bin" / "empathy"
    program.parent.mkdir(parents=True)
    for file in (program, program.with_name("python")):
        file.write_text(PROGRAM)
        file.chmod(0o755)
    (tmp_path / "venv" / ".train").touch()
    own = {"EMPATHY_HOME": str(tmp_path), "EMPATHY_ARTIFACTS": "s3://production", "TMPDIR": str(tmp_path)}
    environment = {**os.environ, **own, "SAID": str(tmp_path / "said"), "FAILS": fails}
    done = subprocess.run(
        ["make", "smoke", f"VENV={tmp_path / 'venv'}"], cwd=ROOT, env=environment, capture_output=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode != 0) == bool(fails)
    said = [line.split() for line in (tmp_path / "said").read_text().splitlines()]
    assert [words[0] for words in said] == [*runs, "down"]
    homes = {(home, artifacts) for _, home, artifacts in said}
    ((home, artifacts),) = homes
    assert (Path(home).parent, Path(home).exists(), artifacts) == (tmp_path, False, "[]")
