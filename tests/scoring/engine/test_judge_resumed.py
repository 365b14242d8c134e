"""A run that was stopped between a useless reply and the next asking: the turn's own tries are not used up."""

import pytest

from tasks.scoring import identify_judge
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tests.scoring.engine.conftest import LLM
from tests.scoring.looking import ask_tables


@pytest.mark.parametrize("left", [{"reply": "Rather warm."}, {"error_class": "refusal"}, {"error_class": "truncated"}])
@pytest.mark.parametrize(
    ("n_useless", "is_asked"),
    [
        (1, True),
        (3, False),
    ],
)
def test_a_turn_whose_asking_was_interrupted_is_asked_on(fault_server, point_at, run, left, n_useless, is_asked):
    server = fault_server()
    home = point_at(server)
    run(home, 5, "plans")  # to learn a turn's key
    (key,) = ask_tables(home, "SELECT turn_key FROM scores ORDER BY ALL LIMIT 1")[0]
    folder = home.settings.journal_dir / identify_judge(LLM, server.url).judge_id
    for segment in folder.glob("plans-*"):
        segment.unlink()
    with home.store.transaction() as connection:
        for table in ("scores", "attempts", "segments"):
            connection.execute(f"DELETE FROM {table}")
    n_before = len(server.calls)
    with SegmentWriter(folder, "killed-00000") as writer:
        for number in range(n_useless):
            writer.append(Attempt(key, "r", 1.0 + number, 0.1, http_status=200, **left))
    coverage = run(home, 5, "next").coverage
    assert (coverage.n_scored, len(server.calls) - n_before) == ((5, 5) if is_asked else (4, 4))
