"""Waiting for tasks in short steps: a wait in one go would let no interrupt through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect.futures import PrefectFuture, wait

LOOK_EVERY_S = 1.0


def wait_for(futures: Sequence[PrefectFuture[Any]]) -> None:
    """Return when all have ended, well or not."""
    while wait(list(futures), timeout=LOOK_EVERY_S).not_done:
        pass


def take_result(future: PrefectFuture[Any]) -> Any:
    """Return what a task returns, or raise what it raises."""
    wait_for([future])
    return future.result()
