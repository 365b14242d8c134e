"""One call: whatever the endpoint sends back becomes an attempt, and never an exception."""

import asyncio
import time
from email.utils import formatdate

import pytest
from aiohttp import web

from tasks.scoring.engine.calling import call_endpoint, make_client, mentions_schema, read_retry_after, scrub

TEXT, JSON = "text/html", "application/json"
REPLY = '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"model":"m"}'


def call(status, content_type, body, key="none"):
    """Return what comes of one call to a server that always answers the same."""

    async def answer(_):
        return web.Response(status=status, body=body, content_type=content_type)

    async def run():
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = make_client(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", key)
        try:
            return await call_endpoint(client, "turn", {"model": "m", "messages": []}, is_structured=True)
        finally:
            await client.close()
            await runner.cleanup()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b"{not json"), (JSON, b""), (TEXT, b"<html>ok</html>"), (JSON, b"null"), (JSON, b"[1]"), (JSON, b"{}"),
        (JSON, b'{"choices":null}'), (JSON, b'{"choices":[]}'), (JSON, b'{"choices":[{}]}'), (JSON, b'{"choices":[1]}'),
        (JSON, b'{"choices":[{"message":null}]}'), (JSON, b'{"choices":[{"message":{"content":5}}]}'),
        (JSON, b'{"choices":[{"message":{"content":[{"type":"text","text":"x"}]}}]}'), (JSON, b'{"x":"\xff\xfe"}'),
    ],
)  # fmt: skip
def test_a_body_that_is_no_completion_is_a_failure_of_the_server(content_type, body):
    result = call(200, content_type, body)
    assert (result.attempt.error_class, result.attempt.http_status) == ("server", 200)


def test_odd_figures_beside_a_good_reply_do_not_spoil_it():
    usage = b'"usage":{"prompt_tokens":"many","completion_tokens":1.5,"prompt_tokens_details":7}'
    attempt = call(200, JSON, REPLY.encode()[:-1] + b',"system_fingerprint":3,' + usage + b"}").attempt
    assert (attempt.reply, attempt.error_class, attempt.model) == ("x", None, "m")
    assert (attempt.tokens_in, attempt.tokens_out, attempt.tokens_cached) == (None, None, None)
    assert attempt.system_fingerprint is None


@pytest.mark.parametrize(
    ("finish_reason", "extra", "error_class"),
    [
        ("length", "", "truncated"),
        ("content_filter", "", "refusal"),
        ("stop", ',"refusal":"no"', "refusal"),
        ("stop", "", None),
    ],
)
def test_how_a_reply_ended_tells_whether_it_counts(finish_reason, extra, error_class):
    body = f'{{"choices":[{{"message":{{"content":"x"{extra}}},"finish_reason":"{finish_reason}"}}],"model":"m"}}'
    attempt = call(200, JSON, body.encode()).attempt
    assert (attempt.error_class, attempt.finish_reason, attempt.reply) == (error_class, finish_reason, "x")


@pytest.mark.parametrize(
    ("status", "code", "error_class"),
    [
        (400, "x", "invalid_request"), (401, "x", "auth"), (402, "x", "quota"), (403, "x", "auth"),
        (404, "x", "invalid_request"), (408, "x", "server"), (409, "x", "server"), (422, "x", "invalid_request"),
        (429, "rate_limit_exceeded", "rate_limit"), (429, "insufficient_quota", "quota"),
        (429, "billing_hard_limit_reached", "quota"), (500, "x", "server"), (503, "x", "server"), (529, "x", "server"),
    ],
)  # fmt: skip
def test_every_status_has_its_class(status, code, error_class):
    body = f'{{"error":{{"message":"Because.","code":"{code}"}}}}'.encode()
    result = call(status, JSON, body)
    assert (result.attempt.error_class, result.attempt.http_status) == (error_class, status)
    assert "Because." in result.attempt.reply
    assert not result.refused_schema


def test_a_refusal_that_is_no_json_is_classed_by_its_status():
    assert call(502, TEXT, b"<html>Bad gateway</html>").attempt.error_class == "server"


def test_a_refused_schema_is_told_from_a_bad_request():
    assert call(400, JSON, b'{"error":{"message":"response_format json_schema is not supported"}}').refused_schema
    assert mentions_schema("Structured output is not available")
    assert not mentions_schema("max_tokens is too large")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None), ({"retry-after": "2"}, 2.0), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5), ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e9"}, None), ({"retry-after": "soon"}, None), ({"retry-after": ""}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0), ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
    ],
)  # fmt: skip
def test_how_long_to_wait_is_read_from_the_headers(headers, expected):
    assert read_retry_after(headers) == expected


def test_a_date_to_wait_for_is_read_too():
    wait = read_retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert 58 < wait <= 60


@pytest.mark.parametrize("key", ["sk-proj-abcdef123456", "my-own-secret-token", "Zm9vYmFyYmF6cXV4"])
def test_our_key_is_cut_out_of_what_an_endpoint_echoes(key):
    assert key not in scrub(f"Incorrect API key provided: {key}. See the docs.", key)
    result = call(401, JSON, f'{{"error":{{"message":"Incorrect API key provided: {key}"}}}}'.encode(), key)
    assert key not in repr(result)


def test_what_looks_like_a_key_is_cut_out_whosever_it_is():
    assert scrub("sk-proj-abcdef123456 and hf_abcdefghij but task-list", "none") == "[key] and [key] but task-list"
