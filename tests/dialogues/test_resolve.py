"""From what a person types to the files of a source."""

import dataclasses
import os
import pickle

import pytest

from tasks.dialogues import Format, Rejected, ingest, read_dialogues, resolve_source
from tasks.errors import SourceError


@pytest.fixture
def corpus(tmp_path, original_csv):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.csv").write_text(original_csv((split, 1, "Hi"), (split, 2, "Hello")))
    return folder


def test_a_lone_file_carries_no_split(corpus, tmp_path):
    source = resolve_source(str(corpus / "valid.csv"), tmp_path)
    (file,) = source.files
    assert (file.name, file.format, file.split) == ("valid.csv", Format.CSV_ORIGINAL, None)


def test_the_files_of_a_directory_carry_the_splits_of_their_names(corpus, tmp_path):
    source = resolve_source(str(corpus), tmp_path)
    assert [(file.name, file.split) for file in source.files] == [
        ("test.csv", "test"),
        ("train.csv", "train"),
        ("valid.csv", "valid"),
    ]
    assert {item.dialogue_id: item.split for item in read_dialogues(source)} == {
        "test": "test",
        "train": "train",
        "valid": "valid",
    }


def test_other_files_of_a_directory_are_named_in_quarantine(corpus, tmp_path):
    (corpus / "more").mkdir()
    (corpus / "more" / "README.md").write_text("words")
    (corpus / ".hidden").write_text("words")
    source = resolve_source(str(corpus), tmp_path)
    assert [item for item in read_dialogues(source) if isinstance(item, Rejected)] == [
        ("more/README.md", 0, "skipped_file", "")
    ]


def test_an_id_that_stands_in_two_files_counts_once(corpus, tmp_path):
    (corpus / "valid.csv").write_text((corpus / "test.csv").read_text())
    items = list(read_dialogues(resolve_source(str(corpus), tmp_path)))
    assert [(item.source, item.line, item.reason) for item in items if isinstance(item, Rejected)] == [
        ("valid.csv", 2, "duplicate_dialogue"),
        ("valid.csv", 3, "duplicate_dialogue"),
    ]


def test_the_digest_depends_on_contents_and_splits_not_on_the_place(corpus, tmp_path):
    digest = resolve_source(str(corpus), tmp_path).digest
    moved = corpus.rename(tmp_path / "elsewhere")
    assert resolve_source(str(moved), tmp_path).digest == digest
    assert resolve_source(str(moved / "train.csv"), tmp_path).digest != digest
    (moved / "valid.csv").rename(moved / "other.csv")
    assert resolve_source(str(moved), tmp_path).digest != digest
    (moved / "other.csv").rename(moved / "valid.csv")
    (moved / "valid.csv").write_text((moved / "valid.csv").read_text().replace("Hello", "Hullo"))
    assert resolve_source(str(moved), tmp_path).digest != digest


def test_a_source_is_frozen_and_travels_between_processes(corpus, tmp_path):
    source = resolve_source(str(corpus), tmp_path)
    assert pickle.loads(pickle.dumps(source)) == source
    with pytest.raises(dataclasses.FrozenInstanceError):
        source.digest = ""  # type: ignore[misc]


def test_the_sample_has_all_three_splits(tmp_path):
    source = resolve_source("sample", tmp_path)
    assert [file.split for file in source.files] == ["test", "train", "valid"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "no file or directory"),
        ("smaple", "no file or directory"),
        ("nowhere/train.csv", "no file or directory"),
        ("x" * 5000, "cannot be read"),
        ("nul\0byte.csv", "no file or directory"),
        ("/dev/null", "of no known kind"),
        ("ftp://host/a.csv", "no way to read ftp"),
        ("https://host/page", "of no known kind"),
    ],
)
def test_a_name_that_is_no_source_says_what_where_and_what_to_do(tmp_path, name, message):
    with pytest.raises(SourceError, match=message) as caught:
        resolve_source(name, tmp_path / "cache")
    assert caught.value.where


@pytest.mark.parametrize(("name", "message"), [("a.txt", "of no known kind"), ("a.csv", "empty"), ("a.jsonl", "empty")])
def test_a_file_that_is_empty_or_of_another_kind_is_refused(tmp_path, name, message):
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match=message) as caught:
        resolve_source(str(tmp_path / name), tmp_path / "cache")
    assert caught.value.where == str(tmp_path / name)


def test_names_that_are_no_text_are_shown_with_their_bytes(corpus, tmp_path):
    (corpus / os.fsdecode(b"caf\xe9.txt")).touch()
    (corpus / "train.csv").rename(corpus / os.fsdecode(b"tr\xe9n.csv"))
    source = resolve_source(str(corpus), tmp_path)
    assert source.skipped == ("caf\\xe9.txt",)
    assert "tr\\xe9n.csv" in [file.name for file in source.files]
    (tmp_path / "out").mkdir()
    assert ingest(source, "auto", tmp_path / "out")["n_dialogues"] == 3


def test_the_home_of_nobody_is_an_error_of_ours(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        resolve_source("~no-such-user/train.csv", tmp_path)


def test_an_empty_directory_is_refused(tmp_path):
    (tmp_path / "folder" / "train.csv").mkdir(parents=True)
    with pytest.raises(SourceError, match="it holds no file"):
        resolve_source(str(tmp_path / "folder"), tmp_path / "cache")


def test_a_directory_of_other_files_names_some(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"it holds only a\.txt") as caught:
        resolve_source(str(tmp_path), tmp_path / "cache")
    assert ".parquet" in caught.value.do


def test_a_file_that_vanishes_while_it_is_read_is_an_error_of_ours(corpus, tmp_path):
    source = resolve_source(str(corpus), tmp_path)
    (corpus / "train.csv").unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        list(read_dialogues(source))
