"""What an endpoint does not know is left out after the first refusal of it, in whatever words, and remembered."""

import json
import time
from dataclasses import replace

import pytest

from tasks.scoring.engine.dialect import FORGET_S, Dialect, adapt_dialect, load_dialect, remember_dialect

SCHEMA = {"response_format": {"type": "json_schema"}}
JSON = {"response_format": {"type": "json_object"}}
PLAIN = {"messages": [], "max_tokens": 64, "temperature": 0.0}


@pytest.mark.parametrize(
    ("message", "request_has", "change"),
    [
        ("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", SCHEMA,
         {"form": "json"}),
        ("Response_format value as json_schema is enabled only for api versions 2024-08-01-preview", SCHEMA,
         {"form": "json"}),
        ("invalid value: `json_schema`, supported values are: `json_object` and `text`", SCHEMA, {"form": "json"}),
        ("Failed to convert the grammar from JSON schema to GBNF", SCHEMA, {"form": "json"}),
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
         SCHEMA, {"token_field": "max_completion_tokens"}),
        ("Unsupported value: 'temperature' does not support 0.0 with this model.", SCHEMA, {"has_temperature": False}),
        ("You are not allowed to request logprobs from this model", SCHEMA | {"logprobs": True},
         {"has_logprobs": False}),
        ("Logprobs is not enabled for models/some-model", {"logprobs": True}, {"has_logprobs": False}),
        ("property 'top_logprobs' is unsupported (parameter: top_logprobs)", {"logprobs": True},
         {"has_logprobs": False}),
        ("'n' : number must be at most 1 (parameter: n)", {"n": 5}, {"has_n": False}),
        ("Only one completion choice is allowed", SCHEMA | {"n": 5}, {"has_n": False}),
        ("n must equal 1 (multi-choice is not supported)", {"n": 5}, {"has_n": False}),
        ("Reasoning model does not support n > 1, logit_bias, logprobs, top_logprobs", {"n": 5}, {"has_n": False}),
        ("Multiple candidates is not enabled for this model", {"n": 5}, {"has_n": False}),
    ],
)  # fmt: skip
def test_what_is_refused_in_the_words_of_many_endpoints_is_left_out(message, request_has, change):
    adapted, says = adapt_dialect(Dialect(), message, PLAIN | request_has)
    assert adapted == replace(Dialect(), **change)
    assert says


@pytest.mark.parametrize(
    ("message", "request_has"),
    [
        ("The model does not exist.", SCHEMA),
        ("Invalid JSON body.", {}),
        ("", SCHEMA | {"n": 5, "logprobs": True}),
        ("'response_format' is not supported", {}),
        ("logprobs are not supported", SCHEMA),
        ("you must provide a model parameter in this version", {"n": 5}),
        ("This model's maximum context length is 4097 tokens, and you requested 5000 (max_tokens).", {}),
    ],
)
def test_a_refusal_of_what_the_request_did_not_hold_is_about_us(message, request_has):
    assert adapt_dialect(Dialect(), message, PLAIN | request_has) is None


def test_adapting_ends_whatever_is_said():
    """An endpoint that refuses everything for every reason in turn is found to refuse us."""
    everything = "response_format max_completion_tokens max_tokens temperature logprobs n schema"
    dialect, n_steps = Dialect(), 0
    while True:
        request = {dialect.token_field: 1}
        if dialect.form != "plain":
            request["response_format"] = {}
        request |= {"temperature": 0} if dialect.has_temperature else {}
        request |= {"logprobs": True} if dialect.has_logprobs else {}
        request |= {"n": 5} if dialect.has_n else {}
        adapted = adapt_dialect(dialect, everything, request)
        if adapted is None:
            break
        dialect, n_steps = adapted[0], n_steps + 1
        assert n_steps < 10
    assert dialect.form == "plain"


def test_a_dialect_is_remembered_for_a_month(tmp_path):
    memory, known = tmp_path / "deep" / "endpoint.json", Dialect(form="plain", has_n=False)
    remember_dialect(memory, known)
    assert load_dialect(memory) == known
    remembered = json.loads(memory.read_text())
    memory.write_text(json.dumps(remembered | {"found_at": time.time() - FORGET_S - 1}))
    assert load_dialect(memory) == Dialect()


@pytest.mark.parametrize(
    "content",
    ["", "null", "[]", "{}", "{", '{"form": "json"}', '{"found_at": "x"}', '"x"', "\x00",
     '{"form": "yaml", "token_field": "max_tokens", "has_temperature": true, "has_logprobs": true, "has_n": true}'],
)  # fmt: skip
def test_a_damaged_memory_is_no_memory(tmp_path, content):
    memory = tmp_path / "endpoint.json"
    if content.startswith('{"form": "yaml"'):
        content = json.dumps(json.loads(content) | {"found_at": time.time()})
    memory.write_text(content)
    assert load_dialect(memory) == Dialect()


def test_a_memory_that_cannot_be_written_costs_no_run(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    remember_dialect(tmp_path / "file" / "endpoint.json", Dialect())
    assert "cannot be remembered" in caplog.text
