"""One run of scoring by batches as the flow does it, without Prefect and with limits of a test; a process to kill."""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tasks.artifacts import ArtifactStore
from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import EmpathyError
from tasks.home import Home
from tasks.scoring import (
    commit_segments,
    count_coverage,
    hold_lease,
    identify_judge,
    load_judge,
    plan_scoring,
    score_planned_chunk,
    write_identity,
)
from tasks.scoring.batch.judge import BatchJudge
from tasks.scoring.batch.requests import BatchLimits
from tasks.scoring.batch.wiring import fit_plan, settle_former_batches
from tasks.scoring.engine import waits
from tasks.settings import Settings
from tasks.store import Store

QUICK = {"first_poll_s": 0.01, "longest_poll_s": 0.05}


def score(home: Home, config: JudgeConfig, name: str, limits: dict[str, Any], **scoring: Any) -> dict[str, Any]:
    """Score the home's corpus and return the coverage, and what stopped the run."""
    corpus, terms = home.list_corpus(), ScoringConfig(**scoring)
    identity = identify_judge(config, home.settings.judge_base_url)
    folder, files = home.settings.journal_dir / identity.judge_id, home.turn_files(corpus)
    with hold_lease(folder, identity.alias, name) as lease:
        judge = load_judge(config, identity, home.settings, terms, lease.check)
        if isinstance(judge, BatchJudge):
            judge.limits = BatchLimits(**{**QUICK, **limits})
        failure = None
        try:
            write_identity(folder, identity)
            settle_former_batches(judge, config, identity, home.settings, folder, files, lease.check)
            plan_file = home.settings.cache_dir / f"{name}.parquet"
            with home.store.transaction() as connection:
                commit_segments(connection, folder, identity)
                plan = plan_scoring(connection, files, identity.judge_id, fit_plan(config, terms), plan_file)
            for chunk in range(plan.n_chunks):
                score_planned_chunk(judge, plan, chunk, folder, name, lambda _: None)
        except (EmpathyError, OSError) as error:
            failure = error
        finally:
            judge.close()
        with home.store.transaction() as connection:
            commit_segments(connection, folder, identity)
            coverage = count_coverage(connection, files, identity.judge_id, terms.split)
    return {"coverage": coverage, "failure": failure, "judge": judge, "identity": identity, "folder": folder}


def main(values: dict[str, Any]) -> None:
    """Run once, in the home and at the server that the values name."""
    os.environ |= {"EMPATHY_HOME": values.pop("home"), "OPENAI_BASE_URL": values.pop("url")}
    os.environ["OPENAI_API_KEY"] = "sk-right"
    waits.FIRST_BACKOFF_S = 0.01
    settings = Settings()
    home = Home(settings, ArtifactStore.from_settings(settings), Store.from_settings(settings))
    config = JudgeConfig(kind=values.pop("kind", "openai-batch"), model="gpt-4o-mini", endpoint_alias="here")
    result = score(home, config, f"run-{os.getpid()}", values.pop("limits", {}), **values)
    if result["failure"]:
        raise result["failure"]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
