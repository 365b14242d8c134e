"""The model card says what the record says."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.judges import (
    RELEASED_SCORES,
    CrossValidation,
    Source,
    cross_validate,
    derive_cases,
    find_out,
    measure_distilled,
    read_anchors,
    write_card,
    write_relations,
)
from tasks.judges.card import CHOICES, COVERAGE_LIMITS, write_limits
from tasks.scoring import DistilledJudge
from tasks.scoring.distilled import BUNDLED_WEIGHTS
from tests.judges.small_anchors import write_small

FACTS = {"n_turns": 160, "n_dialogues": 80, "n_surface_measures": 25, "sha256": "c0ffee", "n_bytes": 1234567}


@pytest.fixture(scope="module")
def figures(made_up: dict[str, Any]) -> CrossValidation:
    return cross_validate(**made_up, n_folds=3, inner_folds=2)


def test_a_card_holds_the_figures_of_the_record(figures: CrossValidation, tmp_path: Path) -> None:
    odd = replace(figures.dimensions[0], spearman_scores=0.12345, rmse=9.876, coverage=0.8765, interval_width=3.21)
    shares = replace(figures.thresholds[0], judge=(0.111, 0.222, 0.667), rationality_jaccard=0.987)
    changed = replace(figures, dimensions=(odd,), thresholds=(shares,), turns_per_second=4321.4)
    write_card(changed, tmp_path / "CARD.md", FACTS, RELEASED_SCORES)
    card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
    for expected in (
        "0.123",
        "9.88",
        "| 87.6% | 3.2 |",
        "90% of the turns",
        "11.1% / 22.2% / 66.7%",
        "0.99 (",
        "4,321",
        "c0ffee",
        "CC BY-NC",
        "none stated",
    ):
        assert expected in card


def test_the_card_of_a_judge_with_an_encoder_names_it_and_what_sharing_it_means(
    figures: CrossValidation, tmp_path: Path
) -> None:
    facts = {**FACTS, "n_landmarks": 99, "encoder": "beef", "encoder_name": "all-minilm"}
    write_card(figures, tmp_path / "CARD.md", facts)
    card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
    for expected in ("99\nlandmarks", "`all-minilm` (digest `beef`)", "share the file no more freely"):
        assert expected in card


def test_a_source_nobody_named_is_called_unknown(figures: CrossValidation, tmp_path: Path) -> None:
    write_card(figures, tmp_path / "CARD.md", FACTS, Source(texts="my dialogues"))
    card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
    assert "| texts | my dialogues |" in card
    assert len(re.findall(r"\| licence of the \w+ \| unknown", card)) == 2


def test_what_people_say_of_a_judge_stands_among_its_limits_where_it_is_known(
    figures: CrossValidation, tmp_path: Path
) -> None:
    for source in (Source(), Source(people="People were asked.")):
        write_card(figures, tmp_path / "CARD.md", FACTS, source)
        card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
        assert ("\n- People were asked.\n- Agreement is moderate" in card) == bool(source.people)
        assert "{people}" not in card


def test_the_bundled_card_has_the_limits_that_its_generator_writes() -> None:
    card = (BUNDLED_WEIGHTS.parent / "CARD.md").read_text(encoding="utf-8")
    assert RELEASED_SCORES.people
    assert f"\n\n{write_limits(RELEASED_SCORES)}\n\n## Intended use" in card


def test_the_bundled_card_and_notice_belong_to_the_bundled_weights() -> None:
    card = (BUNDLED_WEIGHTS.parent / "CARD.md").read_text(encoding="utf-8")
    assert DistilledJudge.load().digest in card
    assert f"{BUNDLED_WEIGHTS.stat().st_size:,} bytes" in card
    notice = (BUNDLED_WEIGHTS.parent / "NOTICE").read_text(encoding="utf-8")
    for expected in ("NON-COMMERCIAL", "CC BY-NC 4.0", "without a stated licence", "Apache-2.0"):
        assert expected in notice


def test_the_card_says_what_the_figures_do_not_show(figures: CrossValidation, tmp_path: Path) -> None:
    """Choices made on the released scores, coverage that a choice costs, and who is asked over the network."""
    encoded = {**FACTS, "n_landmarks": 99, "encoder": "beef", "encoder_name": "owner/minilm"}
    for name, facts in (("plain", FACTS), ("encoded", encoded)):
        write_card(figures, tmp_path / name, facts)
    plain, card = ((tmp_path / name).read_text(encoding="utf-8") for name in ("plain", "encoded"))
    bundled = (BUNDLED_WEIGHTS.parent / "CARD.md").read_text(encoding="utf-8")
    for text in (plain, card, bundled):
        assert CHOICES in text
        assert COVERAGE_LIMITS in text
    assert "no judge and no network" in plain
    assert "no judge and no network" in bundled
    assert "no judge and no network" not in card
    assert "asked of the hub" in card


def test_the_bundled_card_says_what_the_bundled_judge_does_on_the_anchors_today() -> None:
    """Renew it with `python tests/benchmarks/bench_judge.py --relations tasks/scoring/weights`."""
    card = (BUNDLED_WEIGHTS.parent / "CARD.md").read_text(encoding="utf-8")
    assert write_relations(measure_distilled(DistilledJudge.load())) in card
    assert card.count("## Metamorphic relations") == 1


def test_a_card_lists_how_often_relations_held_and_where_they_failed(figures: CrossValidation, tmp_path: Path) -> None:
    cases = derive_cases(read_anchors(write_small(tmp_path)))
    scores = {case.name: (7.0, 4.0) if case.relation == "injection" else (5.0, 5.0) for case in cases}
    write_card(figures, tmp_path / "CARD.md", FACTS, relations=find_out(cases, scores, {}, 1.0))
    card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
    for expected in (
        "| an instruction to the judge: neither rises | 3 | 0 | 0% [0%, 56%] |",
        "| other words: neither moves | 3 | 3 | 100% [44%, 100%] |",
        "- injection: rain, test, soup",
        "- name_change: none",
        "sensibility 1 of 3; rationality 1 of 3",
    ):
        assert expected in card
    assert card.index("## Selection") < card.index("## Metamorphic relations") < card.index("## Limits")
