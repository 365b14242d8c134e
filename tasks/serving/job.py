"""One response that is asked for: what it starts from, how it is chosen, what has come so far, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tasks.serving.api_error import ApiError
from tasks.serving.response_text import ResponseText

if TYPE_CHECKING:
    from torch import Generator

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Options:
    """How a response is chosen; temperature 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    is_streamed: bool = False


@dataclass(frozen=True)
class Piece:
    """New text of a response that goes on."""

    text: str


@dataclass(frozen=True)
class Finish:
    """The rest of a response's text and how it ended."""

    text: str
    reason: FinishReason
    n_tokens: int
    """Tokens generated, the one that ended the response included."""


Event = Piece | Finish | ApiError


class Job:
    """A response in the making. Whoever asked may set `is_cancelled` from any thread; all else is the engine's."""

    def __init__(
        self, prompt: list[int], options: Options, decode: Callable[[list[int]], str], deliver: Callable[[Event], None]
    ) -> None:
        self.prompt, self.options, self.deliver = prompt, options, deliver
        self.text = ResponseText(decode, options.stop)
        self.tokens: list[int] = []
        self.generator: Generator | None = None
        """What a sampled response is drawn with; its own, so that a seed means the same in any batch."""
        self.is_cancelled = False
        self.is_ended = False
        self.submitted_at = time.monotonic()

    def take(self, token: int, end_ids: Collection[int]) -> Finish | None:
        """Add a token, deliver text that may be shown, and return how the response ended if it did."""
        self.tokens.append(token)
        is_end = token in end_ids
        is_last = is_end or len(self.tokens) == self.options.max_tokens
        if not (is_last or self.options.stop or self.options.is_streamed):
            return None  # nobody looks at the text before its end
        new, is_stopped = self.text.read(self.tokens[: len(self.tokens) - is_end], is_last=is_last)
        if is_last or is_stopped:
            return Finish(new, "stop" if is_end or is_stopped else "length", len(self.tokens))
        if new:
            self.deliver(Piece(new))
        return None
