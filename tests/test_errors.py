"""One tree of errors: each says what, where and what to do, has its exit code, and travels between processes."""

import inspect
import pickle
import re

import pytest

from tasks import errors
from tasks.errors import EmpathyError, StoppedShortError, UsageError

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, EmpathyError)]


def test_every_error_is_drawn_in_the_tree_with_its_exit_code():
    drawn = re.findall(r"(\w+Error)\b(?: +(\d))?", errors.__doc__)
    assert {name for name, _ in drawn} == {found.__name__ for found in CLASSES}
    for name, code in drawn:
        if code:
            assert getattr(errors, name).exit_code == int(code), name


def test_the_exit_codes_are_those_of_the_contract():
    assert len(CLASSES) == 15
    assert {found.__name__ for found in CLASSES if found.exit_code == 2} == {
        found.__name__ for found in CLASSES if issubclass(found, UsageError)
    }
    assert StoppedShortError.exit_code == 3
    assert {found.exit_code for found in CLASSES} == {1, 2, 3}


@pytest.mark.parametrize("found", CLASSES)
def test_an_error_survives_pickling(found):
    error = pickle.loads(pickle.dumps(found("It broke.", where="/a/b", do="mend it")))
    assert type(error) is found
    assert (error.what, error.where, error.do) == ("It broke.", "/a/b", "mend it")
    assert str(error) == "It broke.\n  where: /a/b\n  do:    mend it"


def test_an_error_says_only_what_it_knows():
    assert str(EmpathyError("It broke.")) == "It broke."
    assert str(EmpathyError("It broke.", do="mend it")) == "It broke.\n  do:    mend it"


@pytest.mark.parametrize("found", CLASSES)
def test_every_error_is_explained_in_a_sentence(found):
    assert found.__doc__
    assert found.__doc__.endswith(".")
