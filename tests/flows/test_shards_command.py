"""`empathy score --shards` where it cannot work: said in one message, before anything is paid."""

from __future__ import annotations


def test_without_their_deployment_shards_are_refused_with_what_to_do(empathy):
    empathy("ingest", "sample")
    done = empathy("score", "--shards", "2", check=False)
    assert done.returncode == 2
    assert "score-shard/worker" in done.stderr
    assert "empathy deploy" in done.stderr


def test_judges_that_cannot_be_divided_and_wrong_numbers_are_refused(empathy):
    empathy("ingest", "sample")
    for options, said in (
        (("--judge", "openai-batch", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--shards", "2"), "shards"),
        (("--judge", "active", "--llm", "openai", "--shards", "2"), "shards"),
        (("--shards", "65"), "64"),
    ):
        done = empathy("score", *options, check=False)
        assert done.returncode == 2, options
        assert said in done.stderr
        assert "Traceback" not in done.stderr
