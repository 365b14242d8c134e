"""Files on other hosts, through fsspec, with the patience that an object store needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec import AbstractFileSystem

PATIENT, QUICK = 12, 4
"""Tries of one request to S3, with up to 20 s between two. The first outlasts a store that refuses everybody for half
a minute; the second is for who asks again anyway."""


def open_url(url: str, tries: int = PATIENT) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a URL or of a local path, and the path in it.

    `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE` decide how often a request to S3 is tried, where they are set.
    """
    options: dict[str, Any] = {}
    if url.startswith("s3://"):
        retries = {
            "max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS", tries)),
            "mode": os.environ.get("AWS_RETRY_MODE", "standard"),
        }
        options["config_kwargs"] = {"retries": retries}
    # no cache of listings: other hosts write to the same store
    return fsspec.core.url_to_fs(url, use_listings_cache=False, **options)


@contextmanager
def reach(url: str) -> Iterator[None]:
    """Raise what a client of an object store raises as the OSError that it is for everybody else."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except BotoCoreError as error:
        raise OSError(f"{url}: {error}") from error
