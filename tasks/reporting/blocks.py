"""What a section is built of. A section only says what it shows; `page.py` turns it into HTML.

A new kind of block is a class here and a macro of the same `kind` in `templates/blocks.html.j2`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tasks.reporting.explorer.shown import Explorer

if TYPE_CHECKING:  # importing Altair takes a second, and only drawing needs it
    import altair as alt

WIDE, NARROW = 860, 380
"""Widths in CSS pixels that charts are drawn at: a laptop's column, and a phone's or half a column."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a table: what is read, and the exact number behind it if it is one."""

    text: str
    value: float | int | None = None
    note: str = ""
    swatch: str = ""
    """Name of a palette colour shown before the text."""
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under labelled columns; the first column is the heading of its row."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    is_folded: bool = False
    """Shown on demand only."""
    is_text: bool = False
    """Holds sentences: on a phone each row is stacked instead of scrolled."""
    note: str = ""
    n_first: int | None = None
    """Rows that are seen at once where a script can show the others; all if not set."""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Say of each column whether it holds numbers, which stand to the right."""
        return tuple(any(row[i].value is not None for row in self.rows) for i in range(len(self.columns)))


@dataclass(frozen=True, slots=True)
class Fact:
    """One key figure."""

    label: str
    figure: Cell


@dataclass(frozen=True, slots=True)
class Facts:
    """Key figures in a strip."""

    kind: ClassVar[str] = "facts"
    items: Sequence[Fact]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs of plain text."""

    kind: ClassVar[str] = "prose"
    paragraphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bullets:
    """Points of a list."""

    kind: ClassVar[str] = "bullets"
    points: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title, its description for those who do not see it, and its numbers as a table."""

    kind: ClassVar[str] = "figure"
    name: str
    """Unique in the report; the file name of its picture."""
    title: str
    description: str
    draw: Callable[[int], alt.Chart | alt.LayerChart]
    """The chart at a width in pixels."""
    numbers: Table | None = None
    note: str = ""
    is_half: bool = False
    """Stands in half a column, so it is drawn once, at the narrow width."""
    has_picture: bool = False
    """Also written as `charts/<name>.png`."""

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths it is drawn at for the page."""
        return (NARROW,) if self.is_half else (WIDE, NARROW)


@dataclass(frozen=True, slots=True)
class Shade:
    """A piece of text on a background: a palette colour and how much of it, in percent."""

    text: str
    colour: str
    percent: int
    tip: str
    """What the pointer finds."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns of one dialogue: what was said, and the answer piece by piece."""

    turns: Sequence[tuple[str, Sequence[Shade]]]


@dataclass(frozen=True, slots=True)
class Shaded:
    """Dialogues whose answers are coloured piece by piece."""

    kind: ClassVar[str] = "shaded"
    title: str
    note: str
    dialogues: Sequence[Conversation]


@dataclass(frozen=True, slots=True)
class Reading:
    """A dialogue to read: where it is from, what judges gave it, and who said what."""

    heading: str
    verdicts: Sequence[tuple[str, str]]
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Readings:
    """Dialogues to read, one after the other."""

    kind: ClassVar[str] = "readings"
    dialogues: Sequence[Reading]


@dataclass(frozen=True, slots=True)
class Searched:
    """Tables of turns with a search over their rows."""

    kind: ClassVar[str] = "searched"
    title: str
    tables: Sequence[Table]

    @property
    def n_rows(self) -> int:
        """Return how many rows the tables have together."""
        return sum(len(table.rows) for table in self.tables)


@dataclass(frozen=True, slots=True)
class Listing:
    """Text as it is, such as a configuration; shown on demand."""

    kind: ClassVar[str] = "listing"
    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A labelled address of ours; only http(s) ones become links."""

    kind: ClassVar[str] = "link"
    label: str
    address: str

    @property
    def is_web(self) -> bool:
        """Say whether a browser may follow it."""
        return self.address.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Columns:
    """Two stacks of blocks side by side, one under the other on a phone."""

    kind: ClassVar[str] = "columns"
    left: Sequence[Block]
    right: Sequence[Block]


Block = Table | Facts | Prose | Bullets | Figure | Shaded | Readings | Searched | Listing | Link | Columns | Explorer


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the report. Without blocks, `absent` says in one line what is missing and what makes it."""

    name: str
    title: str
    lead: str = ""
    blocks: Sequence[Block] = ()
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """Sections that are seen together on a screen; on paper they follow one another."""

    name: str
    title: str
    sections: Sequence[Section]
