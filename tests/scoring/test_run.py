"""The pieces of a run that its Prefect tasks wrap."""

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError
from tasks.schema import Turn, Utterance
from tasks.scoring import identify_judge, load_judge, plan_scoring, read_chunk, require_key, score_planned_chunk
from tasks.scoring.ledger.journal import Attempt, SegmentWriter, list_segments, read_segment
from tasks.settings import Settings

DISTILLED = JudgeConfig()


class CountingJudge:
    """Answers every turn, and remembers which it was asked."""

    def __init__(self):
        self.asked = []

    def score_chunk(self, turns, writer, on_done):
        for planned in turns:
            self.asked.append(planned.turn.turn_key)
            writer.append(Attempt(planned.turn.turn_key, "r", 1.0, 0.1, reply="Rationality: 3\nSensibility: 8"))
        on_done(len(turns))


@pytest.fixture
def plan(home, tmp_path, write_dialogues, ingest_file):
    dialogues = {f"d{n}": (f"I have {n} cats.", "Nice!") for n in range(6)}
    corpus = [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", dialogues))]
    with home.store.transaction() as connection:
        return plan_scoring(
            connection, home.turn_files(corpus), "j", ScoringConfig(chunk_size=4), tmp_path / "plan.parquet"
        )


def test_a_second_try_of_a_chunk_asks_only_what_the_journal_does_not_hold(plan, tmp_path):
    keys = [planned.turn.turn_key for planned in read_chunk(plan, 0)]
    with SegmentWriter(tmp_path / "journal", "run-00000") as writer:
        writer.append(
            Attempt(keys[0], "r", 1.0, 0.1, reply="x"),
            Attempt(keys[1], "r", 1.0, 0.1, error_class="refusal"),
            Attempt(keys[2], "r", 1.0, 0.1, error_class="rate_limit"),
            Attempt(keys[3], "r", 1.0, 0.1, error_class="invalid_request"),
        )
    judge, done = CountingJudge(), []
    assert score_planned_chunk(judge, plan, 0, tmp_path / "journal", "run", done.append) == 2
    assert judge.asked == keys[2:]
    assert sum(done) == 4


def test_a_useless_reply_that_a_kill_left_alone_does_not_end_its_turn(plan, tmp_path):
    identity = identify_judge(JudgeConfig(kind="openai", model="m"), "http://127.0.0.1:9/v1")
    keys = [planned.turn.turn_key for planned in read_chunk(plan, 0)]
    with SegmentWriter(tmp_path / "journal", "run-00000") as writer:
        writer.append(
            Attempt(keys[0], "r", 1.0, 0.1, reply='{"sensibility": 5, "rationality": 6}'),
            Attempt(keys[1], "r", 1.0, 0.1, reply="no scores"),
            Attempt(keys[2], "r", 1.0, 0.1, error_class="truncated"),
            *(Attempt(keys[3], "r", 1.0 + n, 0.1, reply="no scores") for n in range(3)),
        )
    judge = CountingJudge()
    score_planned_chunk(judge, plan, 0, tmp_path / "journal", "run", lambda _: None, "second", identity)
    assert judge.asked == keys[1:3]


def test_chunks_and_other_runs_are_not_taken_for_one_another(plan, tmp_path):
    keys = [planned.turn.turn_key for chunk in range(2) for planned in read_chunk(plan, chunk)]
    for prefix in ("run-000001", "run-00001-x", "other-00000"):
        with SegmentWriter(tmp_path / "journal", prefix) as writer:
            writer.append(*(Attempt(key, "r", 1.0, 0.1, reply="x") for key in keys[:4]))
    judge = CountingJudge()
    for chunk in range(plan.n_chunks):
        score_planned_chunk(judge, plan, chunk, tmp_path / "journal", "run", lambda _: None)
    assert judge.asked == keys


def test_a_key_is_needed_only_for_the_public_endpoint(monkeypatch):
    for name in ("OPENAI_API_KEY", "EMPATHY_JUDGE_API_KEY", "OPENAI_BASE_URL", "EMPATHY_JUDGE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="needs a key") as caught:
        require_key(Settings())
    assert "OPENAI_API_KEY" in caught.value.do
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert require_key(Settings()) == "none"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert require_key(Settings()) == "sk-x"


def test_the_bundled_judge_scores_every_turn_on_the_scale_and_alike_each_time(home, tmp_path):
    from tasks.scoring import PlannedTurn, parse_reply

    turns = [
        PlannedTurn(Turn(f"k{n}", (Utterance("speaker", f"I lost {n} cats."),), "I am so sorry."), None)
        for n in range(9)
    ]
    replies = []
    for name in ("first", "second"):
        judge = load_judge(DISTILLED, identify_judge(DISTILLED, None), home.settings, ScoringConfig())
        with SegmentWriter(tmp_path / name, "run") as writer:
            judge.score_chunk(turns, writer, lambda _: None)
        judge.close()
        replies.append([a.reply for path in list_segments(tmp_path / name) for _, a in read_segment(path)])
    assert replies[0] == replies[1]
    parsed = [parse_reply(reply) for reply in replies[0]]
    assert len(parsed) == 9
    assert all(scores.sensibility_sd is not None and scores.rationality_sd is not None for scores in parsed)


def test_a_chunk_of_no_turns_asks_nothing(home, tmp_path):
    judge = load_judge(DISTILLED, identify_judge(DISTILLED, None), home.settings, ScoringConfig())
    with SegmentWriter(tmp_path / "journal", "run") as writer:
        judge.score_chunk([], writer, lambda _: None)
    assert [a for path in list_segments(tmp_path / "journal") for _, a in read_segment(path)] == []
