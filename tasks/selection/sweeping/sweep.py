"""Sizes, overlap, variety and sensitivity of the subsets that each selection of a grid would give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.artifacts import ArtifactStore
from tasks.config import SelectionConfig
from tasks.schema import ArtifactRef
from tasks.selection.connecting import connect
from tasks.selection.decide import SUBSETS
from tasks.selection.materialize import prepare
from tasks.selection.sweeping.assigning import Assigned, assign_subsets, has_thresholds
from tasks.selection.sweeping.measuring import MeasuredOnce, measure_jaccard
from tasks.selection.sweeping.points import Interval, SubsetMeasures, SweepPoint
from tasks.selection.sweeping.resampling import Floats, find_interval, resample_sums
from tasks.selection.sweeping.texts import Ints, TurnTexts, read_texts

STEP = 0.5
"""Sensitivity is told per so much of a threshold; both thresholds are moved by it, to either side."""


def sweep_selections(
    artifacts: ArtifactStore,
    corpus: Sequence[ArtifactRef],
    scores: ArtifactRef,
    grid: Sequence[SelectionConfig],
    chosen: SelectionConfig,
) -> list[SweepPoint]:
    """Measure what each selection of the grid would give, and its overlap with the chosen one; writes nothing.

    All share the first one's split, calibration and judge that must agree (the chosen one may have its own of the
    latter two), and their counts are those of `preview`; a target share is not looked for. Shares are of the scored
    turns; intervals are percentiles over 1,000 seeded resamples of whole dialogues. Sensitivity is
    (share at t + 0.5 - share at t - 0.5) / 2 with both thresholds moved, within 0 to 10; None of a rule without
    thresholds. Jaccard is |A and B| / |A or B|; balance the entropy of the emotions over the logarithm of how many
    there are; Dist-n 100 x distinct / all n-grams, words lower-cased and split at white space. Raises UsageError
    if the split does not exist.
    """
    with connect() as connection:
        prepare(connection, artifacts, corpus, scores, grid[0])
        wanted = [*grid, *(moved for one in grid for moved in move_thresholds(one))]
        distinct = list(dict.fromkeys(wanted))
        assigned = assign_subsets(connection, distinct)
        texts = read_texts(connection)
        of_chosen = assign_subsets(connection, [chosen])[0] if _share_inputs(chosen, grid[0]) else None
    if of_chosen is None:
        with connect() as connection:
            prepare(connection, artifacts, corpus, scores, chosen.model_copy(update={"split": grid[0].split}))
            of_chosen = assign_subsets(connection, [chosen])[0]
    sweep = _Sweep(distinct, assigned, texts, of_chosen)
    return [sweep.measure(selection) for selection in grid]


def _share_inputs(one: SelectionConfig, other: SelectionConfig) -> bool:
    """Whether two selections are made from the same files, but for their splits."""
    return (one.calibration, one.agree_with) == (other.calibration, other.agree_with)


def move_thresholds(selection: SelectionConfig) -> list[SelectionConfig]:
    """Return the selection with both thresholds a step lower, and a step higher; nothing of a rule without any."""
    if not has_thresholds(selection):
        return []
    names = ("sensibility_threshold", "rationality_threshold")
    return [
        selection.model_copy(update={name: min(max(getattr(selection, name) + by, 0.0), 10.0) for name in names})
        for by in (-STEP, STEP)
    ]


class _Sweep:
    """All selections of a sweep, decided and resampled."""

    def __init__(
        self, selections: Sequence[SelectionConfig], assigned: Assigned, texts: TurnTexts, chosen: Assigned
    ) -> None:
        self.places = {one: place for place, one in enumerate(selections)}
        self.assigned, self.chosen = assigned, chosen
        self.texts = MeasuredOnce(texts)
        self.resampled = resample_shares(assigned, texts.dialogues)

    def measure(self, selection: SelectionConfig) -> SweepPoint:
        """Return everything known of one selection."""
        subsets = {name: self._measure_subset(selection, code) for code, name in enumerate(SUBSETS)}
        return SweepPoint(selection=selection, n_scored=self.assigned.shape[1], subsets=subsets)

    def _measure_subset(self, selection: SelectionConfig, code: int) -> SubsetMeasures:
        place = self.places[selection]
        turns = self.assigned[place] == code
        change, change_interval = self._measure_sensitivity(selection, code)
        return SubsetMeasures(
            n=int(np.count_nonzero(turns)),
            share=self._share(place, code),
            share_interval=find_interval(self.resampled[place, code]),
            sensitivity=change,
            sensitivity_interval=change_interval,
            jaccard=measure_jaccard(turns, self.chosen == code),
            **self.texts.measure(turns),
        )

    def _measure_sensitivity(self, selection: SelectionConfig, code: int) -> tuple[float | None, Interval | None]:
        moved = move_thresholds(selection)
        if not moved:
            return None, None
        low, high = (self.places[one] for one in moved)
        # two steps lie between them, at the ends of the scale fewer
        widths = [moved[1].sensibility_threshold - moved[0].sensibility_threshold,
                  moved[1].rationality_threshold - moved[0].rationality_threshold]  # fmt: skip
        scale = STEP / max(widths)
        change = (self._share(high, code) - self._share(low, code)) * scale
        return round(change, 6), find_interval((self.resampled[high, code] - self.resampled[low, code]) * scale)

    def _share(self, place: int, code: int) -> float:
        n = self.assigned.shape[1]
        return round(int(np.count_nonzero(self.assigned[place] == code)) / n, 6) if n else 0.0


def resample_shares(assigned: Assigned, dialogues: Ints) -> Floats:
    """Return (selections, subsets, resamples): the shares over resampled dialogues; no resample where no turn is."""
    sums = resample_sums(count_by_dialogue(assigned, dialogues))
    per_subset = sums.reshape(len(sums), len(assigned), len(SUBSETS))
    shares: Floats = per_subset / per_subset.sum(axis=2, keepdims=True)
    return np.moveaxis(shares, 0, 2)


def count_by_dialogue(assigned: Assigned, dialogues: Ints) -> Ints:
    """Return (dialogues, selections x subsets): how many of a dialogue's turns each selection puts where."""
    n = int(dialogues.max(initial=-1)) + 1
    cells = dialogues * len(SUBSETS)
    counts = [np.bincount(cells + row, minlength=n * len(SUBSETS)).reshape(n, len(SUBSETS)) for row in assigned]
    return np.concatenate(counts, axis=1)
