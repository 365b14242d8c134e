"""What shards share in the artifact store, and what each of them may use of the budgets."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import errors
from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError, EmpathyError, EndpointError, StoppedShortError
from tasks.scoring import (
    Plan,
    ShardName,
    ShardOutcome,
    charge_run,
    check_shards,
    check_undivided,
    clear_shards,
    note_outcome,
    publish_plan,
    read_outcome,
    read_sign,
    take_plan,
)
from tasks.scoring.engine.gate import Gate
from tasks.scoring.engine.headers import Limits
from tasks.scoring.engine.spending import Spending
from tasks.scoring.shards import sign_shard
from tasks.settings import Settings

NAME = ShardName(run="lead", judge_id="abc", token="t", shard=1)


@pytest.fixture
def artifacts(open_store):
    return open_store()


def write_plan(path, n_turns: int, chunk_size: int) -> Plan:
    chunks = [n // chunk_size for n in range(n_turns)]
    pl.DataFrame({"turn_key": [str(n) for n in range(n_turns)], "chunk": chunks}).write_parquet(path)
    return Plan(path=path, n_turns=n_turns, n_chunks=chunks[-1] + 1)


def test_shards_find_the_plan_and_their_turns_are_all_turns(artifacts, tmp_path):
    plan = write_plan(tmp_path / "plan.parquet", n_turns=1003, chunk_size=10)
    publish_plan(artifacts, NAME, plan)
    taken = [take_plan(artifacts, NAME.model_copy(update={"shard": n}), 4, tmp_path / "cache") for n in range(4)]
    assert [one.n_chunks for one in taken] == [101] * 4
    assert [one.n_turns for one in taken] == [253, 250, 250, 250]
    assert pl.read_parquet(taken[0].path).equals(pl.read_parquet(plan.path))


def test_a_worker_without_the_same_store_is_told_what_is_missing(artifacts, tmp_path):
    with pytest.raises(ConfigError, match="the run lead is not in this worker's") as caught:
        take_plan(artifacts, NAME, 4, tmp_path)
    assert "EMPATHY_ARTIFACTS" in caught.value.do


@pytest.mark.parametrize("error", [EndpointError("Wrong key.", "gpt", "set it"), StoppedShortError("No money left.")])
def test_what_stopped_a_shard_is_raised_where_it_is_waited_for(artifacts, error):
    assert read_outcome(artifacts, NAME, "first") is None
    note_outcome(artifacts, NAME, "first", error)
    assert read_outcome(artifacts, NAME, "second") is None, "the word of a run that was given up is not another's"
    with pytest.raises(type(error)) as caught:
        read_outcome(artifacts, NAME, "first").result()
    assert str(caught.value) == str(error)
    note_outcome(artifacts, NAME, "first", None)
    assert read_outcome(artifacts, NAME, "first").result() is None


@given(st.sampled_from([name for name in dir(errors) if name.endswith("Error")]), st.text(), st.text())
def test_every_error_of_ours_survives_the_way_back(name, what, do):
    outcome = ShardOutcome(kind=name, what=what, do=do)
    with pytest.raises(EmpathyError) as caught:
        ShardOutcome.model_validate_json(outcome.model_dump_json()).result()
    assert (type(caught.value).__name__, caught.value.what, caught.value.do) == (name, what, do)


def test_plans_of_killed_runs_are_removed_with_those_of_no_other_judge(artifacts, tmp_path):
    plan = write_plan(tmp_path / "plan.parquet", n_turns=3, chunk_size=1)
    other = ShardName(run="lead", judge_id="xyz", token="t", shard=0)
    for name in (NAME, other):
        publish_plan(artifacts, name, plan)
    publish_plan(artifacts, ShardName(run="next", judge_id="abc", token="t", shard=0), plan)
    with pytest.raises(ConfigError):
        take_plan(artifacts, NAME, 1, tmp_path)
    assert take_plan(artifacts, other, 1, tmp_path).n_turns == 3
    clear_shards(artifacts)
    with pytest.raises(ConfigError):
        take_plan(artifacts, other, 1, tmp_path)


def test_a_shard_knows_when_it_is_given_to_another_run(artifacts):
    assert read_sign(artifacts, NAME) is None
    assert sign_shard(artifacts, NAME, "first")
    charge_run(artifacts, NAME, "first")
    signs = {read_sign(artifacts, NAME) for _ in range(3) if sign_shard(artifacts, NAME, "first")}
    assert len(signs) == 3
    charge_run(artifacts, NAME, "second")
    assert not sign_shard(artifacts, NAME, "first")
    assert sign_shard(artifacts, NAME, "second")


def test_a_judge_that_cannot_be_divided_says_so(tmp_path):
    judge, settings = JudgeConfig(kind="openai-batch"), Settings(home=tmp_path)
    check_shards(judge, ScoringConfig(), settings)
    with pytest.raises(ConfigError, match="not asked in shards"):
        check_shards(judge, ScoringConfig(shards=2), settings)
    with pytest.raises(ConfigError, match="Only the scoring of dialogues"):
        check_undivided(ScoringConfig(shards=2))


def test_shards_over_a_remote_store_need_a_journal_in_common(tmp_path):
    stores = {"home": tmp_path, "artifacts": "s3://b/artifacts"}
    with pytest.raises(ConfigError) as caught:
        check_shards(JudgeConfig(), ScoringConfig(shards=2), Settings(**stores))
    assert "EMPATHY_JOURNAL" in caught.value.do
    check_shards(JudgeConfig(), ScoringConfig(shards=2), Settings(**stores, journal="s3://b/journal"))


@given(st.integers(1, 64), st.integers(1, 2000), st.floats(1, 1e6))
def test_shards_together_use_what_one_process_may(n_shards, most, per_minute):
    scoring = ScoringConfig(
        shards=n_shards, max_concurrency=most, requests_per_minute=per_minute, tokens_per_minute=2 * per_minute
    )
    gate = Gate(scoring, Spending(None, None))
    assert most <= n_shards * gate.concurrency.most < most + n_shards
    assert n_shards * gate._requests.per_second * 60 == pytest.approx(per_minute)
    assert n_shards * gate._tokens.per_second * 60 == pytest.approx(2 * per_minute)
    gate._take_limits(Limits(requests_per_minute=600, tokens_per_minute=float("inf")), 10)
    assert gate.pace.allowed(0.0) <= 10 / n_shards * 1.0001
