"""The request for one comparison of two responses: the same engine, another question."""

from __future__ import annotations

from typing import Any

from tasks.errors import ScoreParseError
from tasks.scoring.engine.asking import Asker, Question, count_bytes
from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.pair_prompting import build_pair_messages, verdict_format
from tasks.scoring.prompting import AnswerForm
from tasks.scoring.verdict import parse_verdict


class PairAsker(Asker):
    """Asks which of a turn's response (A) and its rival (B) is better."""

    def count_characters(self, question: Question) -> int:
        """Return about how many characters the request's messages have."""
        return super().count_characters(question) + count_bytes(question.planned.rival)

    def make_messages(self, question: Question, form: AnswerForm) -> list[dict[str, str]]:
        """Return what is asked."""
        planned = question.planned
        return build_pair_messages(self.rubric, planned.turn, planned.rival, form, question.complaint)

    def choose_format(self, form: AnswerForm) -> dict[str, Any] | None:
        """Return the form in which the verdict is asked for; None where words alone must do."""
        return verdict_format(form)

    def find_fault(self, attempt: Attempt) -> str:
        """Return what is wrong with a reply, read as the ledger will read it; nothing where it is a verdict."""
        try:
            parse_verdict(attempt.reply or "")
        except ScoreParseError as error:
            return error.what
        return ""
