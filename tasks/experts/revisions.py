"""Which commit of a model hub a branch or a tag stands for: what `main` is tomorrow is another base."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.progress import report_notice

COMMIT = re.compile(r"[0-9a-f]{40}")
TIMEOUT_S = 10.0


def resolve_revision(name: str, revision: str, token: str | None = None, endpoint: str | None = None) -> str:
    """Return the commit of a hub model's revision, as the hub says; where it says nothing, as its cache here holds it.

    The revision itself comes back, and that is said, where neither knows it. `endpoint` is another hub than the one
    that the environment names.
    """
    if COMMIT.fullmatch(revision):
        return revision
    found = _ask_hub(name, revision, token, endpoint) or _look_in_cache(name, revision)
    if not found:
        report_notice(f"The commit of {name}@{revision} cannot be found out: trust its revision to stay as it is.")
    return found or revision


def _ask_hub(name: str, revision: str, token: str | None, endpoint: str | None) -> str:
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return HfApi(endpoint, token).model_info(name, revision=revision, timeout=TIMEOUT_S).sha or ""
    except (HfHubHTTPError, HTTPError, OSError):  # not there, not for us, not online: loading the model will say it
        return ""


def _look_in_cache(name: str, revision: str) -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    reference = Path(HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "refs" / revision
    try:
        return reference.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
