"""The table of faults survived, as the test of them measured it, for the README."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

BEGIN, END = "<!-- made by `make reliability` -->", "<!-- end of what was made -->"


def make_table(survived: Mapping[str, str]) -> str:
    """Return a Markdown table of what was done to a run and what came of it."""
    rows = [f"| {fault} | {outcome} |" for fault, outcome in survived.items()]
    return "\n".join(["| What was done | What came of it |", "|---|---|", *rows])


def put_into(readme: Path, table: str) -> None:
    """Put the table between its marks."""
    text = readme.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    made = re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{table}\n{END}", text, flags=re.DOTALL)
    readme.write_text(made, encoding="utf-8")


def tell(survived: Mapping[str, str]) -> None:
    """Print the table; write it to the file that `EMPATHY_RELIABILITY_README` names, too."""
    table = make_table(survived)
    print(f"\n{table}")
    named = os.environ.get("EMPATHY_RELIABILITY_README")
    if named:
        put_into(Path(named), table)
