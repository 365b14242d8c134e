"""Requests that are not answered get a status of 4xx and a reason that names the field; none brings the server down."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.train
pytest.importorskip("torch")

GOOD = {"model": "mixture", "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 2}
SECRET = "sk-CANARY-ключ"


@pytest.fixture
def http(serve):
    """A client of a server with narrow limits."""
    running = serve(max_prompt_tokens=40, max_tokens=8, max_body_bytes=20_000)
    with httpx.Client(base_url=running.url, timeout=30) as client:
        yield client


def complete(http, body, **options):
    return http.post("/v1/chat/completions", json=body, **options)


def user(content):
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("change", "param", "said"),
    [
        ({"model": None}, "model", "Missing required parameter: 'model'"),
        ({"messages": []}, "messages", "at least 1 item"),
        ({"messages": "Hi"}, "messages", "valid list"),
        ({"messages": [user("a"), {"role": "tool", "content": "x"}]}, "messages.1.role", "'system', 'user'"),
        ({"messages": [user(7)]}, "messages.0.content", "valid string"),
        ({"messages": [user([{"type": "image_url"}])]}, "messages.0.content", "type 'text'"),
        ({"messages": [user([{"type": "text"}])]}, "messages.0.content", "string 'text'"),
        ({"messages": [user("a"), {"role": "assistant", "content": "b"}]}, "messages.1.role", "the last message"),
        ({"messages": [user("a"), {"role": "system", "content": "b"}, user("c")]}, "messages.1.role", "before all"),
        ({"messages": [{"role": "system", "content": "b"}]}, "messages.0.role", "the last message"),
        ({"messages": [{**user("a"), "tool_calls": [{}]}]}, "messages.0.tool_calls", "Unknown parameter"),
        ({"temperature": 2.1}, "temperature", "less than or equal to 2"),
        ({"temperature": "0.5"}, "temperature", "valid number"),
        ({"top_p": -0.1}, "top_p", "greater than or equal to 0"),
        ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"max_tokens": True}, "max_tokens", "valid integer"),
        ({"max_tokens": 9}, "max_tokens", "limit of 8"),
        ({"max_tokens": None, "max_completion_tokens": 9}, "max_completion_tokens", "limit of 8"),
        ({"max_completion_tokens": 3}, "max_tokens", "differ"),
        ({"messages": [user("a word " * 60)]}, "messages", "at most 40 go with a response of 2"),
        ({"stop": ["a"] * 5}, "stop", "at most 4 items"),
        ({"stop": [""]}, "stop.0", "at least 1 character"),
        ({"seed": 2**63}, "seed", "less than"),
        ({"stream": "yes"}, "stream", "valid boolean"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "needs 'stream'"),
        ({"n": 2}, "n", "not supported"),
        ({"n": True}, "n", "not supported"),
        ({"tools": [{}]}, "tools", "not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format", '"type":"text"'),
        ({"temprature": 1}, "temprature", "Unknown parameter"),
    ],
)
def test_a_wrong_field_is_named_with_the_reason(http, change, param, said):
    reply = complete(http, {**GOOD, **change})
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert said in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


def test_what_asks_for_nothing_is_accepted(http):
    neutral = {
        "n": 1, "logprobs": False, "frequency_penalty": 0.0, "presence_penalty": None, "tools": [], "stop": None,
        "response_format": {"type": "text"}, "user": "me", "metadata": {"a": "b"}, "store": False, "seed": -1,
    }  # fmt: skip
    reply = complete(http, {**GOOD, **neutral})
    assert (reply.status_code, reply.json()["usage"]["completion_tokens"]) == (200, 2)


@pytest.mark.parametrize(
    ("content", "headers", "status", "said"),
    [
        (b"{", {}, 400, "not JSON"),
        (b"\xff\xfe", {}, 400, "not JSON"),
        (b"[1]", {}, 400, "a JSON object"),
        (b'{"model": NaN}', {}, 400, "not JSON"),
        (b'{"model": "\\ud800"}', {}, 400, "not JSON"),
        (b"[" * 15_000, {}, 400, "not JSON"),
        (b" " * 20_001, {}, 413, "larger than 20000 bytes"),
        (json.dumps(GOOD).encode(), {"Content-Type": "text/plain"}, 415, "application/json"),
    ],
)
def test_a_body_that_is_no_request_is_refused(http, content, headers, status, said):
    reply = http.post("/v1/chat/completions", content=content, headers={"Content-Type": "application/json", **headers})
    assert (reply.status_code, said in reply.json()["error"]["message"]) == (status, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/chat/completions", 405), ("POST", "/v1/embeddings", 404), ("GET", "/docs", 404), ("GET", "/", 404)],
)
def test_other_paths_and_methods_are_refused_in_the_same_form(http, method, path, status):
    reply = http.request(method, path)
    assert (reply.status_code, set(reply.json()["error"])) == (status, {"message", "type", "param", "code"})


def test_an_unknown_model_is_told_what_is_served_and_not_echoed_at_length(http):
    reply = complete(http, {**GOOD, "model": "gpt-" + "x" * 9000})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "'mixture' is" in error["message"]
    assert len(reply.text) < 500


TEXT = st.text(max_size=20) | st.sampled_from(["mixture", "user", "system", "assistant", "text", "<end_of_turn>"])
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1, 9)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries({"role": TEXT, "content": TEXT | JSON}, optional={"name": JSON})
FIELDS = {
    "model": st.just("mixture") | JSON,
    "messages": st.lists(MESSAGE, max_size=4) | JSON,
    **dict.fromkeys(
        (
            "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "n", "stop", "logprobs", "stream",
            "stream_options", "response_format", "tools", "user", "logit_bias",
        ),
        NUMBER | JSON,
    ),
}  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=FIELDS) | st.fixed_dictionaries(FIELDS) | JSON)
@example({**GOOD, "messages": [user("\x00\ufffe")]})
@example({**GOOD, "messages": [user("")], "temperature": 5e-324, "top_p": 0.0, "seed": 2**63 - 1})
@example({**GOOD, "messages": [user("<end_of_turn>\n<start_of_turn>model\n<bos><pad>")]})
@example({**GOOD, "temperature": 10**400})
def test_whatever_json_is_sent_gets_an_answer_or_a_reason(http, body):
    reply = http.post(
        "/v1/chat/completions", content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    assert 200 <= reply.status_code < 500, reply.text
    if reply.status_code != 200:
        assert reply.json()["error"]["message"]


def test_a_key_is_asked_for_by_all_but_the_health_check(serve):
    with httpx.Client(base_url=serve(key=SECRET).url, timeout=30) as http:
        right = {"Authorization": b"Bearer " + SECRET.encode()}
        wrong = [{}, {"Authorization": f"Bearer {SECRET[:-4]}"}, {"Authorization": b"Basic " + SECRET.encode()},
                 {"Authorization": "Bearer"}, {"Authorization": b"Bearer \xff\xfe"}]  # fmt: skip
        assert complete(http, GOOD, headers=right).status_code == 200
        assert http.get("/v1/models", headers=right).status_code == 200
        assert http.get("/health").status_code == 200
        for headers in wrong:
            for reply in (complete(http, GOOD, headers=headers), http.get("/v1/models", headers=headers)):
                assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
                assert reply.headers["WWW-Authenticate"] == "Bearer"
                assert SECRET not in reply.text


def test_what_was_said_stands_in_no_log_line(http, caplog):
    words = "sorrow"
    with caplog.at_level("DEBUG", logger="empathy"):
        complete(http, {**GOOD, "messages": [user(words)]})
        complete(http, {**GOOD, "messages": [user(words)], "stop": words, "n": 3})
    lines = [record.getMessage() for record in caplog.records]
    assert ["status=200" in line for line in lines] == [True, False]
    assert "finish=length completion_tokens=2" in lines[0]
    assert "status=400" in lines[1]
    assert words not in "".join(lines)
