"""Holding a judge: the lease in the home and, where the journal is shared, the one that all hosts see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.scoring.ledger.journal import close_left_segments
from tasks.scoring.ledger.lease import Lease, hold_lease, keep_lease
from tasks.scoring.ledger.lease_card import CardFile, Cards
from tasks.scoring.ledger.membership import Membership, join_run
from tasks.scoring.ledger.shared import SharedJournal, send_segments
from tasks.settings import Settings


@dataclass(frozen=True)
class Hold:
    """The right to pay for a judge's calls, wherever it has to be asked for."""

    leases: tuple[Lease | Membership, ...]
    folder: Path
    shared: SharedJournal | None = None

    def check(self) -> None:
        """Raise what `Lease.check` does, of any of the leases."""
        for lease in self.leases:
            lease.check()

    @property
    def token(self) -> str:
        """What the lease that all hosts see is known by."""
        return self.leases[-1].token

    def bring(self) -> None:
        """Copy what other hosts have sent meanwhile. Raises OSError where disk or store cannot be reached."""
        if self.shared is not None:
            self.shared.bring(self.folder)


@contextmanager
def hold_judge(settings: Settings, folder: Path, judge: str, run_name: str) -> Iterator[Hold]:
    """Hold the judge whose journal is `folder`, with what other hosts paid for brought here and the new sent there.

    Raises LeaseHeldError if another run has it on this host or any, OSError if disk or store cannot be reached,
    StoppedShortError at the end where segments could not be copied to the shared journal.
    """
    shared = SharedJournal.from_settings(settings)
    with ExitStack() as held:
        leases: list[Lease | Membership] = [held.enter_context(hold_lease(folder, judge, run_name))]
        if shared is not None:
            leases.append(held.enter_context(keep_lease(shared.card_of(folder.name), judge, run_name)))
            shared.bring(folder)
            held.enter_context(send_segments(shared, folder))
        yield Hold(tuple(leases), folder, shared)


@contextmanager
def join_judge(settings: Settings, judge_id: str, judge: str, token: str, sign: Callable[[], bool]) -> Iterator[Hold]:
    """Belong to a run that holds the judge, on this host or another. Raises what `join_run` and `hold_judge` do."""
    folder, shared = settings.journal_dir / judge_id, SharedJournal.from_settings(settings)
    folder.mkdir(parents=True, exist_ok=True)
    cards: Cards = CardFile(folder) if shared is None else shared.card_of(judge_id)
    with ExitStack() as held:
        membership = held.enter_context(join_run(cards, token, judge, sign))
        close_left_segments(folder)  # of shards that were killed here: only closed ones are sent
        if shared is not None:
            shared.bring(folder)
            held.enter_context(send_segments(shared, folder))
        yield Hold((membership,), folder, shared)
