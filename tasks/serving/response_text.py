"""The text of a response while its tokens come: what may be shown already, and where a stop text ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

INCOMPLETE = "\ufffd"
"""What a tokenizer shows for the first bytes of a character whose others are still to come."""


class ResponseText:
    """Pieces that together are the response without outer white space, whether it is read once or token by token."""

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self.decode, self.stop = decode, stop
        self.n_shown = 0

    def read(self, tokens: list[int], *, is_last: bool) -> tuple[str, bool]:
        """Return what is new since the last call and safe to show, and whether a stop text ends the response.

        Held back until more comes, or `is_last`: trailing white space, half a character, what may become a stop text.
        """
        text = self.decode(tokens)
        found = [at for at in map(text.find, self.stop) if at >= 0]
        if found:
            text = text[: min(found)]
        elif not is_last:
            text = self._hold_back(text).rstrip(INCOMPLETE)
        shown = text.strip()
        new = shown[self.n_shown :]
        self.n_shown += len(new)
        return new, bool(found)

    def _hold_back(self, text: str) -> str:
        """Return the text without an end that is the beginning of a stop text."""
        longest = max(map(len, self.stop), default=1) - 1
        for n in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-n:]) for stop in self.stop):
                return text[:-n]
        return text
