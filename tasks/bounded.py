"""What a person may type: texts that end and that a reader sees as they are, and numbers within bounds.

The same bounds stand in the JSON schema, so that Prefect's form and API refuse what the command line refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic.fields import ComputedFieldInfo, FieldInfo

from tasks.errors import UsageError

HIDDEN = r"[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
"""Control characters, line breaks, marks that turn the direction of the text around them, and halves of a character:
of one run with such a half Prefect's server can list no run any more."""
NAME_LENGTH, PLACE_LENGTH = 200, 4096

KEY = (
    # OpenAI, Anthropic, Stripe; then forges, Groq, Slack, Google; Hugging Face
    r"\b[spr]k[-_](?:[a-z0-9]{1,12}[-_])*(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20}"
    r"|\b(?:gh[oprsu]_|github_pat_|gsk_|glpat-|xox[abeprs]-|AIza)(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20}"
    r"|\bhf_[A-Za-z0-9]{30}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\."  # a JSON web token
    r"|\b[Bb]earer +(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{16}"
    r"|://[^\s/?#]*@"  # an address with a user, whose password or token it is
    r"|[?&](?:[A-Za-z0-9_-]*(?:[Tt]oken|[Ss]ignature|[Ss]ecret|[Pp]assword|[Cc]redential|[Aa]pi[-_]?[Kk]ey)|key|sig)="
)
"""What keys look like, by the beginnings that their makers gave them and a run as long as theirs, and addresses that
carry one. A Slovak corpus `en-sk-translations-2024` is no key."""
WHERE_KEYS_BELONG = (
    "keys belong into the environment (OPENAI_API_KEY, EMPATHY_JUDGE_API_KEY, HF_TOKEN, AWS_*): "
    "parameters are stored, and shown to everybody"
)

_hidden, _key = re.compile(HIDDEN), re.compile(KEY)


def title_field(name: str, _field: FieldInfo | ComputedFieldInfo) -> str:
    """Return what a form calls a field that has no title of its own: its name as words."""
    said = " ".join(_words.get(word, word) for word in name.split("_"))
    return said[:1].upper() + said[1:]


def fit_form(schema: dict[str, Any]) -> None:
    """Fit the JSON schema of a group of parameters to Prefect's form, which shows no bounds but those in the help.

    As a union with null the form makes each field that may be left empty a pair of tabs, and says of most of them:
    Property is type "None". Prefect's server takes null for a type without a default, so that such a field is a box to
    fill in, or a choice with nothing as one of its values.
    """
    for field in schema.get("properties", {}).values():
        kinds = [kind for kind in field.get("anyOf", []) if kind.get("type") != "null"]
        if field.get("default", ...) is None and len(kinds) == 1 and kinds[0].get("type") in _simple:
            del field["anyOf"], field["default"]
            field.update(kinds[0])
            if "enum" in field:
                field["enum"] = [*field["enum"], None]
        if said := say_bounds(field):
            field["description"] = f"{field.get('description', '')} {said}".strip()


def say_bounds(field: Mapping[str, Any]) -> str:
    """Return the bounds of a number as a sentence; one that nobody reaches is not worth a word."""
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    said = [f"{word} {field[key]:,g}" for key, word in words.items() if abs(field.get(key, FAR)) < FAR]
    return f"{', '.join(said).capitalize()}." if said else ""


FAR = 1e6
_simple = ("number", "integer", "string")
_words = {"n": "number of", "s": "(seconds)", "usd": "(USD)", "lora": "LoRA", "r": "rank", "std": "deviation",
          "eval": "evaluation", "uri": "URI", "sha256": "SHA-256"}  # fmt: skip


def refuse_hidden(text: str) -> str:
    """Return a text as it is. Raises ValueError if it holds characters that nobody sees, or what looks like a key."""
    if _hidden.search(text):
        raise ValueError("control characters and marks of direction are not allowed")
    if _key.search(text):
        raise ValueError(f"this looks like a key, or an address with one; {WHERE_KEYS_BELONG}")
    return text


def hide_keys(text: str) -> str:
    """Return a text that may be shown: from where a key seems to begin to the end of its word, it is struck out."""
    return re.sub(rf"(?:{KEY})[^\s'\"]*", "[key]", text)


_schema = {"not": {"pattern": f"{HIDDEN}|{KEY}"}}
Name = Annotated[str, Field(max_length=NAME_LENGTH, json_schema_extra=_schema), AfterValidator(refuse_hidden)]
"""A name of a model, a judge, an endpoint."""
Place = Annotated[str, Field(max_length=PLACE_LENGTH, json_schema_extra=_schema), AfterValidator(refuse_hidden)]
"""A path, an address, or a name that may be either."""
Count = Annotated[int, Field(le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False, json_schema_extra={"not": {"type": "number", "minimum": 1e300}})]
"""A number that is one. NaN is within every bound of a JSON schema, and so within this one, which refuses it: as a
parameter of a run it would become null, and a limit none."""
Amount = Annotated[Finite, Field(le=1e12)]
"""A rate, a price, a time."""
Minutes = Annotated[Finite, Field(ge=0, le=1e6)]


def check_place(text: str, option: str) -> str:
    """Return what was given to an option that is no field of a config. Raises UsageError if it cannot be a place."""
    if len(text) > PLACE_LENGTH or _hidden.search(text):
        raise UsageError(
            f"{option} cannot be {hide_keys(text)[:80]!r}.",
            do=f"give at most {PLACE_LENGTH:,} characters that can be seen",
        )
    if _key.search(text):
        raise UsageError(f"{option} looks like a key, or an address with one.", do=WHERE_KEYS_BELONG)
    return text


def make_visible(text: str) -> str:
    """Return a text whose hidden characters, line breaks aside, are written as escapes: a terminal obeys none."""
    return re.sub(HIDDEN, lambda found: found[0] if found[0] == "\n" else repr(found[0])[1:-1], text)
