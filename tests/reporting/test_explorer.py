"""What the explorer counts is what `empathy select` selects."""

import base64
import dataclasses
import itertools
import json
import re
import shlex
import shutil

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import SelectionConfig
from tasks.reporting import write_report
from tasks.reporting.explorer.block import WIDTHS, pack_column
from tasks.reporting.explorer.cells import MOST_CELLS, MOST_EMOTIONS, RULES, count_cells, count_subsets, find_places
from tasks.reporting.explorer.heat import SIDE, list_boxes
from tasks.reporting.explorer.turns import count_words
from tasks.reporting.material import open_material
from tasks.reporting.sections.explore import explore_thresholds, read_cells
from tasks.reporting.sections.samples import show_turns
from tests.reporting.scoring import make_scored

SENSIBILITY, RATIONALITY = (0.1, 4.3, 5, 6.55, 10), (0, 3.7, 4, 5.5, 9.9)
SELECTIONS = {
    "none": None,
    "thresholds": SelectionConfig(sensibility_threshold=6.55, rationality_threshold=4),
    "filters": SelectionConfig(rule="released", min_words=4, max_words=20, near_duplicates=0.7),
    "quotas": SelectionConfig(max_per_emotion=3),
    "quantile": SelectionConfig(rule="quantile", keep=0.59),
    "lower-bound": SelectionConfig(rule="lower-bound", k_sd=1),
}


@pytest.fixture(scope="module", params=[True, False], ids=["whole", "fractional"])
def scored(request, make_home, tmp_path_factory):
    return make_scored(make_home(tmp_path_factory.mktemp("explored")), 600, is_whole=request.param)


@pytest.mark.parametrize("name", SELECTIONS)
def test_counts_are_those_of_the_selection_at_every_threshold(scored, name):
    selection = SELECTIONS[name]
    material = open_material(scored.select(selection))
    cells, split = read_cells(material)
    explorer = explore_thresholds(material, cells, split)
    modifiers = json.loads(explorer.parameters)["selection"]
    grid, found = [], []
    for rule, *values in itertools.product(RULES, SENSIBILITY, RATIONALITY):
        at = find_places(cells, values)
        s, r = (float(axis[place]) for axis, place in zip(cells.grids, at, strict=True))
        chosen = {"rule": rule, "sensibility_threshold": s, "rationality_threshold": r}
        grid.append(SelectionConfig(**{**modifiers, **chosen, "judge_id": "", "max_per_emotion": None}))
        found.append(tuple(count_subsets(cells, rule, at)[0].sum(axis=1)))
    expected = [(c.sensibility, c.rationality, c.discard) for c in scored.preview(grid)]
    assert found == expected
    assert len(set(found)) > 20
    assert bool(explorer.notes) == (name in ("filters", "quotas", "quantile", "lower-bound"))


def test_words_are_those_of_the_responses(scored):
    material = open_material(scored.select(SELECTIONS["thresholds"]))
    cells, _ = read_cells(material)
    turns, words = count_subsets(cells, "paper", find_places(cells, (6.55, 4)))
    rows = material.subsets.select("subset", n=count_words(pl.col("completion").list.first().struct.field("content")))
    if not cells.is_whole:  # else 6.55 stands between whole scores, as 6.5 does
        assert 6.55 in cells.grids[0]
    expected = rows.group_by("subset").agg(pl.len(), pl.col("n").sum()).collect().rows_by_key("subset")
    for place, name in enumerate(("sensibility", "rationality", "discard")):
        assert (turns[place].sum(), words[place].sum()) == expected[name][0]


def test_command_and_parameters_make_the_choice_again(scored):
    material = open_material(scored.select(SELECTIONS["filters"]))
    explorer = explore_thresholds(material, *read_cells(material))
    selection = SelectionConfig(**json.loads(explorer.parameters)["selection"])
    chosen = SELECTIONS["filters"].model_copy(update={"split": "train", "judge_id": selection.judge_id})
    assert selection == chosen
    words = shlex.split(explorer.command)
    assert words[:2] == ["empathy", "select"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    given = json.loads(explorer.parameters)["selection"]
    assert options == {f"--{name.replace('_', '-')}": str(value) for name, value in given.items()}


def test_it_begins_where_a_rule_that_ranks_had_its_lowest_scores(scored):
    material = open_material(scored.select(SelectionConfig(rule="top-k", top_k=100)))
    cells, split = read_cells(material)
    explorer = explore_thresholds(material, cells, split)
    for slider, bound, grid in zip(explorer.sliders, material.selection.bounds, cells.grids, strict=True):
        assert slider.threshold < bound <= grid[slider.at + 1]
    facts = material.selection.facts["thresholds"]
    assert material.selection.bounds == (facts["sensibility"], facts["rationality"])
    assert f"the lowest scores taken are sensibility {facts['sensibility']:.4g}" in material.selection.sentence()


def test_a_selection_on_calibrated_scores_is_not_mistaken_for_one_on_the_judges_own(scored, tmp_path):
    folder = scored.select(SELECTIONS["thresholds"]).subsets
    shutil.copytree(folder, tmp_path / "subsets")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["config"] |= {"calibration": "ab" * 16, "agree_with": "other", "min_agreement": 0.8}
    (tmp_path / "subsets" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    material = open_material(dataclasses.replace(scored.select(None), subsets=tmp_path / "subsets"))
    explorer = explore_thresholds(material, *read_cells(material))
    assert "made from calibrated scores" in explorer.notes[0]
    assert "--calibration" not in explorer.command
    assert "--agree-with other" in explorer.command
    assert material.selection.bound_name == "calibrated: threshold"
    captions = [table.caption for table in show_turns(material.subsets, material.selection).tables]
    assert captions == ["Some turns of each subset"]


def test_what_is_counted_before_quotas_is_said(scored):
    material = open_material(scored.select(SELECTIONS["quotas"]))
    (note,) = explore_thresholds(material, *read_cells(material)).notes
    assert "before the quotas (max per emotion 3)" in note


@given(st.sampled_from(RULES), st.integers(0, 100), st.integers(0, 100), st.booleans())
def test_every_place_of_the_plane_belongs_to_one_subset(rule, s, r, is_whole):
    paths = list_boxes(rule, (s / 10, r / 10), is_whole)
    corners = re.findall(r"M(\S+) (\S+)H(\S+)V(\S+)H", " ".join(paths))
    areas = [(float(right) - float(left)) * (float(bottom) - float(top)) for left, top, right, bottom in corners]
    assert sum(areas) == pytest.approx(SIDE**2, rel=1e-4)


@given(st.lists(st.integers(0, 2**53), max_size=20))
def test_packed_numbers_are_read_back(values):
    width, text = pack_column(np.array(values, dtype=np.int64))
    assert np.frombuffer(base64.b64decode(text), dtype=WIDTHS[width]).tolist() == values


def test_a_page_does_not_grow_with_turns_and_emotions_without_bound():
    n, rng = 400_000, np.random.default_rng(0)
    scores = {name: rng.uniform(0, 10, n) for name in ("sensibility", "rationality")}
    turns = pl.LazyFrame({**scores, "emotion": rng.integers(0, 90, n).astype(str), "n_words": rng.integers(1, 40, n),
                          "is_removed": False})  # fmt: skip
    cells = count_cells(turns, (5.03, None))
    assert len(cells.n) <= MOST_CELLS
    assert len(cells.emotions) == MOST_EMOTIONS + 1
    s, r = scores.values()
    found = count_subsets(cells, "paper", find_places(cells, (5.03, 4.5)))[0].sum(axis=1)
    assert found.tolist() == [((s > 5.03) & (r < 4.5)).sum(), (r > 4.5).sum(), ((s <= 5.03) & (r <= 4.5)).sum()]


def test_a_report_of_forty_thousand_turns_is_small(make_home, tmp_path):
    scored = make_scored(make_home(tmp_path / "home"), 40_000, is_whole=False)
    (tmp_path / "report").mkdir()
    facts = write_report(scored.select(SelectionConfig()), tmp_path / "report")
    assert facts["page_bytes"] < 5_000_000
