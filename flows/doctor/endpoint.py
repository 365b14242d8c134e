"""The judge's endpoint: is there anybody at its address, and is a key set? No call is paid for, no key is sent."""

from __future__ import annotations

from collections.abc import Iterator

from flows.doctor.finding import Finding
from flows.doctor.http import ask, hide_secrets
from tasks.settings import Settings

DEFAULT_URL = "https://api.openai.com/v1"


def check_judge(settings: Settings) -> Iterator[Finding]:
    """Ask the judge's endpoint for its models without a key: any answer but a server's failure will do."""
    has_key = settings.judge_api_key is not None
    if not has_key and not settings.judge_base_url:
        said = "no endpoint and no key are set; the judge 'distilled' needs neither"
        yield Finding("judge", "ok", said)
        return
    url = settings.judge_base_url or DEFAULT_URL
    named = hide_secrets(url)
    answer = ask(f"{url.rstrip('/')}/models")
    if answer.status is None:
        do = "see EMPATHY_JUDGE_BASE_URL and the network; scoring goes on where it stopped when it is back"
        yield Finding("judge", "problem", f"{named} cannot be reached: {answer.error}", do)
    elif answer.status >= 500:
        yield Finding("judge", "warning", f"{named} answers with HTTP {answer.status}", "try again later")
    elif answer.status == 404:
        do = "see EMPATHY_JUDGE_BASE_URL: the addresses of most endpoints end in /v1"
        yield Finding("judge", "warning", f"{named} has no list of models (HTTP 404)", do)
    else:
        yield Finding("judge", "ok", f"{named} answers (HTTP {answer.status}, asked without a key)")
    if has_key:
        yield Finding("judge", "ok", "a key is set")
    else:
        do = "set EMPATHY_JUDGE_API_KEY or OPENAI_API_KEY; to any word if the endpoint asks for none"
        yield Finding("judge", "warning", "no key is set", do)
