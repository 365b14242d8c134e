"""Helpers of the ingest tests: write a file, read it as a source."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tasks.dialogues import Rejected, read_dialogues, resolve_source
from tasks.schema import Dialogue

HEADER = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags"


class Reading(NamedTuple):
    """What came out of a source."""

    dialogues: list[Dialogue]
    rejected: list[Rejected]

    @property
    def texts(self) -> list[list[str]]:
        return [[text for _, text in dialogue.utterances] for dialogue in self.dialogues]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(rejected.line, rejected.reason.value) for rejected in self.rejected]


@pytest.fixture(scope="session")
def read_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Reading]:
    cache = tmp_path_factory.mktemp("cache")

    def read(path: Path) -> Reading:
        items = list(read_dialogues(resolve_source(str(path), cache)))
        return Reading(
            [item for item in items if not isinstance(item, Rejected)],
            [item for item in items if isinstance(item, Rejected)],
        )

    return read


@pytest.fixture(scope="session")
def read(
    tmp_path_factory: pytest.TempPathFactory, read_path: Callable[[Path], Reading]
) -> Callable[[str, str | bytes], Reading]:
    """Write one file and read it; session-wide, so that hypothesis may call it again and again."""
    folder = tmp_path_factory.mktemp("read")

    def write_and_read(name: str, content: str | bytes) -> Reading:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_path(path)

    return write_and_read


@pytest.fixture(scope="session")
def original_csv() -> Callable[..., str]:
    """Make an original CSV of (id, index, text) rows, or of whole lines."""

    def make(*rows: tuple[str, object, str] | str, header: str = HEADER) -> str:
        return "\n".join([header, *to_lines(rows)]) + "\n"

    def to_lines(rows: Iterable[tuple[str, object, str] | str]) -> list[str]:
        return [
            row
            if isinstance(row, str)
            else f"{row[0]},{row[1]},joyful,A new job_comma_ at last.,7,{row[2]},5|5|5_5|5|5,"
            for row in rows
        ]

    return make
