"""The request for one turn, as the judge's method and the endpoint's dialect want it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.config import DEFAULT_N_SAMPLES
from tasks.errors import ScoreParseError
from tasks.scoring.engine.dialect import Dialect
from tasks.scoring.expected import expect_scores
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.parsing import parse_reply
from tasks.scoring.planning import PlannedTurn
from tasks.scoring.prompting import AnswerForm, build_messages, response_format
from tasks.scoring.reasons import MAX_REPLIES, NO_LOGPROBS
from tasks.scoring.rubric import parse_rubric

TOP_LOGPROBS = 20
FRAME_CHARACTERS = 250
"""Of the fence and of the form of the answer."""
SAMPLING_TEMPERATURE = 1.0


@dataclass(slots=True)
class Question:
    """Where the asking of one turn stands."""

    planned: PlannedTurn
    complaint: str = ""
    n_useless: int = 0
    n_samples: int = 0
    is_cut_off: bool = False
    terms: tuple[str, int] = field(default=("", 0))
    """Method and number of replies of the request that is under way."""


class Asker:
    """Builds requests and reads what a reply is worth; knows the judge, never the network.

    What is asked, in what form, and what counts as an answer are methods of their own: `PairAsker` has others.
    """

    def __init__(self, identity: JudgeIdentity) -> None:
        self.model = identity.model
        self.rubric = parse_rubric(identity.rubric_text)
        self.method = str(identity.parameters.get("method", "point"))
        self.n_samples = int(identity.parameters.get("n_samples", DEFAULT_N_SAMPLES))
        self.temperature = float(identity.parameters["temperature"])

    def most_tokens_out(self, question: Question) -> int:
        """Return the most tokens that the replies to one request may have."""
        once = self.rubric.max_output_tokens * (4 if question.is_cut_off else 1)
        return once * max(1, question.terms[1])

    def count_characters(self, question: Question) -> int:
        """Return about how many characters the request's messages have; one beyond ASCII counts for its bytes."""
        turn = question.planned.turn
        words = sum(count_bytes(text) for _, text in turn.context) + count_bytes(turn.response)
        return words + count_bytes(self.rubric.text) + FRAME_CHARACTERS + len(question.complaint)

    def choose_terms(self, question: Question, dialect: Dialect) -> None:
        """Note in the question by which method, and for how many replies, it is asked next."""
        method = "samples" if self.method == "logprobs" and not dialect.has_logprobs else self.method
        n_replies = self.n_samples - question.n_samples if method == "samples" and dialect.has_n else 1
        question.terms = (method, max(1, n_replies))

    def make_request(self, question: Question, dialect: Dialect) -> dict[str, Any]:
        """Return the body of the request, and note its terms in the question."""
        self.choose_terms(question, dialect)
        method, n_replies = question.terms
        request: dict[str, Any] = {"model": self.model, "messages": self.make_messages(question, dialect.form)}
        request[dialect.token_field] = self.rubric.max_output_tokens * (4 if question.is_cut_off else 1)
        if dialect.has_temperature:
            request["temperature"] = self.temperature or (SAMPLING_TEMPERATURE if method == "samples" else 0.0)
        answer = self.choose_format(dialect.form)
        if answer is not None:
            request["response_format"] = answer
        if method == "logprobs":
            request |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        if n_replies > 1:
            request["n"] = n_replies
        return request

    def make_messages(self, question: Question, form: AnswerForm) -> list[dict[str, str]]:
        """Return what is asked."""
        return build_messages(self.rubric, question.planned.turn, form, question.complaint)

    def choose_format(self, form: AnswerForm) -> dict[str, Any] | None:
        """Return the form in which the answer is asked for; None where words alone must do."""
        return response_format(self.rubric, form)

    def find_fault(self, attempt: Attempt) -> str:
        """Return what is wrong with a reply, read as the ledger will read it; nothing where it is an answer."""
        reply = attempt.reply or ""
        try:
            expect_scores(reply, attempt.logprobs) if attempt.logprobs else parse_reply(reply)
        except ScoreParseError as error:
            return error.what
        return ""

    def lacks_logprobs(self, attempt: Attempt) -> bool:
        """Say whether a reply that was asked for log-probabilities came without them."""
        is_bare = attempt.method == "logprobs" and attempt.error_class is None and not attempt.logprobs
        return is_bare and not self.find_fault(attempt)  # words without a score have no score's probabilities either

    def is_answered(self, question: Question, attempt: Attempt) -> bool:
        """Say whether the turn needs no further call; else the question holds what to say next time."""
        if attempt.error_class == NO_LOGPROBS:
            return False
        complaint = COMPLAINTS.get(attempt.error_class or "", "")
        question.is_cut_off |= attempt.error_class == "truncated"
        if attempt.method == "samples":
            n_before = question.n_samples
            complaint = self._count_samples(question, attempt) or complaint
            if question.n_samples > n_before:  # a reply in many that is of no use is chance, in a row it is the turn
                question.n_useless, question.complaint = 0, ""
                return question.n_samples >= self.n_samples
        elif not complaint:
            complaint = self.find_fault(attempt)
        return not complaint or self._complain(question, complaint)

    def _count_samples(self, question: Question, attempt: Attempt) -> str:
        """Count the replies of one call that parse, and return what is wrong with another; an error is the first's."""
        replies, complaint = attempt.choices or [attempt.reply or ""], ""
        for reply in replies if attempt.error_class is None else replies[1:]:
            try:
                parse_reply(reply)
                question.n_samples += 1
            except ScoreParseError as error:
                complaint = error.what
        return complaint

    def _complain(self, question: Question, complaint: str) -> bool:
        question.complaint = complaint
        question.n_useless += 1
        return question.n_useless >= MAX_REPLIES


def count_bytes(text: str) -> int:
    """Return the length of a text in bytes, half a sign counting for one."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


COMPLAINTS = {
    "truncated": "it was cut off before its end",
    "refusal": "it was a refusal; rating a conversation harms nobody",
}
