"""What `empathy judge validate` and `compare` found, as tables of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from flows.terminal import Listing, make_table

if TYPE_CHECKING:
    from rich.table import Table

    Tables = list[Table | Listing]

Record = dict[str, Any]
SHORT = {
    "sensibility": "S", "rationality": "R", "reference_sensibility": "ref. S", "reference_rationality": "ref. R",
    "reference_rating": "rating", "affect words": "affect", "response length": "length", "question marks": "questions",
}  # fmt: skip
WIDTH = 76
"""Of a text beside its name in a listing."""
MOST_SAID = 6
"""Utterances shown of an example, the last ones."""


class Gaps:
    """Measures that are a dash, and why: collected while cells are written, told once under the tables."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def write(self, said: str, figure: Record, *, has_interval: bool = True) -> str | None:
        """Return a measure as a cell."""
        if figure["why"]:
            self.reasons.setdefault(said, figure["why"])
        if figure["value"] is None:
            return None
        if not has_interval or figure["low"] is None:
            return f"{figure['value']:.2f}"
        return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"

    def list_all(self) -> Tables:
        """Return the reasons as a listing; nothing without any."""
        rows: list[tuple[str, object]] = []
        for why in dict.fromkeys(self.reasons.values()):
            what = "; ".join(said for said, reason in self.reasons.items() if reason == why)
            rows += wrap("–", why if why.startswith("no interval") else f"{why}: {what}")
        return [Listing("Not measured, and why", rows)] if rows else []


def make_validation_tables(record: Record) -> Tables:
    """Return the tables of a validation."""
    gaps = Gaps()
    against = f" against {record['reference']}" if record["reference"] else ""
    tables: Tables = [Listing(f"Judge {record['judge']}{against}", describe_turns(record))]
    tables += make_agreement_tables(record, gaps)
    tables += make_scale_tables(record, gaps)
    tables += make_system_tables(record)
    tables.append(make_bias_table(record["bias"], gaps))
    tables.append(make_saturation_table(("score", "score"), record["saturation"].items()))
    return tables + gaps.list_all()


def describe_turns(record: Record) -> list[tuple[str, object]]:
    """Return what was measured, and what to know of it."""
    how = record["intervals"]
    rated = f" ({record['n_rated']:,} are rated)" if record["n_rated"] not in (None, record["n_turns"]) else ""
    rows: list[tuple[str, object]] = [
        ("turns", f"{record['n_turns']:,} of {record['n_dialogues']:,} dialogues{rated}"),
        ("intervals", f"{how['level']:.0%}, {how['n_resamples']:,} seeded resamples of whole dialogues"),
    ]
    rows += [("left out", f"{n:,}: {why}") for why, n in record["left_out"].items()]
    return rows + [row for note in record["notes"] for row in wrap("note", note)]


def wrap(name: str, text: str) -> list[tuple[str, object]]:
    """Return a text as lines of a listing, of which the first has the name."""
    lines = textwrap.wrap(text, WIDTH) or [""]
    return [(name, lines[0]), *(("", line) for line in lines[1:])]


def make_agreement_tables(record: Record, gaps: Gaps) -> Tables:
    """Return, for each axis of the reference, what predicts it: judges, then baselines."""
    tables: Tables = []
    letters = dict(zip(record.get("judges", []), ascii_uppercase, strict=False))
    for axis in record["axes"]:
        of_axis = [row for row in record["agreement"] if row["axis"] == axis]
        high = record["high"][axis]
        title = (f"Agreement with the reference's {axis} (AUC: {high['said']} against the rest, "
                 f"{high['n']:,} of {record['n_turns']:,} turns)")  # fmt: skip
        rows = []
        for row in of_axis:
            name = " ".join(filter(None, [letters.get(row.get("judge", "")), row["predictor"]]))
            about = f"{name} and {axis}"
            cells = [gaps.write(about, row[key]) for key in ("spearman", "pearson")]
            cells.append(gaps.write(f"AUC of {about}", row["auc"]))
            rows.append((name if row["kind"] == "judge" else f"({name})", *cells))
        tables.append(make_table(title, ["score, (baseline)", "Spearman", "Pearson", "AUC"], rows))
    kappas = [(" ".join(filter(None, [letters.get(row.get("judge", "")), row["axis"]])),
               gaps.write(f"{row['axis']}: kappa", row["kappa"]))
              for row in record["agreement"] if row["axis"] != "rating" and row["kind"] == "judge"]  # fmt: skip
    if kappas:
        tables.append(make_table("The same scale: kappa with quadratic weights", ["score", "kappa"], kappas))
    return tables


def make_scale_tables(record: Record, gaps: Gaps) -> Tables:
    """Return the overlap of the subsets; nothing where the reference has not both scores."""
    if not record["subsets"]:
        return []
    names = list(record["subsets"][0]["baselines"])
    rows = [
        (one["subset"], one["n_judge"], one["n_reference"], gaps.write(f"Jaccard of {one['subset']}", one["jaccard"]),
         None if one["chance"] is None else f"{one['chance']:.2f}",
         *(gaps.write(f"Jaccard of {one['subset']}", one["baselines"][name], has_interval=False) for name in names))
        for one in record["subsets"]
    ]  # fmt: skip
    title = (f"Subsets under the rule paper, threshold {record['threshold']:g} "
             "(as many turns by chance; by count, from the better end)")  # fmt: skip
    columns = ["subset", "judge", "reference", "Jaccard", "chance", *(SHORT[name] for name in names)]
    return [make_table(title, columns, rows)]


def make_system_tables(record: Record) -> Tables:
    """Return agreement within the responses of each system; nothing of one system alone."""
    tables: Tables = []
    for axis in record["axes"] if record["by_system"] else []:
        names = list(record["by_system"][0]["spearman"][axis])
        rows = [
            (one["system"], one["n"], f"{one['mean'][f'reference_{axis}']:.2f}",
             *(f"{one['mean'][name]:.2f}" for name in names[:2]),
             *(_plain(one["spearman"][axis][name]) for name in names))
            for one in record["by_system"]
        ]  # fmt: skip
        columns = ["system", "turns", "mean", "mean S", "mean R", *(SHORT[name] for name in names)]
        tables.append(
            make_table(f"Within each system: mean {axis} and scores, Spearman with the {axis}", columns, rows)
        )
    return tables


def make_bias_table(bias: Sequence[Record], gaps: Gaps) -> Table:
    """Return what else the scores follow; the reference's columns tell a bias from what is so."""
    columns = list(bias[0]["scores"])
    rows = []
    for one in bias:
        cells = []
        for name in columns:
            figure, is_own = one["scores"][name], not name.startswith("reference_")
            if one["measure"] == "eta_squared":
                gaps.write("bias with emotion", {**figure, "value": None})
                chance = f" (chance {figure['chance']:.2f})" if is_own and figure["chance"] is not None else ""
                cells.append(None if figure["value"] is None else f"{figure['value']:.2f}{chance}")
            else:
                cells.append(gaps.write(f"bias with {one['with']}", figure, has_interval=is_own))
        rows.append((f"{one['with']}, eta²" if one["measure"] == "eta_squared" else one["with"], *cells))
    heads = [SHORT[name] if name.startswith("reference_") else name for name in columns]
    return make_table("Bias: Spearman of each score with what it should not follow", ["with", *heads], rows)


def make_saturation_table(heads: tuple[str, str], found: Iterable[tuple[str, Record]]) -> Table:
    """Return how much of the scale each score uses."""
    rows = [
        (name.replace("_", "'s "), f"{one['mean']:.2f}", f"{one['sd']:.2f}", one["mode"], f"{one['modal_share']:.1%}",
         f"{one['entropy']:.2f}")
        for name, one in found
    ]  # fmt: skip
    title = "Saturation: the most frequent whole score, its share, entropy (0 one score, 1 all eleven alike)"
    return make_table(title, [heads[0], "mean", "sd", "mode", "share", "entropy"], rows)


def make_comparison_tables(record: Record) -> Tables:
    """Return the tables of a comparison, and the turns to read."""
    gaps = Gaps()
    letters = dict(zip(record["judges"], ascii_uppercase, strict=False))
    legend: list[tuple[str, object]] = [(letter, judge) for judge, letter in letters.items()]
    if record["reference"]:
        legend.append(("against", record["reference"]))
    tables: Tables = [Listing("Judges", [*legend, *describe_turns(record)])]
    pairs = [
        (_pair(one, letters), one["dimension"], gaps.write(f"{one['dimension']}: Spearman", one["spearman"]),
         gaps.write(f"{one['dimension']}: kappa", one["kappa"]), f"{one['mean_difference']:+.2f}")
        for one in record["pairs"]
    ]  # fmt: skip
    columns = ["judges", "score", "Spearman", "kappa", "second - first"]
    tables.append(make_table("Pairs of judges (kappa: quadratic weights, whole scores)", columns, pairs))
    alphas = [(name, gaps.write(f"{name}: alpha", one)) for name, one in record["alpha"].items()]
    tables.append(make_table("All judges: Krippendorff's alpha (interval)", ["score", "alpha"], alphas))
    saturation = (
        (f"{letters[judge]} {name}", one) for judge, of in record["saturation"].items() for name, one in of.items()
    )
    tables.append(make_saturation_table(("score", "score"), saturation))
    tables += make_selection_tables(record, letters, gaps)
    tables += make_agreement_tables(record, gaps)
    return [*tables, *gaps.list_all(), *make_examples(record, letters)]


def make_selection_tables(record: Record, letters: dict[str, str], gaps: Gaps) -> Tables:
    """Return sizes and overlaps of the subsets at each threshold."""
    names = ("sensibility", "rationality", "discard")
    sizes, overlaps = [], []
    for one in record["subsets"]:
        at = f"{one['threshold']:g}"
        for judge, counts in one["sizes"].items():
            shares = (f"{n:,} ({n / record['n_turns']:.1%})" for n in counts.values())
            sizes.append((at, letters[judge], *shares))
        for pair in one["jaccard"]:
            jaccards = (gaps.write(f"Jaccard of {name} at {at}", pair[name]) for name in names)
            overlaps.append((at, _pair(pair, letters), *jaccards))
    return [
        make_table("Subsets under the rule paper", ["threshold", "judge", *names], sizes),
        make_table("Their overlap, Jaccard", ["threshold", "judges", *names], overlaps),
    ]


def make_examples(record: Record, letters: dict[str, str]) -> Tables:
    """Return the turns on which the judges differ most, a listing each."""
    tables: Tables = []
    for one in record["differences"]:
        rows: list[tuple[str, object]] = [
            (letters[judge], f"sensibility {given['sensibility']:g}, rationality {given['rationality']:g}")
            for judge, given in one["scores"].items()
        ]
        rows += [(f"reference's {axis}", f"{value:g}") for axis, value in one["reference"].items()]
        said = [
            ("listener" if m["role"] == "assistant" else "speaker", m["content"]) for m in one["prompt"][-MOST_SAID:]
        ]
        for role, text in [*said, ("response", one["response"])]:
            rows += wrap(role, text)
        place = ":".join(str(part) for part in (one["dialogue_id"], one["utterance_idx"]) if part is not None)
        about = ", ".join(filter(None, [place or one["turn_key"][:12], one["emotion"], one["system"]]))
        tables.append(Listing(f"Apart by {one['distance']:g}: {about}", rows))
    return tables


def _pair(record: Record, letters: dict[str, str]) -> str:
    return " ".join(letters[judge] for judge in record["judges"])


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
