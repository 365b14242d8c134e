"""What the report says of a mixture's gates."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ArtifactError
from tasks.reporting.blocks import Figure, Shaded, Table
from tasks.reporting.charts.gate_grid import DEEPEST, PALEST, choose_depth
from tasks.reporting.material import open_material
from tasks.reporting.routing_log import parse_routing_log
from tasks.reporting.sections import summarise_report
from tasks.reporting.sections.routing import STRONGEST, describe_routing, shade_token

NOT_LEARNT = "The mixture has not learnt to route"


def make_layer(layer: int, distance: float | None, gate: float = 0.5, linear: str = "") -> dict[str, Any]:
    entry = {"layer": f"model.layers.{layer}.mlp{linear}", "gates": {"sensibility": gate, "rationality": 1 - gate}}
    return entry if distance is None else {**entry, "distance": distance, "entropy_share": 1 - distance}


def with_mixture(folders: Any, folder: Path, log: dict[str, Any], tokens: dict[str, Any] | None = None) -> Any:
    """Return the inputs of a report whose mixture holds only these records."""
    (folder / "training.json").write_text(json.dumps(log), encoding="utf-8")
    if tokens is not None:
        (folder / "token_gates.json").write_text(json.dumps(tokens), encoding="utf-8")
    return replace(folders.inputs(), mixture=folder)


@pytest.mark.parametrize(
    ("distances", "is_told"), [([0.01, 0.049], True), ([0.01, 0.05], False), ([0.3, 0.4], False), ([None], False)]
)
def test_gates_near_one_half_in_every_layer_are_told_plainly(
    folders: Any, tmp_path: Path, distances: list[float | None], is_told: bool
) -> None:
    log = {"gates": [make_layer(layer, distance) for layer, distance in enumerate(distances)]}
    material = open_material(with_mixture(folders, tmp_path, log))
    assert describe_routing(material).lead.startswith(NOT_LEARNT) == is_told
    assert any(sentence.startswith(NOT_LEARNT) for sentence in summarise_report(material)) == is_told


def test_tokens_that_pull_both_ways_are_routed_though_their_mean_is_one_half(folders: Any, tmp_path: Path) -> None:
    log = {"gates": [make_layer(0, 0.3, gate=0.5)]}
    lead = describe_routing(open_material(with_mixture(folders, tmp_path, log))).lead
    assert "In 1 of 1 layer the gates leave one half" in lead


def test_every_group_and_step_is_shown(folders: Any) -> None:
    section = describe_routing(open_material(folders.inputs()))
    figures = {block.name: block for block in section.blocks if isinstance(block, Figure)}
    assert list(figures) == ["gates", "gate-groups", "gate-course"]
    table = next(block for block in section.blocks if isinstance(block, Table))
    names = [row[0].text for row in table.rows]
    assert names[:4] == ["All responses", "Sensibility turns", "Rationality turns", "Prompt"]
    assert len(figures["gate-groups"].numbers.rows) == 18 * len(names)
    assert [row[0].text for row in figures["gate-course"].numbers.rows] == ["1", "4", "8"]
    assert "Affect words 0." in figures["gate-groups"].description


def test_a_record_of_an_earlier_version_gives_what_it_has(folders: Any, tmp_path: Path, render: Any) -> None:
    inputs = with_mixture(folders, tmp_path, {"gates": [make_layer(layer, None, 0.6) for layer in range(3)]})
    section = describe_routing(open_material(inputs))
    assert [block.name for block in section.blocks] == ["gates"]
    assert section.lead == ""
    assert "–" in render(inputs)


def test_a_mixture_without_gates_says_what_makes_them(folders: Any, tmp_path: Path) -> None:
    assert "kept no record" in describe_routing(open_material(with_mixture(folders, tmp_path, {}))).absent


def test_a_damaged_record_is_an_error_that_names_it(folders: Any, tmp_path: Path) -> None:
    shutil.copytree(folders.root / "mixture", tmp_path / "mixture")
    (tmp_path / "mixture" / "token_gates.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"token_gates\.json"):
        open_material(replace(folders.inputs(), mixture=tmp_path / "mixture"))


def test_tokens_stand_side_by_side_in_the_colour_of_their_gate(folders: Any, tmp_path: Path, render: Any) -> None:
    turn = {"turn_key": "1", "said": "It <fell>.", "tokens": [["I", 0.9], [" see", 0.1], ["</p>\u202e", 0.5]]}
    tokens = {"dialogues": [{"dialogue_id": "d", "turns": [turn]}], "is_held_out": False}
    inputs = with_mixture(folders, tmp_path, {"gates": [make_layer(0, 0.2)]}, tokens)
    page = render(inputs)
    answer = re.search(r'<p class="answer">(.*?)</p>', page)[1]
    assert re.sub(r"<[^>]+>", "", answer) == "I see&lt;/p&gt; "
    assert re.findall(r"--(\w+)\) (\d+)%", answer) == [
        ("sensibility", "48"),
        ("rationality", "48"),
        ("rationality", "0"),
    ]
    assert "It &lt;fell&gt;." in page
    shaded = next(block for block in describe_routing(open_material(inputs)).blocks if isinstance(block, Shaded))
    assert "that it was trained on" in shaded.note


def test_colours_are_strongest_at_the_ends() -> None:
    assert [shade_token("x", gate).percent for gate in (0.0, 0.5, 1.0)] == [STRONGEST, 0, STRONGEST]
    assert [choose_depth(gate) for gate in (0.0, 0.5, 1.0)] == [DEEPEST, PALEST, DEEPEST]


def test_gates_of_linears_are_averaged_over_their_layer() -> None:
    routers = [
        make_layer(layer, distance, gate, f".{name}_proj")
        for layer in (11, 2)
        for name, gate, distance in (("gate", 0.2, 0.3), ("up", 0.6, 0.1))
    ]
    layers = parse_routing_log({"gates": routers}, {}).layers
    assert [(found.layer, found.gate, found.distance) for found in layers] == [
        (2, pytest.approx(0.4), pytest.approx(0.2)),
        (11, pytest.approx(0.4), pytest.approx(0.2)),
    ]


def test_the_names_of_classes_are_those_the_router_stage_writes() -> None:
    from tasks.reporting.sections.routing import NAMES
    from tasks.router.gate_groups import PROMPT
    from tasks.router.token_classes import RESPONSE_CLASSES

    assert {PROMPT, *RESPONSE_CLASSES} <= set(NAMES)


def test_the_file_of_tokens_is_the_one_the_router_stage_writes() -> None:
    from tasks.reporting.routing_log import TOKENS_FILE
    from tasks.router import GATES_FILE

    assert TOKENS_FILE == GATES_FILE
