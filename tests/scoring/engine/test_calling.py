"""One call: whatever the endpoint sends back becomes an attempt, and never an exception."""

import asyncio
import socket

import pytest
from aiohttp import web

from tasks.scoring.engine.calling import CallTimer, call_endpoint, make_client

TEXT, JSON = "text/html", "application/json"
REPLY = '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"model":"m"}'
REQUEST = {"model": "m", "messages": []}


def call(status, content_type, body, key="none", headers=None):
    """Return what comes of one call to a server that always answers the same."""

    async def answer(_):
        return web.Response(status=status, body=body, content_type=content_type, headers=headers)

    async def run():
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            return await call_address(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", key)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def call_address(url, key="none", timeout_s=5.0):
    client = make_client(url, key, timeout_s, 4)
    try:
        return await call_endpoint(client, CallTimer("turn", REQUEST, "point"), REQUEST)
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b"{not json"), (JSON, b""), (TEXT, b"<html>ok</html>"), (JSON, b"null"), (JSON, b"[1]"), (JSON, b"{}"),
        (JSON, b'{"choices":null}'), (JSON, b'{"choices":[]}'), (JSON, b'{"choices":{}}'),
        (JSON, b'{"choices":[{"message":{"content":5}}]}'), (JSON, b"1" * 5000), (JSON, b"[" * 100_000),
        (JSON, b'{"choices":[{"message":{"content":[{"type":"text","text":"x"}]}}]}'), (JSON, b'{"x":"\xff\xfe"}'),
    ],
)  # fmt: skip
def test_a_body_that_is_no_completion_is_a_failure_of_the_server(content_type, body):
    result = call(200, content_type, body)
    assert (result.attempt.error_class, result.attempt.http_status) == ("server", 200)


@pytest.mark.parametrize(
    "body",
    [b'{"choices":[{}]}', b'{"choices":[1]}', b'{"choices":[{"message":null}]}', b'{"choices":[{"message":{}}]}'],
)
def test_a_choice_without_words_is_an_empty_reply(body):
    attempt = call(200, JSON, body).attempt
    assert (attempt.reply, attempt.error_class) == ("", None)


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
    ("status", "error_class"), [(400, "invalid_request"), (401, "auth"), (429, "rate_limit"), (503, "server")]
)
def test_a_refusal_keeps_its_status_its_class_and_its_words(status, error_class):
    body = b'{"error":{"message":"Because.","code":"x","param":"n"}}'
    result = call(status, JSON, body, headers={"Retry-After": "3", "x-ratelimit-limit-requests": "600"})
    assert (result.attempt.error_class, result.attempt.http_status) == (error_class, status)
    assert result.attempt.reply == result.message == "Because. (parameter: n)"
    assert (result.wait_s, result.limits.requests_per_minute) == (3.0, 600.0)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[" * 100_000, b"\xff\xfe"])
def test_a_refusal_that_is_no_json_is_classed_by_its_status(body):
    result = call(502, TEXT, body)
    assert (result.attempt.error_class, result.wait_s) == ("server", None)
    assert len(result.message) <= 2000


def test_a_redirect_is_no_reply():
    result = call(302, TEXT, b"", headers={"Location": "http://127.0.0.1:1/elsewhere"})
    assert result.attempt.error_class is not None


@pytest.mark.parametrize("key", ["sk-proj-abcdef123456", "my-own-secret-token", "Zm9vYmFyYmF6cXV4"])
def test_our_key_is_cut_out_of_what_an_endpoint_echoes(key):
    result = call(401, JSON, f'{{"error":{{"message":"Incorrect API key provided: {key}"}}}}'.encode(), key)
    assert key not in repr(result)
    assert "Incorrect" in result.message


def test_nobody_at_the_address_is_a_failed_connection():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = asyncio.run(call_address(f"http://127.0.0.1:{port}/v1"))
    assert (result.attempt.error_class, result.attempt.http_status) == ("connection", None)


@pytest.mark.parametrize(("says", "error_class"), [(b"", "timeout"), (b"HTTP/1.1 200 OK\r\nConte", "timeout")])
def test_somebody_who_does_not_end_their_answer_is_a_timeout(says, error_class):
    async def run():
        async def hang(reader, writer):
            await reader.read(1)
            writer.write(says)
            await asyncio.sleep(30)

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        try:
            return await call_address(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", timeout_s=0.2)
        finally:
            server.close()

    result = asyncio.run(run())
    assert (result.attempt.error_class, result.attempt.http_status) == (error_class, None)
    assert 0.1 < result.attempt.latency_s < 5


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"])
def test_somebody_who_hangs_up_is_a_failed_connection(says):
    async def run():
        async def hang_up(reader, writer):
            await reader.read(1)
            writer.write(says)
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        try:
            return await call_address(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        finally:
            server.close()

    assert asyncio.run(run()).attempt.error_class == "connection"


def test_a_reply_that_comes_byte_by_byte_is_a_timeout():
    """A server that sends white space for ever would hold its place for ever."""

    async def main():
        async def trickle(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"1\r\n \r\n")
                await asyncio.sleep(0.05)

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        client = make_client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "sk-none", 0.3, 1)
        request = {"model": "m", "messages": []}
        result = await asyncio.wait_for(call_endpoint(client, CallTimer("k", request, "point"), request), 10)
        await client.close()
        server.close()
        return result.attempt

    attempt = asyncio.run(main())
    assert attempt.error_class == "timeout"
    assert attempt.latency_s < 5
