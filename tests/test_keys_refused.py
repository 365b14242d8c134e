"""Keys where none belong: refused before anything is stored, told without being shown, with few false alarms."""

import json
import re

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from tasks.bounded import HIDDEN, KEY, Name, Place, check_place, hide_keys
from tasks.config import ExperimentConfig, JudgeConfig, describe_errors
from tasks.dialogues import check_url
from tasks.errors import UsageError
from tasks.settings import Settings

KEYS = [
    "sk-CANARY0123456789abcdef", "sk-proj-CANARY0123456789abcdef_abc-DEF", "sk-ant-api03-CANARY0123456789abcdef",
    "sk-or-v1-0123456789canaryabcdef",
    "rk_live_CANARY0123456789abcdef", "ghp_CANARY0123456789abcdefghij",
    "github_pat_CANARY0123456789abcd", "gsk_CANARY0123456789abcdefghij",
    "hf_CANARYabcdefghijklmnopqrstuvwxyzab",
    "glpat-CANARY0123456789abcd", "xoxb-CANARY0123456789-abcdefg",
    "AIzaCANARY0123456789abcdefghijklmnopqr",
    "AKIACANARY0123456789", "Bearer CANARY0123456789", "eyJhbGciOiJIUzI1NiJ9.CANARY.signature",
]  # fmt: skip
ADDRESSES = [
    "https://me:CANARY@example.org/d.csv", "https://CANARY@example.org/d.csv", "s3://CANARYID:CANARYKEY@bucket/d.csv",
    "https://example.org/d.csv?token=CANARY", "https://example.org/d.csv?a=1&access_token=CANARY",
    "https://b.s3.amazonaws.com/d.csv?X-Amz-Signature=CANARY", "https://example.org/d.csv?sig=CANARY",
    "https://example.org/d.csv?api_key=CANARY",
]  # fmt: skip
HARMLESS = [
    "gpt-4o-mini", "meta-llama/Meta-Llama-3-8B-Instruct", "/data/sk-experiments/train.csv", "s3://bucket/deep/d.parquet",
    "https://example.org/d.csv?version=3", "https://example.org/tokenizer/key.csv", "task-2024-08-dialogues.jsonl",
    "ft:gpt-4o-mini-2024-07-18:acme::AbCdEf12", "b424fb03bc0f14db", "97bf8db47cb3cc43b73bc5cb1ce33087", "sample",
    "google/gemma-3-270m", "risk-averse-2026", "a@b.csv", "/home/me@work/d.csv", "hf_models/x", "the bearer of news",
    "sk-learn-1.9.1", "accounts/fireworks/models/llama-v3p1-8b-instruct", "empathetic-dialogues",
    "desk-2026-conversations", "hf_empathetic_dialogues", "hf_llama_3_8b_instruct", "sk-conversations-2024.jsonl",
    "en-sk-translations-2024", "kk-conversations-2024", "sk-learn-classifier2024", "pk-experiment20240101",
    "Standard bearer documents", "ghp_notes_of_the_group",
]  # fmt: skip


@pytest.mark.parametrize("kind", [Name, Place])
@pytest.mark.parametrize("text", [*KEYS, *ADDRESSES])
def test_what_looks_like_a_key_is_refused_by_the_type_and_by_the_schema(kind, text):
    with pytest.raises(ValidationError, match="belong into the environment") as caught:
        TypeAdapter(kind).validate_python(text)
    assert "CANARY" not in describe_errors(caught.value)
    assert not Draft202012Validator(TypeAdapter(kind).json_schema()).is_valid(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_names_and_places_of_every_day_pass(text):
    assert TypeAdapter(Place).validate_python(text) == text
    assert Draft202012Validator(TypeAdapter(Place).json_schema()).is_valid(text)
    assert hide_keys(text) == text
    assert check_place(text, "SOURCE") == text


@pytest.mark.parametrize("text", [*KEYS, *ADDRESSES])
def test_the_command_line_refuses_it_without_repeating_it(text):
    with pytest.raises(UsageError, match="looks like a key") as caught:
        check_place(text, "--base-url")
    assert "CANARY" not in str(caught.value)
    assert "OPENAI_API_KEY" in caught.value.do
    assert "CANARY" not in hide_keys(f"it was {text!r}")


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_key_is_no_source(address):
    with pytest.raises(UsageError, match="looks like a key"):
        check_url(address)


def test_a_key_in_a_config_is_refused_by_its_field():
    with pytest.raises(ValidationError) as caught:
        ExperimentConfig(judge={"model": KEYS[0]})
    said = describe_errors(caught.value)
    assert "judge.model" in said
    assert "CANARY" not in said
    with pytest.raises(ValidationError):
        JudgeConfig(endpoint_alias=KEYS[1])


def test_an_artifact_store_with_a_key_in_its_address_is_refused_without_showing_it(monkeypatch):
    monkeypatch.setenv("EMPATHY_ARTIFACTS", "s3://CANARYID:CANARYKEY@bucket/x")
    with pytest.raises(ValidationError, match="artifacts") as caught:
        Settings()
    assert "CANARY" not in str(caught.value)
    assert "CANARY" not in describe_errors(caught.value)


def test_the_pattern_means_the_same_in_a_browser():
    """No flags, look-behinds or names of groups, which JavaScript writes in another way."""
    assert re.search(r"\(\?[^:=]", KEY) is None
    assert json.loads(json.dumps(f"{HIDDEN}|{KEY}")).isascii()
