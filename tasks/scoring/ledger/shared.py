"""The shared journal: copies of closed segments in an object store, by which hosts know what each other paid for.

A reply is always on the local disk first. A segment goes to the store once it is closed, after a second or a hundred
replies, in the background: a store that does not answer for a while delays nothing but the end of the run. What is not
there yet when a run ends is sent by the next; what a host lost with its disk is at most the segments still open.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.errors import StoppedShortError
from tasks.remote import open_url, reach
from tasks.scoring.ledger.journal import list_segments
from tasks.scoring.ledger.remote_card import RemoteCard
from tasks.settings import Settings

logger = logging.getLogger("empathy.journal")

IDENTITY_FILE = "judge.json"
SENDERS = 4
LOOK_EVERY_S = 1.0
PATIENCE_S = 300.0
"""How long the end of a run waits for what is not sent yet."""


class SharedJournal:
    """The journals of all judges in one store. Raises OSError where it cannot be reached."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._root = open_url(url)

    @classmethod
    def from_settings(cls, settings: Settings) -> SharedJournal | None:
        """Open the shared journal of the machine's settings; None where they name none."""
        return cls(settings.journal) if settings.journal else None

    def card_of(self, judge_id: str) -> RemoteCard:
        """Return where the lease of a judge is signed for all hosts."""
        return RemoteCard(f"{self.url}/{judge_id}")

    def list_judges(self) -> list[str]:
        """Return the ids of the judges that have a journal here."""
        with reach(self.url):
            try:
                found = self._fs.ls(self._root, detail=False, refresh=True)
            except FileNotFoundError:
                return []
        return sorted(name for name in (path.rsplit("/", 1)[-1] for path in found) if "." not in name)

    def list_files(self, judge_id: str) -> dict[str, int]:
        """Return names and bytes of a judge's closed segments, and of what says who the judge is."""
        with reach(self.url):
            try:
                found = self._fs.ls(f"{self._root}/{judge_id}", detail=True, refresh=True)
            except FileNotFoundError:
                return {}
        sizes = {entry["name"].rsplit("/", 1)[-1]: int(entry["size"]) for entry in found}
        return {name: size for name, size in sizes.items() if name.endswith(".jsonl") or name == IDENTITY_FILE}

    def send(self, path: Path) -> None:
        """Put a file of a judge's local journal here; one of that name is replaced."""
        with reach(self.url):
            self._fs.put_file(str(path), f"{self._root}/{path.parent.name}/{path.name}")

    def bring(self, folder: Path) -> int:
        """Copy what this journal has and a judge's local one has not there, and return how many files that were."""
        folder.mkdir(parents=True, exist_ok=True)
        missing = [name for name in sorted(self.list_files(folder.name)) if not (folder / name).exists()]
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(lambda name: self._fetch(folder / name), missing))
        return len(missing)

    def bring_all(self, journal_dir: Path) -> None:
        """Copy the journals of all judges to the local ones."""
        for judge_id in self.list_judges():
            self.bring(journal_dir / judge_id)

    def _fetch(self, path: Path) -> None:
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
        with reach(self.url):
            self._fs.get_file(f"{self._root}/{path.parent.name}/{path.name}", str(partial))
        partial.replace(path)


class Sender:
    """Sends a judge's segments as they are closed, whoever writes them, while a run holds its lease."""

    def __init__(self, shared: SharedJournal, folder: Path) -> None:
        self.shared, self.folder = shared, folder
        self._sent = shared.list_files(folder.name)
        self._is_over, self._is_warned = threading.Event(), False
        self._thread = threading.Thread(target=self._keep_sending, name="shared journal", daemon=True)
        self._thread.start()

    def _keep_sending(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            self._send_new()

    def _send_new(self) -> int:
        """Send what the store has not got, or has with lines since removed; return how many files it did not take."""
        own = [self.folder / IDENTITY_FILE, *(path for path in list_segments(self.folder) if path.suffix == ".jsonl")]
        new = {path: path.stat().st_size for path in own if path.exists()}
        new = {path: size for path, size in new.items() if size < self._sent.get(path.name, size + 1)}
        if not new:
            return 0
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="sender") as pool:
            done = list(pool.map(self._try_to_send, new))
        self._sent |= {path.name: size for (path, size), is_sent in zip(new.items(), done, strict=True) if is_sent}
        return done.count(False)

    def _try_to_send(self, path: Path) -> bool:
        try:
            self.shared.send(path)
        except OSError as error:
            if not self._is_warned:
                logger.warning("the shared journal does not take segments at the moment: %s", error)
            self._is_warned = True
            return False
        return True

    def finish(self, patience_s: float) -> None:
        """Return when all is sent. Raises StoppedShortError where the store did not take it for too long."""
        self._is_over.set()
        self._thread.join()
        until = time.monotonic() + patience_s
        while (n_left := self._send_new()) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
        if n_left:
            raise StoppedShortError(
                f"{n_left:,} segments of the journal could not be copied to the shared one; they are kept here.",
                where=self.shared.url,
                do="run the same again once the store answers: nothing is paid for twice",
            )


@contextmanager
def send_segments(shared: SharedJournal, folder: Path) -> Iterator[None]:
    """Send a judge's segments while a run writes them, the last at its end.

    Raises OSError where the store cannot be reached at first, StoppedShortError where it takes nothing at the end.
    """
    sender = Sender(shared, folder)
    try:
        yield
    except BaseException as error:
        with suppress(StoppedShortError):  # why the run stopped is worth more; the next one sends the rest
            sender.finish(PATIENCE_S if isinstance(error, Exception) else 0)
        raise
    sender.finish(PATIENCE_S)
