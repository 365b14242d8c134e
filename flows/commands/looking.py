"""What `empathy select` shows without changing anything: one turn, the boundary, whether a selection still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from flows.commands.data import settle_selection
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.config import SelectionConfig

WIDEST = 100


def check_looks(*, emotion: str | None, given: dict[str, Any], preview: bool, **looks: Any) -> None:
    """Refuse two looks at once, a look with --accept, and options that the chosen look would not read."""
    asked = [f"--{name}" for name, value in {"preview": preview or None, **looks}.items() if value is not None]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} do not go together.", do="give one of them")
    if emotion is not None and looks["show"] is None:
        raise UsageError("--emotion belongs to --show.", do="give it with --show 5")
    if looks["verify"] is not None and given:
        raise UsageError(
            "--verify makes a selection again as its manifest says: no option of a selection goes with it.",
            do=f"leave out {', '.join(sorted(given))}",
        )


def show_explanation(selection: SelectionConfig, turn: str, *, as_json: bool) -> None:
    """Print why a turn goes where it goes."""
    from flows.terminal import show_result
    from tasks.selection import explain, open_decisions

    inputs, settled, _ = settle_selection(selection)
    with open_decisions(*inputs, settled) as connection:
        sentences = explain(connection, settled, turn)
    show_result({"explained": sentences}, as_json=as_json)
    if not as_json:
        typer.echo("\n".join(sentences))


def show_examples(selection: SelectionConfig, n: int, emotion: str, *, as_json: bool) -> None:
    """Print the turns nearest to a threshold, those selected and those left out."""
    from flows.terminal import Listing, show_result
    from tasks.selection import open_decisions, show_boundary

    inputs, settled, _ = settle_selection(selection)
    with open_decisions(*inputs, settled) as connection:
        rows = show_boundary(connection, settled, n, emotion)
    tables = []
    for title, is_selected in (("Selected, nearest to a threshold", True), ("Left out, nearest to a threshold", False)):
        texts = [line for row in rows if row["is_selected"] is is_selected for line in describe_example(row)]
        if texts:
            tables.append(Listing(f"{title} ({settled.label})", texts))
    show_result({"examples": rows}, as_json=as_json, tables=tables)


def describe_example(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a turn as named lines: scores and reason, what was said, what was answered."""
    head = f"S {row['sensibility']:.4g}, R {row['rationality']:.4g}, {row['emotion']}: {row['subset']}, {row['reason']}"
    return [(row["turn"], head), ("  speaker", clip(row["message"])), ("  listener", clip(row["response"]))]


def clip(text: str | None) -> str:
    """Return a text on one line of the terminal; control characters in it stay data."""
    words = "".join(letter if letter.isprintable() else " " for letter in text or "")
    return words if len(words) <= WIDEST else f"{words[: WIDEST - 1]}…"


def show_verification(digest: str, *, as_json: bool) -> None:
    """Print what was compared; exit 1 if anything differs."""
    from flows.terminal import Listing, show_result
    from tasks.home import open_home
    from tasks.selection import verify_selection

    found = verify_selection(open_home().artifacts, digest)
    rows: list[tuple[str, object]] = [("artifact", found.ref.uri), ("digest", found.digest)]
    rows += [("differs", said) for said in found.differences]
    title = "This is not what was selected" if found.differences else "Verified: selected again, and equal"
    result = {"uri": found.ref.uri, "digest": found.digest, "digests": found.digests, "differences": found.differences}
    show_result(result, as_json=as_json, tables=[Listing(title, rows)])
    if found.differences:
        raise typer.Exit(1)
