"""What a person may type: texts that end and that a reader sees as they are, and numbers within bounds.

The same bounds stand in the JSON schema, so that Prefect's form and API refuse what the command line refuses.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from tasks.errors import UsageError

HIDDEN = r"[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
"""Control characters, line breaks, marks that turn the direction of the text around them, and halves of a character:
of one run with such a half Prefect's server can list no run any more."""
NAME_LENGTH, PLACE_LENGTH = 200, 4096

_hidden = re.compile(HIDDEN)


def refuse_hidden(text: str) -> str:
    """Return a text as it is. Raises ValueError if it holds characters that nobody sees."""
    if _hidden.search(text):
        raise ValueError("control characters and marks of direction are not allowed")
    return text


_schema = {"not": {"pattern": HIDDEN}}
Name = Annotated[str, Field(max_length=NAME_LENGTH, json_schema_extra=_schema), AfterValidator(refuse_hidden)]
"""A name of a model, a judge, an endpoint."""
Place = Annotated[str, Field(max_length=PLACE_LENGTH, json_schema_extra=_schema), AfterValidator(refuse_hidden)]
"""A path, an address, or a name that may be either."""
Count = Annotated[int, Field(le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False, json_schema_extra={"not": {"minimum": 1e300}})]
"""A number that is one. NaN is within every bound of a JSON schema, and so within this one, which refuses it: as a
parameter of a run it would become null, and a limit none."""
Amount = Annotated[Finite, Field(le=1e12)]
"""A rate, a price, a time."""
Minutes = Annotated[Finite, Field(ge=0, le=1e6)]


def check_place(text: str, option: str) -> str:
    """Return what was given to an option that is no field of a config. Raises UsageError if it cannot be a place."""
    if len(text) > PLACE_LENGTH or _hidden.search(text):
        raise UsageError(
            f"{option} cannot be {text[:80]!r}.", do=f"give at most {PLACE_LENGTH:,} characters that can be seen"
        )
    return text


def make_visible(text: str) -> str:
    """Return a text whose hidden characters, line breaks aside, are written as escapes: a terminal obeys none."""
    return re.sub(HIDDEN, lambda found: found[0] if found[0] == "\n" else repr(found[0])[1:-1], text)
