"""An endpoint that does not know all of the API is asked in the way it knows: found out once, told once, remembered."""

import pytest

from tasks.errors import EndpointError
from tests.scoring.looking import ask_tables, count_attempts, read_scores


def list_forms(server):
    return [call.form for call in server.calls]


@pytest.mark.parametrize(
    ("lacks", "forms"), [(("schema",), ["schema", "json"]), (("schema", "json"), ["schema", "json", "plain"])]
)
def test_an_endpoint_without_json_schema_is_found_out_once_and_gets_the_next_best_form(
    fault_server, point_at, run, notices, lacks, forms
):
    server = fault_server(lacks=lacks)
    home = point_at(server)
    assert run(home, 30, max_concurrency=1, chunk_size=10).coverage.n_scored == 30
    assert list_forms(server) == forms + forms[-1:] * 29
    assert count_attempts(home) == {"": 30, "invalid_request": len(lacks)}
    assert read_scores(home) == {turn: server.scores_of(turn) for turn in server.faults_of_turn}
    assert [text for text in notices() if "asked in another way" in text] == [
        f"{home.settings.judge_base_url[7:-3]} is asked in another way: {what}."
        for what in ("JSON mode, no schema", "no JSON mode")[: len(lacks)]
    ]


def test_the_next_run_remembers_and_is_told_nothing(fault_server, point_at, run, notices):
    server = fault_server(lacks=("schema", "json", "max_tokens", "temperature"))
    home = point_at(server)
    assert run(home, 4, max_concurrency=1).coverage.n_scored == 4
    (memory,) = (home.settings.cache_dir / "endpoints").iterdir()
    assert "judge-2026" in memory.name
    n_calls, n_told = len(server.calls), len([text for text in notices() if "another way" in text])
    assert (n_calls, n_told) == (4 + 4, 4)
    assert run(home, 9, "next").coverage.n_scored == 9
    assert len(server.calls) == n_calls + 5
    assert len([text for text in notices() if "another way" in text]) == n_told
    assert {call.fault for call in server.calls[n_calls:]} == {""}


def test_what_one_endpoint_lacks_is_not_thought_of_another(fault_server, point_at, run):
    run(point_at(fault_server(lacks=("schema",))), 2)
    other = fault_server()
    run(point_at(other), 2)
    assert list_forms(other) == ["schema"] * 2


def test_finding_out_costs_at_most_the_calls_in_flight(fault_server, point_at, run, notices):
    server = fault_server(lacks=("schema", "json"), delay_s=0.02)
    home = point_at(server)
    assert run(home, 60, max_concurrency=8).coverage.n_scored == 60
    assert 1 <= list_forms(server).count("schema") <= 8
    assert 1 <= list_forms(server).count("json") <= 8
    assert sum(count_attempts(home).values()) == len(server.calls)
    assert len([text for text in notices() if "another way" in text]) == 2


@pytest.mark.parametrize("lacks", ["max_tokens", "temperature"])
def test_a_parameter_that_is_not_known_is_left_out_or_named_otherwise(fault_server, point_at, run, lacks):
    server = fault_server(lacks=(lacks,))
    home = point_at(server)
    assert run(home, 5, max_concurrency=1).coverage.n_scored == 5
    assert [call.fault for call in server.calls] == [lacks] + [""] * 5
    has_limit = [call.body.get("max_tokens") or call.body.get("max_completion_tokens") for call in server.calls]
    assert None not in has_limit
    assert lacks not in server.calls[-1].body


def test_a_server_that_breaks_on_a_schema_is_asked_without(fault_server, point_at, run):
    """Some answer 500 to a `response_format` that they do not know."""
    server = fault_server(lacks=("schema",), unknown_status=500)
    home = point_at(server)
    assert run(home, 3, max_concurrency=1).coverage.n_scored == 3
    assert list_forms(server) == ["schema", "json", "json", "json"]


def test_a_bad_request_that_is_not_about_the_dialect_stops_the_run(fault_server, point_at, run):
    server = fault_server(rates={"unknown_model": 1.0})
    with pytest.raises(EndpointError, match="does not exist"):
        run(point_at(server), 20, max_concurrency=4)
    assert len(server.calls) <= 4
    assert not (point_at(server).settings.cache_dir / "endpoints").exists()


@pytest.mark.parametrize(
    ("lacks", "form"), [((), "schema"), (("schema",), "json"), (("schema", "json"), "plain")]
)  # fmt: skip
def test_evidence_is_asked_for_and_kept_in_every_form(fault_server, point_at, run, lacks, form):
    server = fault_server(lacks=lacks)
    home = point_at(server)
    assert run(home, 3, judge={"rubric": "anchored"}, max_concurrency=1).coverage.n_scored == 3
    assert server.calls[-1].form == form
    replies = [reply for (reply,) in ask_tables(home, "SELECT reply FROM attempts WHERE error_class IS NULL")]
    assert all("sensibility_evidence" in reply and "They say so." in reply for reply in replies)
    assert read_scores(home) == {turn: server.scores_of(turn) for turn in server.faults_of_turn}
