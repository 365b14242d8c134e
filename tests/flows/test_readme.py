"""The README's commands do what it says: every line of its ```bash blocks is run, in order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

pytestmark = pytest.mark.train

README = Path(__file__).resolve().parents[2] / "README.md"


def list_commands() -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_the_commands_of_the_readme_run_in_their_order(empathy: Callable[..., CompletedProcess[str]]) -> None:
    commands = list_commands()
    assert len(commands) >= 10
    for command in commands:
        program, *args = shlex.split(command)
        assert program == "empathy"
        assert empathy(*args, is_forked=False).stdout, command


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
