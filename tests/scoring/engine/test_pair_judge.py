"""The judge that compares: the same engine and ledger, so nothing is paid twice and every question has its answer."""

import pytest

from tasks.config import JudgeConfig, PairwiseConfig
from tasks.errors import ConfigError, LeaseHeldError, StoppedShortError
from tasks.scoring import hold_lease, identify_judge, read_usage
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tests.scoring.asking_pairs import PAIRWISE, ask_questions, keep_questions, read_verdicts
from tests.scoring.looking import ask_tables, count_attempts

PAIRS = [(f"I am {n} times sorry.", "Oh.") for n in range(12)]


def test_every_question_is_asked_once_and_its_verdict_found_again(fault_server, point_at):
    server = fault_server(answer=lambda _: '{"verdict": "A"}')
    home = point_at(server, price=(1.0, 2.0))
    questions = keep_questions(home, PAIRS)
    first = ask_questions(home, questions, chunk_size=5)
    assert read_verdicts(home, first) == [("A", None)] * 12
    assert (len(server.calls), count_attempts(home)) == (12, {"": 12})
    assert ask_questions(home, questions, "again") == first
    assert len(server.calls) == 12
    assert ask_tables(home, "SELECT count(*) FROM scores") == [(0,)]
    facts = home.artifacts.read_manifest(first.uri)["facts"]
    with home.store.transaction() as connection:
        (usage,) = read_usage(connection)
    assert facts["cost_usd"] == pytest.approx(usage.cost_usd)
    assert (usage.n_calls, usage.n_scored, usage.cost_usd > 0) == (12, 0, True)


def test_how_many_are_to_be_asked_is_said_before_and_nothing_where_none_is(fault_server, point_at, caplog):
    home = point_at(fault_server(answer=lambda _: "A"), price=(1.0, 2.0))
    ask_questions(home, keep_questions(home, PAIRS[:4]))
    ask_questions(home, keep_questions(home, PAIRS[:10]), "more")
    ask_questions(home, keep_questions(home, PAIRS[:10]), "again")
    said = [record.notice for record in caplog.records if hasattr(record, "notice")]
    assert [text.split(" comparisons")[0] for text in said] == ["4 of 4", "6 of 10"]


def test_the_two_responses_reach_the_judge_in_their_order_and_the_verdict_as_a_schema(fault_server, point_at):
    server = fault_server(answer=lambda _: '{"verdict": "tie"}')
    home = point_at(server)
    ask_questions(home, keep_questions(home, [("First.", "Second.")]))
    (call,) = server.calls
    assert call.turn.index("First.") < call.turn.index("<response_b>") < call.turn.index("Second.")
    assert call.body["response_format"]["json_schema"]["name"] == "empathy_verdict"


@pytest.mark.parametrize(("fault", "reason"), [("malformed", "unparseable"), ("refusal", "refusal")])
def test_a_useless_reply_is_asked_again_and_ends_with_its_reason(fault_server, point_at, fault, reason):
    server = fault_server(rates={fault: 1.0}, answer=lambda _: "A")
    home = point_at(server)
    questions = keep_questions(home, PAIRS[:2])
    ref = ask_questions(home, questions)
    assert read_verdicts(home, ref) == [(None, reason)] * 2
    assert home.artifacts.read_manifest(ref.uri)["facts"]["unanswered"] == {reason: 2}
    assert len(server.calls) == 6
    assert any("could not be used" in call.prompt for call in server.calls)
    server.rates.clear()
    assert ask_questions(home, questions, "again") == ref, "a terminal reason is asked again only when told"
    assert read_verdicts(home, ask_questions(home, questions, "told", retry_unscored=True)) == [("A", None)] * 2


def test_an_endpoint_without_schemas_is_asked_in_words(fault_server, point_at):
    server = fault_server(lacks=("schema", "json"), answer=lambda _: "Verdict: B")
    home = point_at(server)
    assert read_verdicts(home, ask_questions(home, keep_questions(home, PAIRS[:3]))) == [("B", None)] * 3
    assert server.calls[-1].prompt.endswith("Verdict: A, B or tie")


def test_questions_nobody_answered_are_asked_by_the_next_run(fault_server, point_at, quick_backoff):
    server = fault_server(rates={"server": 1.0}, answer=lambda _: "B")
    home = point_at(server)
    questions = keep_questions(home, PAIRS[:3])
    assert read_verdicts(home, ask_questions(home, questions)) == [(None, "server")] * 3
    server.rates.clear()
    assert read_verdicts(home, ask_questions(home, questions, "next")) == [("B", None)] * 3


def test_what_a_killed_run_left_in_its_journal_is_used_and_not_paid_for_again(fault_server, point_at):
    server = fault_server(answer=lambda _: "A")
    home = point_at(server)
    questions = keep_questions(home, PAIRS[:4])
    identity = identify_judge(PAIRWISE, server.url)
    folder = home.settings.journal_dir / identity.judge_id
    keys = [row[0] for row in ask_tables(
        home, "SELECT question_key FROM read_parquet($f) ORDER BY 1", {"f": f"{questions.uri}/questions.parquet"}
    )]  # fmt: skip
    with SegmentWriter(folder, "killed-00000") as writer:
        writer.append(Attempt(keys[0], "r", 1.0, 0.1, http_status=200, reply="B"))
        writer.append(Attempt(keys[1], "r", 2.0, 0.1, http_status=200, reply="Both."))  # and was to be asked on
    (segment,) = folder.glob("killed-*")
    segment.rename(segment.with_name(f"{segment.name}.open"))
    verdicts = read_verdicts(home, ask_questions(home, questions))
    assert verdicts == [("B", None), *[("A", None)] * 3]
    assert len(server.calls) == 3
    assert not list(folder.glob("*.open"))


def test_a_budget_stops_before_the_call_that_does_not_fit_and_the_next_run_goes_on(fault_server, point_at):
    server = fault_server(answer=lambda _: "A", delay_s=0.01)
    home = point_at(server, price=(1000.0, 1000.0))
    questions = keep_questions(home, PAIRS)
    with pytest.raises(StoppedShortError):
        ask_questions(home, questions, max_cost_usd=3.0, max_concurrency=2)
    n_before = len(server.calls)
    assert 0 < n_before < 12
    assert read_verdicts(home, ask_questions(home, questions, "next")) == [("A", None)] * 12
    assert len(server.calls) == 12


def test_a_second_run_of_the_same_judge_is_told_who_pays(fault_server, point_at):
    server = fault_server(answer=lambda _: "A")
    home = point_at(server)
    identity = identify_judge(PAIRWISE, server.url)
    with (
        hold_lease(home.settings.journal_dir / identity.judge_id, identity.alias, "other"),
        pytest.raises(LeaseHeldError),
    ):
        ask_questions(home, keep_questions(home, PAIRS[:1]))
    assert server.calls == []


def test_who_compares_is_another_judge_than_who_scores_and_neither_takes_the_others_rubric(tmp_path):
    url = "http://localhost:1/v1"
    scoring = JudgeConfig(kind="openai", model=PAIRWISE.model)
    assert identify_judge(PAIRWISE, url).judge_id != identify_judge(scoring, url).judge_id
    assert identify_judge(PAIRWISE, url).is_pairwise
    assert not identify_judge(scoring, url).is_pairwise
    with pytest.raises(ConfigError, match="compares two responses"):
        identify_judge(scoring.model_copy(update={"rubric": "pairwise"}), url)
    with pytest.raises(ConfigError, match="scores one response"):
        identify_judge(PAIRWISE.model_copy(update={"rubric": "paper"}), url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "distilled"},
        {"kind": "openai-batch"},
        {"method": "samples"},
        {"pairs": [["mixture", "mixture"]]},
        {"pairs": [["mixture", "union"], ["union", "mixture"]]},
        {"pairs": [["mixture", "nobody"]]},
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(wrong):
    with pytest.raises(ValueError, match="PairwiseConfig"):
        PairwiseConfig(**wrong)
