"""One run of scoring without Prefect, in a process that a test kills: `killed_run.py NAME N_IN_FLIGHT`.

As the flow does: lease, merge, plan, chunks in threads, commit. The home and the endpoint come from the environment.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.config import JudgeConfig, ScoringConfig
from tasks.home import open_home
from tasks.scoring import (
    close_left_segments,
    commit_segments,
    hold_lease,
    identify_judge,
    load_judge,
    plan_scoring,
    score_planned_chunk,
    write_identity,
)

LLM = JudgeConfig(kind="openai", model="judge-2026", endpoint_alias="loopback")
CHUNKS_AT_ONCE = 4


def main(name: str, n_in_flight: int) -> None:
    home = open_home()
    scoring = ScoringConfig(max_concurrency=n_in_flight, chunk_size=100)
    identity = identify_judge(LLM, home.settings.judge_base_url)
    folder = home.settings.journal_dir / identity.judge_id
    with hold_lease(folder, identity.alias, name) as lease:
        write_identity(folder, identity)
        close_left_segments(folder)
        files = home.turn_files(home.list_corpus())
        with home.store.transaction() as connection:
            commit_segments(connection, folder, identity)
            plan_file = home.settings.cache_dir / f"{name}.parquet"
            plan = plan_scoring(connection, files, identity.judge_id, scoring, plan_file)
        judge = load_judge(LLM, identity, home.settings, scoring, lease.check)
        with ThreadPoolExecutor(CHUNKS_AT_ONCE) as pool:
            chunks = [
                pool.submit(score_planned_chunk, judge, plan, chunk, folder, name, lambda _: None)
                for chunk in range(plan.n_chunks)
            ]
            for chunk in chunks:
                chunk.result()
        judge.close()
        with home.store.transaction() as connection:
            commit_segments(connection, folder, identity)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
