"""A base is refused before its weights are read if its chat template cannot carry a dialogue and its response."""

import shutil
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import pytest

from tasks.chat import TURN_TEMPLATE
from tasks.errors import ConfigError
from tasks.experts import Base, load_base, load_tokenizer, prepare_base
from tasks.experts.template_check import check_template

pytestmark = pytest.mark.train
pytest.importorskip("torch")

LOOP = "{% for m in messages %}"
BODY = "<{{ m['role'] }}>{{ m['content'] }}</s>{% endfor %}"
OPEN = "{% if add_generation_prompt %}<assistant>{% endif %}"

UNUSABLE = {
    "fails on user and assistant turns": [
        "{{ raise_exception('no assistant here') }}",
        LOOP + "{{ m['content'] + m['missing'] }}{% endfor %}",
        "{% for m in messages %}{{ m.content }",
        "{{ 1 // 0 }}",
    ],
    "leaves out what the user said": [
        "",
        OPEN,
        LOOP + "{% if loop.last %}{{ m['content'] }}{% endif %}{% endfor %}" + OPEN,
    ],
    "leaves out what the assistant said": [
        LOOP + "{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}"
    ],
    "leaves out the response": [
        LOOP + "{% if m['role'] == 'user' or not loop.last %}{{ m['content'] }}{% endif %}{% endfor %}" + OPEN
    ],
    "does not open the response": [LOOP + BODY, LOOP + BODY + "<end>"],
}
USABLE = {
    "ours": TURN_TEMPLATE,
    "a header that the prompt opens": LOOP + BODY + OPEN,
    "no opening, and the response comes at once": LOOP + "{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% else %} {{ m['content'] }}</s>{% endif %}{% endfor %}",
    "no markers at all": LOOP + "{{ m['content'] }}\n{% endfor %}",
    "a thinking block before the last response": LOOP + "<{{ m['role'] }}>"
    "{% if loop.last and m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'] }}</s>{% endfor %}" + OPEN,
    "a prompt that is rendered in another way once it is answered": LOOP + "{{ loop.index0 if loop.last else 'old' }}"
    + BODY + OPEN,
}  # fmt: skip


def with_template(tokenizer: Any, template: str) -> Any:
    changed = copy(tokenizer)
    changed.chat_template = template
    return changed


@pytest.mark.parametrize(
    ("reason", "template"), [(reason, template) for reason, group in UNUSABLE.items() for template in group]
)
def test_a_template_that_cannot_carry_a_dialogue_is_refused_with_the_reason(
    tokenizer: Any, reason: str, template: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        check_template("some/base", with_template(tokenizer, template))
    assert "'some/base'" in caught.value.what
    assert caught.value.where == "expert.base_model"
    assert "chat template" in caught.value.do


@pytest.mark.parametrize("template", USABLE.values(), ids=USABLE)
def test_a_template_that_the_rendering_can_use_is_taken(tokenizer: Any, template: str) -> None:
    assert check_template("some/base", with_template(tokenizer, template)) is None


def test_a_base_with_such_a_template_is_refused_before_its_weights_are_read(base: Base, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(base.path, tmp_path / "copied"))
    (folder / "chat_template.jinja").write_text(LOOP + BODY)
    (folder / "model.safetensors").write_bytes(b"no weights")  # would be another error
    with pytest.raises(ConfigError, match="does not open the response"):
        load_base(prepare_base(str(folder), "", tmp_path), "cpu")


def test_a_tokenizer_is_had_without_the_weights_and_ready_for_batches(base: Base, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(base.path, tmp_path / "copied"))
    (folder / "chat_template.jinja").unlink()
    (folder / "model.safetensors").write_bytes(b"no weights")
    tokenizer = load_tokenizer(prepare_base(str(folder), "", tmp_path))
    assert tokenizer.chat_template == TURN_TEMPLATE
    assert tokenizer.pad_token is not None
    assert load_tokenizer(prepare_base(str(folder), "", tmp_path)) is not tokenizer


def test_a_tokenizer_without_an_end_is_refused(tokenizer: Any) -> None:
    from tasks.experts.bases import prepare_tokenizer

    endless = deepcopy(tokenizer)  # a shallow one shares its special tokens
    endless.eos_token = None
    with pytest.raises(ConfigError, match="no end token"):
        prepare_tokenizer("some/base", endless)
