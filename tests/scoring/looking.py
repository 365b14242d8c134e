"""What a home's tables say of a judge's work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.home import Home
from tasks.schema import Turn, Utterance
from tasks.scoring.prompting import render_dialogue


def ask_tables(home: Home, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    with home.store.transaction() as connection:
        return connection.execute(query, values).fetchall()


def read_scores(home: Home) -> dict[str, Any]:
    """Return (sensibility, rationality), or the reason, by the dialogue as the judge saw it."""
    rows = ask_tables(
        home,
        "SELECT s.turn_key, sensibility, rationality, unscored_reason, t.prompt, t.response "
        "FROM scores s JOIN read_parquet($files) t USING (turn_key)",
        {"files": home.turn_files(home.list_corpus())},
    )
    return {show_turn(key, prompt, response): reason or (s, r) for key, s, r, reason, prompt, response in rows}


def show_turn(turn_key: str, prompt: Sequence[dict[str, str]], response: str) -> str:
    return render_dialogue(Turn(turn_key, (Utterance("speaker", prompt[0]["content"]),), response))


def count_attempts(home: Home) -> dict[str, int]:
    """Return the attempts in the ledger by their error class; '' for those that told."""
    return dict(ask_tables(home, "SELECT coalesce(error_class, ''), count(*) FROM attempts GROUP BY ALL"))
