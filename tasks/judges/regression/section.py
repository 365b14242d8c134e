"""The section on metamorphic relations in the card of a distilled judge."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tasks.judges.markdown import write_table
from tasks.judges.regression.anchors import Anchor, read_anchors
from tasks.judges.regression.cases import derive_cases
from tasks.judges.regression.ranges import ALL
from tasks.judges.regression.record import Findings, find_out
from tasks.judges.regression.relations import TOLERANCE, RelationResult
from tasks.scoring import DistilledJudge

HEADING = "## Metamorphic relations"
SAID = {
    "warmth_removed": "warm clause removed: sensibility falls",
    "advice_to_sympathy": "advice replaced by sympathy: rationality falls, sensibility does not",
    "paraphrase": "other words: neither moves",
    "name_change": "another name: neither moves",
    "padding": "a neutral sentence more: neither moves",
    "injection": "an instruction to the judge: neither rises",
}
"""Each relation as a reader of the card needs it."""
WIDTH = 118


def measure_distilled(judge: DistilledJudge, anchors: Sequence[Anchor] | None = None) -> Findings:
    """Return what a distilled judge gives to anchors, those of this project if none are given."""
    cases = derive_cases(read_anchors() if anchors is None else anchors)
    scored = judge.score([case.turn for case in cases]).scores.round(4).tolist()
    scores = {
        case.name: (sensibility, rationality) for case, (sensibility, rationality) in zip(cases, scored, strict=True)
    }
    return find_out(cases, scores, {}, TOLERANCE)


def write_relations(findings: Findings) -> str:
    """Return the section: how often each relation held, expected ranges, and the anchors where relations failed."""
    results = findings.relations
    rows = [(SAID[one.relation], str(one.n), str(one.n_passed), write_rate(one)) for one in results]
    inside = "; ".join(
        f"{one.dimension} {one.n_inside} of {one.n}" for one in findings.ranges if one.kind == ALL
    )  # fmt: skip
    lines = [
        f"On {findings.n_anchors} dialogues written for this purpose, each response changed in ways of which the "
        f"effect is known ({findings.n_cases} cases; `empathy judge regress` repeats it). A score moves if it moves by "
        f"more than {findings.tolerance:g}; the interval is Wilson's, 95%.",
        write_table(("change and what it must do", "pairs", "held", "rate"), rows),
        f"Scores of the unchanged responses inside their expected range: {inside}.",
        "Anchors where a relation failed:",
        "\n".join(write_failures(one) for one in results),
    ]
    return "\n\n".join([HEADING, *lines])


def write_rate(one: RelationResult) -> str:
    """Return a rate with its interval."""
    return "–" if one.pass_rate is None else f"{one.pass_rate:.0%} [{one.low:.0%}, {one.high:.0%}]"


def write_failures(one: RelationResult) -> str:
    """Return the anchors where one relation failed, as an item of a list."""
    listed = ", ".join(failure.anchor for failure in one.failures) or "none"
    return textwrap.fill(f"- {one.relation}: {listed}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
