"""One turn explained in a sentence, and the turns on both sides of a boundary."""

import re

import pytest

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.selection import explain, open_decisions, show_boundary

LONG = "I walked all the way home in the rain today because the bus never came and nobody would stop for me"


@pytest.fixture
def ask(make_scored, make_row):
    """Explain a turn of a small corpus under a selection."""
    rows = [
        make_row("hit:1_conv:2", "I won", (8.0, 3.0), emotion="proud"),
        make_row("both", "I lost", (8.0, 7.0), emotion="guilty"),
        make_row("low", "Hm", (4.0, 4.5), emotion="guilty"),
        make_row("none", "nobody asked", None),
        make_row("twin-a", LONG, (9.0, 1.0)),
        make_row("twin-b", f"{LONG} again", (9.0, 1.0)),
        make_row("copy", "I won", (8.0, 3.0)),
    ]
    scored = make_scored(rows)

    def run(turn, **config):
        selection = SelectionConfig(**config)
        with open_decisions(scored.artifacts, scored.corpus, scored.scores, selection) as connection:
            return explain(connection, selection, turn)

    run.rows = {row.dialogue_id: row for row in rows}
    return run


def test_a_turn_is_explained_by_its_scores_the_thresholds_and_what_decided(ask):
    key = ask.rows["hit:1_conv:2"].turn_key[:12]
    assert ask("hit:1_conv:2:2") == [
        f"Turn hit:1_conv:2:2 (proud, {key}) goes to sensibility because of S > threshold and R < threshold: it "
        "scored S 8, R 3, thresholds S 5, R 5, rule paper S>5 R>5."
    ]
    assert "goes to rationality" in ask("both:2")[0]
    assert (
        "is discarded because of S > threshold and R > threshold: it scored S 8, R 7,"
        in ask("both:2", rule="released")[0]
    )
    assert (
        "thresholds S 3, R 4, rule paper S>3 R>4" in ask("low:2", sensibility_threshold=3, rationality_threshold=4)[0]
    )


def test_a_turn_is_found_by_the_start_of_its_key_and_a_text_that_stands_twice_is_told_twice(ask):
    assert "both:2" in ask(ask.rows["both"].turn_key[:8])[0]
    said = ask(ask.rows["copy"].turn_key)
    assert [re.match(r"Turn (\S+) ", line)[1] for line in said] == ["copy:2", "hit:1_conv:2:2"]


def test_a_turn_without_a_score_says_that_it_cannot_be_selected(ask):
    assert ask("none:2")[0].endswith("cannot be selected: unscored: not asked.")


def test_a_near_duplicate_names_the_turn_that_stays_for_it(ask):
    twins = sorted((ask.rows["twin-a"], ask.rows["twin-b"]), key=lambda row: row.turn_key)
    said = ask(f"{twins[1].dialogue_id}:2", near_duplicates=0.7)[0]
    assert f"modifier: near-duplicate of {twins[0].dialogue_id}:2 ({twins[0].turn_key[:12]}): " in said
    assert "goes to sensibility" in ask(f"{twins[0].dialogue_id}:2", near_duplicates=0.7)[0]


def test_a_rule_that_ranks_tells_the_place_and_the_lowest_scores_taken(ask):
    said = ask("low:2", rule="quantile", keep=0.5)[0]
    assert (
        "because of R among the best 2 of the other 3: it scored S 4, R 4.5, thresholds S 8, R 4.5, rule quantile"
        in said
    )


def test_a_lower_bound_tells_what_was_compared(ask):
    said = ask("both:2", rule="lower-bound", k_sd=2)[0]
    assert "because of R - k sd > threshold: it scored S 8, R 7 (compared as S 8, R 7), thresholds S 5, R 5" in said


@pytest.mark.parametrize(
    "turn",
    ["", ":", "nobody:2", "both:3", "abc", "both", "both:²", "both:99999999999999999999", "'; DROP TABLE x; --:2",
     "../x:2", "%", "a" * 10_000, "\u202eboth:2", "ffffffffffff"],
)  # fmt: skip
def test_what_names_no_turn_is_told(ask, turn):
    with pytest.raises(UsageError, match="There is no turn"):
        ask(turn)


@pytest.fixture
def look(make_scored, make_row):
    """Show the boundary of sixty turns with scores on a grid."""
    rows = [
        make_row(f"d{n}", f"text {n}", (n % 11 + 0.25, n * 3 % 11 + 0.5 if n % 11 < 10 else 1.0), emotion=f"e{n % 2}")
        for n in range(60)
        if n % 11 + 0.25 <= 10 and n * 3 % 11 + 0.5 <= 10
    ]
    scored = make_scored([*rows, make_row("none", "nobody asked", None)])

    def run(n, emotion="", **config):
        selection = SelectionConfig(**config)
        with open_decisions(scored.artifacts, scored.corpus, scored.scores, selection) as connection:
            return show_boundary(connection, selection, n, emotion)

    return run


@pytest.mark.parametrize("config", [{}, {"rule": "quantile", "keep": 0.4}, {"rule": "top-k", "top_k": 9}])
def test_the_nearest_turns_of_both_sides_are_shown_with_their_texts(look, config):
    rows = look(4, "e1", **config)
    assert [row["is_selected"] for row in rows] == [True] * 4 + [False] * 4
    assert all((row["subset"] == "discard") is not row["is_selected"] for row in rows)
    assert {row["emotion"] for row in rows} == {"e1"}
    assert all(row["message"].startswith("text ") and row["response"] == "Oh." for row in rows)


def test_no_turn_that_is_left_is_nearer_than_one_that_is_shown(look):
    def distance(row):
        return min(abs(row["sensibility"] - 5), abs(row["rationality"] - 5))

    everything, shown = look(1000), look(3)
    for side in (True, False):
        of_side = sorted(distance(row) for row in everything if row["is_selected"] is side)
        assert [distance(row) for row in shown if row["is_selected"] is side] == of_side[:3]


@pytest.mark.parametrize("emotion", ["happy", "'; DROP TABLE decisions; --", "e1 ", "x" * 10_000])
def test_an_emotion_that_no_turn_has_is_told_with_those_there_are(look, emotion):
    with pytest.raises(UsageError) as caught:
        look(3, emotion)
    assert caught.value.do == "there are: e0, e1, proud"
    assert len(caught.value.what) < 200
