"""How one endpoint wants to be asked. What it does not know is found out once, and remembered for later runs."""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import get_args

from tasks.scoring.identity import JudgeIdentity, slugify
from tasks.scoring.prompting import AnswerForm

logger = logging.getLogger("empathy.scoring")

ONE_REPLY = re.compile(
    r"(?<!\w)['\"`]?n['\"`]?(?!\w)|(multiple|multi|one completion)[- ](choice|completion|candidate)", re.IGNORECASE
)
FORGET_S = 30 * 86_400
"""Endpoints learn: after a month they are asked anew."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint knows of the chat completions API; at first all of it."""

    form: AnswerForm = "schema"
    token_field: str = "max_tokens"  # noqa: S105 - the name of a parameter
    has_temperature: bool = True
    has_logprobs: bool = True
    has_n: bool = True


def adapt_dialect(dialect: Dialect, message: str, request: dict[str, object]) -> tuple[Dialect, str] | None:
    """Return the dialect without what a refusal is about, and what to tell people; None if it is about us.

    Only what the refused request held can be its reason, so that this ends.
    """
    if "max_tokens" in request and "max_completion_tokens" in message:
        field = "max_completion_tokens"
        return replace(dialect, token_field=field), f"{field} instead of max_tokens"
    if "logprobs" in request and re.search(r"log_?probs", message, re.IGNORECASE):
        return without_logprobs(dialect)
    if "response_format" in request and re.search(
        r"response_format|json_schema|json_object|structured|schema|grammar", message, re.IGNORECASE
    ):
        form: AnswerForm = "json" if dialect.form == "schema" else "plain"
        return replace(dialect, form=form), {"json": "JSON mode, no schema", "plain": "no JSON mode"}[form]
    if "temperature" in request and "temperature" in message.lower():
        return replace(dialect, has_temperature=False), "no temperature: it judges at its own"
    if "n" in request and ONE_REPLY.search(message):
        return replace(dialect, has_n=False), "one reply a call"
    return None


def without_logprobs(dialect: Dialect) -> tuple[Dialect, str]:
    """Return the dialect of an endpoint that gives no log-probabilities, and what to tell people."""
    return replace(dialect, has_logprobs=False), "no log-probabilities: scores are the mean of several samples"


class Speech:
    """The dialect that an endpoint is asked in: learnt from its refusals, remembered once it has answered in it."""

    def __init__(self, memory: Path) -> None:
        self.memory, self.dialect = memory, load_dialect(memory)
        self._is_remembered = self.dialect != Dialect()
        self._is_proved = True

    def note_answer(self, asked_in: Dialect) -> None:
        """Remember the dialect that was just answered, if it is new: a wrong address refuses every one."""
        if asked_in == self.dialect and not self._is_proved:
            self._is_proved = True
            remember_dialect(self.memory, self.dialect)

    def learn(self, asked_in: Dialect, refused: Refusal) -> str | None:
        """Ask in another way from now on; return what to tell people, "" if they know, None if it is about us."""
        if self.dialect != asked_in:
            return ""  # another answer has told already
        adapted = without_logprobs(asked_in) if refused.lacks_logprobs else None
        if adapted is None and refused.is_about_request:
            adapted = adapt_dialect(asked_in, refused.message, refused.request)
            if adapted is None and self._is_remembered:
                adapted = Dialect(), "anew, as what was remembered of it is refused"
        if adapted is None:
            return None
        self._is_remembered = self._is_proved = False
        self.dialect, says = adapted
        return says


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was refused: what the endpoint says, of which request, and whether the reply only lacked a part."""

    message: str
    request: dict[str, object]
    http_status: int | None = None
    lacks_logprobs: bool = False

    @property
    def is_about_request(self) -> bool:
        """Whether it may be about how we ask: not where the address itself is not known."""
        return self.http_status not in (404, 405)


def find_memory(folder: Path, identity: JudgeIdentity) -> Path:
    """Return the file in which the dialect of a judge's endpoint is remembered."""
    return folder / f"{slugify(f'{identity.endpoint_alias}-{identity.model}')}.json"


def load_dialect(memory: Path) -> Dialect:
    """Return the dialect remembered in a file, or the full one where there is none, a damaged or an old one."""
    try:
        remembered = json.loads(memory.read_text(encoding="utf-8"))
        if time.time() - remembered.pop("found_at") > FORGET_S:
            return Dialect()
        known = {field.name: type(field.default) for field in fields(Dialect)}
        is_known = all(type(remembered[name]) is known[name] for name in known)
        if remembered.keys() == known.keys() and is_known and remembered["form"] in get_args(AnswerForm):
            return Dialect(**remembered)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return Dialect()


def remember_dialect(memory: Path, dialect: Dialect) -> None:
    """Keep a dialect for later runs; where that cannot be written, they find out again."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps({**asdict(dialect), "found_at": time.time()}), encoding="utf-8")
    except OSError as error:
        logger.warning("the endpoint's dialect cannot be remembered: %s", error)
