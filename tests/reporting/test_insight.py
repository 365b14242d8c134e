"""What the report says of judge, calls, balance and other thresholds, against the same figures worked out otherwise."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from scipy.stats import spearmanr

from tasks.config import SelectionConfig
from tasks.reporting import ReportInputs, make_newest_report
from tasks.reporting.blocks import Figure, Table
from tasks.reporting.calls import CallDay, read_calls
from tasks.reporting.material import open_material
from tasks.reporting.page import list_blocks
from tasks.reporting.sections import describe_tabs
from tasks.reporting.sections.calls import describe_calls
from tests.reporting.scoring import JUDGE, make_scored

SELECTION = SelectionConfig(sensibility_threshold=6, rationality_threshold=6, max_per_emotion=25)


@pytest.fixture(scope="module")
def scored(make_home, tmp_path_factory):
    return make_scored(make_home(tmp_path_factory.mktemp("insight")), 600, is_whole=False)


@pytest.fixture(scope="module")
def blocks(scored) -> dict:
    """The blocks of a report by the title of a figure or the caption of a table."""
    found = list_blocks(describe_tabs(open_material(scored.select(SELECTION))))
    return {getattr(block, "title", "") or getattr(block, "caption", ""): block for block in found}


def values(table: Table) -> dict[str, list]:
    return {row[0].text: [cell.value for cell in row[1:]] for row in table.rows}


def test_rank_correlations_of_the_judge_are_scipys(scored, blocks):
    inputs = scored.select(SELECTION)
    turns = pl.concat(pl.read_parquet(folder / "turns.parquet") for folder in inputs.dialogues).unique("turn_key")
    rows = turns.join(pl.read_parquet(inputs.scores / "scores.parquet").drop_nulls("sensibility"), on="turn_key")
    n_words, n_questions = rows["response"].str.split(" ").list.len(), rows["response"].str.count_matches(r"\?")
    properties = {"Words of the response": n_words, "Question marks": n_questions,
                  "Place in the dialogue": rows["utterance_idx"]}  # fmt: skip
    for score in ("sensibility", "rationality"):
        shown = values(blocks[f"What {score} follows"].numbers)
        for name, column in properties.items():
            assert shown[name] == [pytest.approx(spearmanr(column, rows[score]).statistic, abs=1e-6)]


def test_mean_scores_are_those_of_the_distinct_turns(scored, blocks):
    shown = values(blocks["Mean sensibility per emotion"].numbers)
    inputs = scored.select(SELECTION)
    turns = pl.concat(pl.read_parquet(folder / "turns.parquet") for folder in inputs.dialogues)
    rows = turns.unique("turn_key", keep="first", maintain_order=True).join(
        pl.read_parquet(inputs.scores / "scores.parquet").drop_nulls("sensibility"), on="turn_key"
    )
    for emotion, n, mean in rows.group_by("emotion").agg(pl.len(), pl.col("sensibility").mean()).iter_rows():
        assert shown[emotion] == [n, pytest.approx(mean)]


def test_shares_over_thresholds_are_those_of_a_sweep(scored, blocks):
    shown = {float(row[0].text): [cell.value for cell in row[1:]]
             for row in blocks["Share of each subset over the thresholds"].numbers.rows}  # fmt: skip
    grid = [SelectionConfig(sensibility_threshold=t, rationality_threshold=t) for t in shown]
    expected = [[100 * c.share(name) for name in ("sensibility", "rationality", "discard")]
                for c in scored.preview(grid)]  # fmt: skip
    assert list(shown) == [place / 2 for place in range(21)]
    assert list(shown.values()) == [pytest.approx(row) for row in expected]


def test_the_overlap_with_the_chosen_subsets_is_their_jaccard_index(scored, blocks):
    shown = {float(row[0].text): [cell.value for cell in row[1:]]
             for row in blocks["Overlap with the chosen subsets"].numbers.rows}  # fmt: skip
    chosen = read_keys(scored.select(SELECTION))
    for threshold in (4.0, 6.0, 7.5):
        other = SelectionConfig(sensibility_threshold=threshold, rationality_threshold=threshold)
        keys = read_keys(scored.select(other))
        expected = [len(a & b) / len(a | b) for a, b in zip(chosen, keys, strict=True)]
        assert shown[threshold] == pytest.approx(expected)
    assert min(shown[6.0]) < 1  # the quotas took turns out of a chosen one


def read_keys(inputs: ReportInputs) -> list[set]:
    frames = (pl.read_parquet(inputs.subsets / f"{name}.parquet") for name in ("sensibility", "rationality"))
    return [set(frame.select("dialogue_id", "utterance_idx").rows()) for frame in frames]


def test_evenness_is_that_of_the_manifest_before_and_after_the_modifiers(scored, blocks):
    facts = open_material(scored.select(SELECTION)).selection.facts["balance"]
    shown = blocks["Evenness, after the modifiers and before them"].rows
    for row, name in zip(shown, ("sensibility", "rationality", "discard"), strict=True):
        assert [cell.value for cell in row[1:]] == list(facts["after"][name].values())
        assert [cell.note for cell in row[1:]] == [f"before {value:.3f}" for value in facts["before"][name].values()]


def call(connection, line: int, method: str, sent: datetime | None, cost, error=None) -> None:
    connection.execute(
        "INSERT INTO attempts (judge_id, turn_key, request_key, segment, line, sent_at, error_class, cost_usd, "
        "latency_s, method) VALUES (?, 't', 'r', 's', ?, ?, ?, ?, ?, ?)",
        [JUDGE, line, sent, error, cost, float(line), method],
    )


def test_calls_are_counted_by_day_and_only_those_that_were_made(home):
    first = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    later = first + timedelta(hours=1)
    with home.store.transaction() as connection:
        for line, (method, sent, cost, error) in enumerate([
            ("point", first, 0.5, None), ("point", first, None, "timeout"), ("point", later, 1.0, None),
            ("recorded", first, 0.0, None), ("distilled", first, 0.0, None), ("point", None, 9.0, None),
        ]):  # fmt: skip
            call(connection, line, method, sent, cost, error)
        found = read_calls(connection, JUDGE)
        assert read_calls(connection, "another") == ()
    assert found == (CallDay("2026-03-01", 2, 1, 0.5, 1, 0.5, pytest.approx(0.95)),
                     CallDay("2026-03-02", 1, 0, 1.0, 1, 2.0, 2.0))  # fmt: skip


def test_calls_are_drawn_over_days_and_nothing_is_said_where_nothing_is_known():
    days = [CallDay(f"2026-03-0{day}", 10, 1, 0.01 * day, 10, 0.5, 1.5) for day in (1, 2)]
    assert [block.name for block in describe_calls(days) if isinstance(block, Figure)] == [
        "calls-cost",
        "calls-latency",
    ]
    assert not [block for block in describe_calls(days[:1]) if isinstance(block, Figure)]
    unknown = [CallDay(f"2026-03-0{day}", 10, 0, None, 0, None, None) for day in (1, 2)]
    (table,) = describe_calls(unknown)
    assert [cell.text for cell in table.rows[0][3:]] == ["–", "–", "–"]
    assert describe_calls([]) == []
    for figure in describe_calls(days)[:2]:
        assert figure.draw(380).to_dict()["width"] == 380


def test_a_report_before_any_selection_is_of_the_newest_scores_and_a_later_call_makes_another(make_home, tmp_path):
    scored = make_scored(make_home(tmp_path), 40, is_whole=True)
    first = make_newest_report(scored.home, scored.corpus)
    page = scored.home.artifacts.open(first) / "report.html"
    assert "Nothing has been selected yet." in page.read_text(encoding="utf-8")
    assert make_newest_report(scored.home, scored.corpus) == first
    with scored.home.store.transaction() as connection:
        call(connection, 1, "point", datetime(2026, 3, 1, tzinfo=UTC), 0.25)
    assert make_newest_report(scored.home, scored.corpus) != first
