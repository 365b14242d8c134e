"""What `empathy status` shows of each judge is what the ledger holds, and what is not known is not 0."""

import io

import pytest
from rich.console import Console

from flows.commands.look import describe_usage
from flows.terminal import Listing, print_listing
from tasks.scoring import JudgeIdentity, commit_segments, count_spent, register_judge
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.ledger.usage import ModelVersion, read_usage

GOOD = "Rationality: 3\nSensibility: 8"
LLM = JudgeIdentity("id-llm", "gpt-paper", "openai", "x", "gpt", "paper", "Rate it.", {})
TWIN = JudgeIdentity("id-twin", "gpt-paper", "openai", "y", "gpt", "paper", "Rate it.", {})
LOCAL = JudgeIdentity("id-local", "distilled", "distilled", "", "distilled", "", "", {})


def answer(number, **values):
    usage = {"tokens_in": 400, "tokens_cached": 100, "tokens_out": 20, "cost_usd": 0.0001, "model": "gpt-1"}
    return Attempt(f"t{number}", "r", float(number), 0.1 * number, **({"reply": GOOD} | usage | values))


def fail(number, error_class):
    return Attempt(f"t{number}", "r", float(number), 60.0, error_class=error_class)


@pytest.fixture(autouse=True)
def corpus(tables):
    """Ten turns of one dialogue."""
    tables.execute("INSERT INTO turns SELECT 'd', n, 't' || n, 'test', 'sad', [], 'Oh.' FROM range(10) AS numbers(n)")


def remember(tables, tmp_path, judge, *attempts):
    with SegmentWriter(tmp_path / judge.judge_id, "run") as writer:
        writer.append(*attempts)
    commit_segments(tables, tmp_path / judge.judge_id, judge)


def show(usage):
    console = Console(file=io.StringIO(), width=100, highlight=False)
    print_listing(console, Listing(usage.judge, describe_usage(usage)))
    return console.file.getvalue()


def test_a_judges_turns_calls_tokens_and_cost_are_added_up(tables, tmp_path):
    remember(
        tables, tmp_path, LLM,
        answer(1, system_fingerprint="fp1"), answer(2, system_fingerprint="fp2"), answer(3, system_fingerprint="fp2"),
        answer(4, reply="Lovely.", cost_usd=None), fail(5, "timeout"), fail(6, "timeout"), fail(7, "server"),
    )  # fmt: skip
    (usage,) = read_usage(tables)
    assert (usage.judge, usage.judge_id, usage.n_scored, usage.n_unscored) == ("gpt-paper", "id-llm", 3, 4)
    assert usage.unscored == usage.failed_calls == {"unparseable": 1, "timeout": 2, "server": 1}
    assert (usage.n_calls, usage.n_failed) == (7, 4)
    assert (usage.tokens_in, usage.tokens_cached, usage.tokens_out) == (1600, 400, 80)
    assert (usage.cost_usd, usage.n_calls_priced) == (0.0003, 3)
    assert (usage.latency_p50_s, usage.latency_p95_s) == (0.4, 60)
    assert usage.versions == (
        ModelVersion(model="gpt-1", system_fingerprint="fp2", n_calls=2),
        ModelVersion(model="gpt-1", system_fingerprint="fp1", n_calls=1),
        ModelVersion(model="gpt-1", system_fingerprint=None, n_calls=1),
    )


def test_responses_of_an_evaluation_have_a_count_of_their_own(tables, tmp_path):
    remember(tables, tmp_path, LLM, answer(1), answer(2), answer(11), answer(12), answer(13), fail(14, "timeout"))
    (usage,) = read_usage(tables)
    assert (usage.n_scored, usage.n_responses_scored, usage.n_unscored) == (2, 3, 1)
    assert "  scored            2\n  responses scored  3\n" in show(usage)


def test_judges_of_one_alias_stand_apart_and_one_that_did_nothing_is_listed(tables, tmp_path):
    remember(tables, tmp_path, TWIN, answer(1), answer(2))
    remember(tables, tmp_path, LLM, answer(1))
    register_judge(tables, LOCAL)
    found = [(usage.judge, usage.judge_id, usage.n_scored, usage.n_calls) for usage in read_usage(tables)]
    assert found == [("distilled", "id-local", 0, 0), ("gpt-paper", "id-llm", 1, 1), ("gpt-paper", "id-twin", 2, 2)]


def test_an_unknown_cost_is_not_0_and_a_known_0_is(tables, tmp_path):
    remember(tables, tmp_path, LLM, answer(1, cost_usd=None, tokens_in=None, tokens_cached=None, tokens_out=None))
    remember(tables, tmp_path, LOCAL, answer(1, cost_usd=None))
    local, llm = read_usage(tables)
    assert (llm.cost_usd, llm.tokens_in, llm.tokens_cached, llm.tokens_out) == (None, None, None, None)
    assert (local.cost_usd, local.n_calls_priced) == (0.0, 1)
    assert "cost      not known" in show(llm)
    assert "cost      0 USD\n" in show(local)


def test_the_sum_does_not_depend_on_the_order_of_the_segments(tables, tmp_path):
    costs = [0.1, 0.2, 0.3, 1e-9, 1e6]
    for judge, order in ((LLM, costs), (TWIN, costs[::-1])):
        remember(tables, tmp_path, judge, *(answer(number, cost_usd=cost) for number, cost in enumerate(order)))
    one, other = read_usage(tables)
    assert one.cost_usd == other.cost_usd == pytest.approx(1_000_000.6)


def test_what_a_judge_spent_since_a_moment_counts_calls_of_unknown_cost_as_the_dearest(tables, tmp_path):
    remember(tables, tmp_path, LLM, answer(1, cost_usd=9.0), answer(2, cost_usd=0.25), answer(3, cost_usd=0.5),
             fail(4, "timeout"), answer(5, reply=None, error_class="rate_limit", cost_usd=0.0))  # fmt: skip
    remember(tables, tmp_path, TWIN, answer(6, cost_usd=7.0))
    assert count_spent(tables, "id-llm", 1.5) == pytest.approx(0.25 + 0.5 + 0.5)
    assert count_spent(tables, "id-llm", 100.0) == 0
    assert count_spent(tables, "id-nobody", 0.0) == 0


def test_a_judge_is_shown_in_lines_that_fit_a_terminal(tables, tmp_path):
    remember(
        tables, tmp_path, LLM,
        answer(1, system_fingerprint="fp1"), answer(2), answer(3, reply="Lovely."), fail(4, "timeout"),
        fail(5, "timeout"),
    )  # fmt: skip
    (usage,) = read_usage(tables)
    assert show(usage).splitlines()[1:] == [
        "  id        id-llm",
        "  scored    2",
        "  unscored  3: timeout 2, unparseable 1",
        "  calls     5",
        "  failed    3: timeout 2, unparseable 1",
        "  tokens    1,200 in (300 of them cached), 60 out",
        "  cost      0.0003 USD, known of 3 of 5 calls",
        "  latency   0.3 s (p50), 60 s (p95)",
        "  answered  gpt-1 (2)",
        "            gpt-1 fp1 (1)",
    ]


def test_a_judge_that_did_nothing_is_shown_without_empty_lines(tables):
    register_judge(tables, LLM)
    (usage,) = read_usage(tables)
    lines = ["  id      id-llm", "  scored  0", "  calls   0", "  cost    none"]
    assert show(usage).splitlines()[1:] == lines
