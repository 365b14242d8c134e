"""The batch judge against an endpoint that goes wrong: every turn is scored or has its reason, and is paid for once."""

import json
from collections import Counter
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError, EmpathyError, EndpointError
from tasks.schema import Turn, Utterance
from tasks.scoring import identify_judge, load_judge
from tasks.scoring.batch.judge import BatchJudge
from tasks.scoring.batch.parts import PartStore
from tasks.scoring.batch.requests import BatchLimits
from tasks.scoring.ledger.journal import SegmentWriter
from tasks.scoring.planning import PlannedTurn

QUICK = BatchLimits(first_poll_s=0.01, longest_poll_s=0.05)


def list_parts(result):
    return [json.loads(path.read_text()) for path in sorted((result["folder"] / "batches").glob("*.json"))]


def test_a_corpus_is_scored_by_one_batch_at_half_the_price(batch_server, point_at, make_corpus, score, read_ledger):
    server = batch_server(n_looks=3)
    home = point_at(server)
    make_corpus(home, 30)
    result = score(home)
    ledger = read_ledger(home)
    assert (result["failure"], result["coverage"].n_scored) == (None, 30)
    assert ledger["scores"] == {key: server.scores_of(key) for key in server.turns}
    assert (len(server.uploads), len(server.batches), len(server.turns)) == (1, 1, 30)
    (attempt,) = {
        (row["http_status"], row["model"], row["system_fingerprint"], row["tokens_in"], row["tokens_out"],
         row["finish_reason"], row["method"], row["latency_s"], round(row["cost_usd"], 12))
        for row in ledger["attempts"]
    }  # fmt: skip
    full_price = (100 * 0.15 + 12 * 0.60) / 1e6
    assert attempt == (200, "judge-2026", "fp-1", 100, 12, "stop", "point", None, round(full_price / 2, 12))
    assert result["judge"].describe() == {"batches": "1 of 1", "requests": "30 of 30", "USD": "0.0003"}
    assert [part["status"] for part in list_parts(result)] == ["done"]
    assert [path.suffix for path in (result["folder"] / "batches").iterdir()] == [".json"]


def test_the_lines_are_what_the_api_asks_for(batch_server, point_at, make_corpus, score):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 1)
    score(home)
    (line,) = server.asked
    assert list(line)[:4] == ["custom_id", "method", "url", "body"]
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert len(line["custom_id"]) == 64
    body = line["body"]
    assert set(body) == {"model", "messages", "max_tokens", "temperature", "response_format"}
    assert (body["model"], body["temperature"]) == ("gpt-4o-mini", 0.0)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "I met 0 old friends." in body["messages"][1]["content"]
    (batch,) = server.batches.values()
    assert set(batch["metadata"]) == {"judge", "part"}


def test_who_is_asked_by_batches_is_the_judge_that_is_asked_live(batch_server, point_at, make_corpus, score):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 5)
    by_batch = score(home)
    live = JudgeConfig(kind="openai", model="gpt-4o-mini", endpoint_alias="here")
    assert score(home, "live", live)["coverage"].n_scored == 5  # this server knows no live calls
    assert identify_judge(live, None).judge_id == by_batch["identity"].judge_id


def test_under_faults_each_turn_has_its_score_or_the_right_reason_and_every_request_is_in_the_ledger(
    batch_server, point_at, make_corpus, score, read_ledger
):
    rates = {"malformed": 0.1, "refusal": 0.06, "truncated": 0.06, "server": 0.06, "rate_limit": 0.04,
             "missing": 0.04, "damaged": 0.04, "not_run": 0.04}  # fmt: skip
    server = batch_server(rates=rates, seed=5)
    home = point_at(server)
    make_corpus(home, 120)
    result = score(home, limits={"most_requests": 50})
    assert result["failure"] is None
    faults = {}
    for line in server.asked:
        faults.setdefault(line["custom_id"], []).append(line["fault"])
    reasons = {"malformed": "unparseable", "missing": "server", "damaged": "server", "not_run": "timeout"}
    ledger = read_ledger(home)
    for key, met in faults.items():
        assert ledger["scores"][key] == (reasons.get(met[-1], met[-1]) or server.scores_of(key)), met
        useless = [fault for fault in met if fault in ("malformed", "refusal", "truncated")]
        assert met[-1] == "" or len(useless) == 3 or len(met) - len(useless) == 3, met
    assert ledger["classes"] == Counter(reasons.get(fault, fault) for fault in (line["fault"] for line in server.asked))
    told = [line for line in server.asked if "could not be used" in line["body"]["messages"][1]["content"]]
    assert len(told) > 10
    assert result["coverage"].n_scored > 100
    assert [part["status"] for part in list_parts(result)] == ["done"] * len(server.batches)


@pytest.mark.parametrize(("ending", "reason"), [("expired", "timeout"), ("cancelled", "interrupted")])
def test_what_an_unfinished_batch_has_is_used_and_only_the_rest_asked_again(
    batch_server, point_at, make_corpus, score, read_ledger, ending, reason
):
    server = batch_server(endings=[ending])
    home = point_at(server)
    make_corpus(home, 20)
    assert score(home)["coverage"].n_scored == 20
    assert [len(server.files[name].splitlines()) for name in server.uploads] == [20, 10]
    ledger = read_ledger(home)
    assert ledger["classes"] == {"": 20, reason: 10}
    assert {row["cost_usd"] for row in ledger["attempts"] if row["error_class"]} == {0.0}


def test_turns_that_no_batch_came_to_are_left_for_the_next_run(batch_server, point_at, make_corpus, score):
    server = batch_server(rates={"not_run": 1.0})
    home = point_at(server)
    make_corpus(home, 4)
    result = score(home)
    assert (result["coverage"].unscored, result["coverage"].n_transient) == ({"timeout": 4}, 4)
    assert len(server.batches) == 3
    server.rates.clear()
    assert score(home, "again")["coverage"].n_scored == 4


def test_polling_and_every_other_step_survive_what_passes(batch_server, point_at, make_corpus, score):
    server = batch_server(n_looks=3)
    server.n_broken.update(upload=2, look=8, content=2)
    home = point_at(server)
    make_corpus(home, 6)
    assert score(home)["coverage"].n_scored == 6
    assert (len(server.batches), sum(server.n_broken.values())) == (1, 0)


def test_a_batch_whose_creation_was_not_answered_is_found_and_not_made_again(
    batch_server, point_at, make_corpus, score, judge_config
):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 6)
    server.stalls.add("create")
    result = score(home, timeout_s=0.3)
    assert (result["coverage"].n_scored, len(server.batches), len(server.turns)) == (6, 1, 6)


def test_a_batch_that_fails_its_validation_stops_the_run_with_what_it_says(batch_server, point_at, make_corpus, score):
    server = batch_server(endings=["failed"], failure={"code": "model_not_found", "message": "No such model."})
    home = point_at(server)
    make_corpus(home, 4)
    result = score(home)
    assert isinstance(result["failure"], EndpointError)
    assert "No such model." in str(result["failure"])
    assert (result["coverage"].unscored, server.turns) == ({"not asked": 4}, [])
    assert score(home, "again")["coverage"].n_scored == 4


def test_a_refused_request_stops_the_run_and_what_was_answered_is_kept(batch_server, point_at, make_corpus, score):
    server = batch_server(rates={"invalid": 0.3}, seed=2)
    home = point_at(server)
    make_corpus(home, 20)
    result = score(home)
    assert isinstance(result["failure"], EndpointError)
    assert "HTTP 404" in str(result["failure"])
    n_refused = result["coverage"].unscored["invalid_request"]
    assert (len(server.batches), result["coverage"].n_scored + n_refused) == (1, 20)
    server.rates.clear()
    assert score(home, "again")["coverage"].n_scored == 20
    assert len(server.turns) == 20 + n_refused


def test_a_wrong_key_is_told_without_naming_it(batch_server, point_at, make_corpus, score):
    server = batch_server()
    home = point_at(server, key="sk-CANARY0123456789")
    make_corpus(home, 2)
    result = score(home)
    assert isinstance(result["failure"], EndpointError)
    assert "auth" in str(result["failure"])
    assert "CANARY" not in str(result["failure"])
    assert not [path for path in home.settings.home_dir.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()]


def test_what_an_endpoint_does_not_know_is_found_out_and_remembered(batch_server, point_at, make_corpus, score):
    server = batch_server(knows_schema=False)
    home = point_at(server)
    make_corpus(home, 6)
    assert score(home)["coverage"].n_scored == 6
    forms = [line["body"].get("response_format", {}).get("type") for line in server.asked]
    assert forms == ["json_schema"] * 6 + ["json_object"] * 6 + [None] * 6
    score(home, "more", JudgeConfig(kind="openai-batch", model="gpt-4o-mini", endpoint_alias="here", temperature=0.5))
    assert "response_format" not in server.asked[-1]["body"]


def test_samples_are_asked_for_in_one_request(batch_server, point_at, make_corpus, score, read_ledger):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 3)
    config = JudgeConfig(kind="openai-batch", model="gpt-4o-mini", endpoint_alias="here", method="samples", n_samples=4)
    assert score(home, config=config)["coverage"].n_scored == 3
    assert [line["body"]["n"] for line in server.asked] == [4, 4, 4]
    assert {row["n_samples"] for row in read_ledger(home)["attempts"]} == {4}


def test_an_endpoint_without_log_probabilities_is_asked_for_samples(
    batch_server, point_at, make_corpus, score, read_ledger
):
    server = batch_server()
    home = point_at(server)
    make_corpus(home, 3)
    config = JudgeConfig(kind="openai-batch", model="gpt-4o-mini", endpoint_alias="here", method="logprobs")
    assert score(home, config=config)["coverage"].n_scored == 3
    assert read_ledger(home)["classes"] == {"no_logprobs": 3, "": 3}


def test_a_damaged_state_of_a_batch_is_not_passed_over(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(EmpathyError, match="cannot be read"):
        PartStore(tmp_path).list_open()


def test_results_are_only_for_the_batch_judge(point_at, batch_server, judge_config):
    home = point_at(batch_server())
    config = judge_config.model_copy(update={"kind": "openai"})
    with pytest.raises(ConfigError):
        load_judge(config, identify_judge(config, None), home.settings, ScoringConfig(batch_results=("x",)))


def test_closing_the_judge_ends_the_waiting_and_the_next_run_collects(
    batch_server, point_at, make_corpus, score, judge_config, tmp_path
):
    server = batch_server(n_looks=10**6)
    home = point_at(server)
    make_corpus(home, 3)
    identity = identify_judge(judge_config, home.settings.judge_base_url)
    folder = home.settings.journal_dir / identity.judge_id
    judge = BatchJudge(identity, ScoringConfig(), (server.url, "sk-right"), None, tmp_path, limits=QUICK)
    turn = Turn("a" * 64, (Utterance("speaker", "Hello."),), "Oh?")
    with ThreadPoolExecutor(1) as pool, SegmentWriter(folder, "run") as writer:
        waiting = pool.submit(judge.score_chunk, [PlannedTurn(turn)], writer, lambda _: None)
        server.wait_for("look", 2)
        judge.close()
        with pytest.raises(CancelledError):
            waiting.result(10)
    server.batches["batch_0"]["left"], server.n_looks = 0, 1
    assert score(home)["failure"] is None
    assert sorted(Counter(server.turns).values()) == [1, 1, 1, 1]


def test_several_chunks_wait_for_their_batches_at_once(batch_server, point_at, tmp_path, judge_config, home):
    server = batch_server(n_looks=3)
    point_at(server)
    identity = identify_judge(judge_config, server.url)
    judge = BatchJudge(identity, ScoringConfig(), (server.url, "sk-right"), None, tmp_path, limits=QUICK)
    chunks = [[PlannedTurn(Turn(f"{n}{i}" * 32, (Utterance("speaker", f"{n} {i}"),), "Oh?")) for i in range(5)]
              for n in range(4)]  # fmt: skip
    done = []

    def run(number):
        with SegmentWriter(tmp_path / "journal", f"run-{number}") as writer:
            judge.score_chunk(chunks[number], writer, done.append)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    judge.close()
    assert (sum(done), len(server.batches), len(set(server.turns))) == (20, 4, 20)
    assert judge.describe() == {"batches": "4 of 4", "requests": "20 of 20"}
