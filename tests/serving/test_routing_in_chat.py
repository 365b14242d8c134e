"""`empathy chat --routing`: which expert spoke, in colour or in numbers, and only of a mixture."""

import re
import subprocess
from io import StringIO

import pytest
from rich.console import Console

from flows.commands.routing_view import show_response, style_of
from tests.forking import run_empathy

EXPERTS = ("sensibility", "rationality")
TOKENS = [("I", 0.9), (" see", 0.1), (" [you]", 0.5)]


def show(**options: object) -> str:
    console = Console(file=StringIO(), highlight=False, width=60, **options)
    show_response("mixture", TOKENS, EXPERTS, console)
    return console.file.getvalue()


def chat(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    options = (*args, "--max-new-tokens", "24")
    return run_empathy("chat", *options, env=environment, timeout=120, typed="My dog ran away.\n\n")


def test_each_token_is_in_the_colour_of_its_gate() -> None:
    shown = show(force_terminal=True, color_system="truecolor")
    for text, gate in TOKENS:
        red, green, blue = (int(style_of(gate)[at : at + 2], 16) for at in (1, 3, 5))
        assert f"\x1b[38;2;{red};{green};{blue}m{text}\x1b[0m" in shown
    assert "1 sensibility" in shown
    assert "0 rationality" in shown


@pytest.mark.parametrize("options", [{}, {"force_terminal": True, "no_color": True}])
def test_where_there_is_no_colour_there_are_numbers(options: dict[str, object]) -> None:
    shown = show(**options)
    assert "I[0.90] see[0.10] [you][0.50]" in shown
    assert "1 is all sensibility, 0 all rationality; here 0.50 (0.10 to 0.90)" in shown


def test_gates_apart_have_colours_apart() -> None:
    assert len({style_of(gate) for gate in (0.0, 0.25, 0.5, 0.75, 1.0)}) == 5


@pytest.mark.train
def test_the_mixture_shows_its_gates(environment: dict[str, str]) -> None:
    plain, routed = chat(environment), chat(environment, "mixture", "--routing")
    assert (plain.returncode, routed.returncode) == (0, 0), routed.stderr
    said = plain.stdout.split("mixture: ", 1)[1].split("you: ")[0].strip()
    gated = routed.stdout.split("mixture: ", 1)[1].split("\n  [gate]: mean over layers")[0]
    gates = [float(gate) for gate in re.findall(r"\[([01]\.\d\d)\]", gated)]
    assert re.sub(r"\[[01]\.\d\d\]", "", gated).strip() == said
    assert len(gates) > 3
    assert len(set(gates)) > 1
    assert all(0 <= gate <= 1 for gate in gates)


@pytest.mark.train
@pytest.mark.parametrize("model", ["sensibility", "base"])
def test_a_model_without_gates_is_refused(environment: dict[str, str], model: str) -> None:
    done = chat(environment, model, "--routing")
    assert done.returncode == 2
    assert f"The model '{model}' has no gates to show" in done.stderr
    assert "Traceback" not in done.stderr
