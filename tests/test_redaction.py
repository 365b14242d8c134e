"""What leaves the machine holds no key: what looks like one, and what is known to be one, is struck out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.redaction import STRUCK, list_secrets, redact
from tasks.settings import Settings


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Incorrect API key provided: sk-proj-CANARY0123456789", "CANARY"),
        ("Incorrect API key provided: sk-CANAR***********6789", "CANAR"),
        ("Authorization: Bearer CANARY0123456789", "CANARY"),
        ("https://me:CANARY%40x@example.org/v1 refused", "CANARY"),
        ("s3://CANARYID:CANARYKEY@bucket/x", "CANARY"),
        ("GET https://example.org/v1?api_key=CANARY1&x=2", "CANARY"),
        ("GET https://example.org/v1?key=CANARY1", "CANARY"),
        ("GET https://s3.example.org/x?X-Amz-Signature=CANARY1", "CANARY"),
        ("{'token': 'CANARY12'}", "CANARY"),
        ("hf_token=CANARY12 is wrong", "CANARY"),
        ("password: CANARY12", "CANARY"),
        ("AKIACANARY0123456789 is not known", "AKIA"),
        ("token is eyJhbGciOiJIUzI1.CANARY.CANARY", "CANARY"),
        ("https://hooks.slack.com/services/T0/B0/CANARY", "CANARY"),
    ],
)
def test_what_looks_like_a_key_is_struck(text: str, secret: str) -> None:
    said = redact(text)
    assert secret not in said
    assert STRUCK in said


@pytest.mark.parametrize(
    "text",
    [
        "The endpoint refuses: 401 Unauthorized. where: https://example.org/v1/chat?model=x",
        "select paper S>5 R<5 max_tokens: 512 tokens=3 turn_key abc",
        "ingest sample; ask-me-anything; risk-averse; task_budget",
        "mail me@example.org about the run",
    ],
)
def test_what_is_no_key_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(min_size=6, alphabet=st.characters(codec="utf-8")), st.text(max_size=30), st.text(max_size=30))
def test_a_known_secret_stands_nowhere(secret: str, before: str, after: str) -> None:
    said = redact(before + secret + after, [secret])
    assert secret not in said or secret in STRUCK or secret in redact(before + STRUCK + after)


def test_secrets_are_those_of_the_settings_and_of_variables_that_are_named_like_one() -> None:
    settings = Settings(webhook_url="http://a/b", serve_api_key="CANARY1")  # type: ignore[arg-type]
    found = list_secrets(settings, {"AWS_SECRET_ACCESS_KEY": "CANARY2", "MY_TOKEN": "CANARY3", "HOME": "/root"})
    assert {"http://a/b", "CANARY1", "CANARY2", "CANARY3"} <= set(found)
    assert "/root" not in found
