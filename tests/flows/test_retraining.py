"""Retraining looks at what it is given before it trains."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from flows.server import Server

RETRAIN = """
from flows.retrain_mixture import retrain_mixture
from tasks.config import load_profile
from tasks.home import open_home
retrain_mixture(load_profile("smoke"), {subsets})
"""


def test_nothing_is_trained_on_held_out_dialogues(
    empathy: Callable[..., CompletedProcess[str]], environment: dict[str, str], server: Server
) -> None:
    def retrain(subsets: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", RETRAIN.format(subsets=subsets)],
            env={**environment, "PREFECT_API_URL": server.api_url}, capture_output=True, text=True, timeout=200,
            check=False,
        )  # fmt: skip
        assert done.returncode == 1
        return done.stdout + done.stderr

    empathy("ingest", "sample")
    empathy("score")
    digest = json.loads(empathy("select", "--split", "test", "--json").stdout)["config_digest"]
    assert "No subsets of the split 'train' have been selected yet" in retrain("None")  # not those selected last
    assert "The models would learn from the split 'test'" in retrain('open_home().artifacts.get_current("subsets")')
    made = Path(environment["EMPATHY_HOME"]) / "artifacts"
    assert [path.name for path in made.glob("subsets/*")] == [digest]
    assert not list(made.glob("expert*")) + list(made.glob("mixture*"))
