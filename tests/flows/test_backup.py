"""Backup and restore: the same home elsewhere, whatever was under way; a damaged or hostile file makes none."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from flows.keeping import back_up, restore
from flows.keeping.archive import is_safe, open_sink, read_files
from tasks.errors import ArtifactError, UsageError
from tests.flows.kept_home import fill_home, read_tables

SUFFIXES = (".tar.zst", ".tar.gz", "")


@pytest.fixture
def made(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    return fill_home(home, ingest_file, write_dialogues, score_corpus, tmp_path)


def read_comparable(home):
    """Return the tables without the places of artifacts."""
    return {
        name: [row.replace(f"{home.settings.home_dir}/", "HOME/") for row in rows]
        for name, rows in read_tables(home.store).items()
    }


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_restored_home_is_equal_and_stands_on_its_own(home, make_home, tmp_path, suffix):
    (home.settings.home_dir / "prices.toml").write_text("[m]\n", encoding="utf-8")
    (home.settings.cache_dir / "x").mkdir(parents=True)
    before = read_comparable(home)
    kept = back_up(home, tmp_path / f"kept{suffix}")
    assert kept.holds_artifacts
    shutil.rmtree(home.settings.home_dir)
    new = make_home(tmp_path / "elsewhere" / "new")
    restored = restore(new, tmp_path / f"kept{suffix}", print)
    assert (restored.n_files, restored.rebuilt.passed_over) == (kept.n_files, [])
    assert read_comparable(new) == before
    current = new.artifacts.get_current("subsets")
    assert Path(new.artifacts.open(current)).is_relative_to(tmp_path / "elsewhere")
    parents = new.artifacts.read_manifest(current.uri)["parents"]
    assert all(new.artifacts.holds(parent["uri"]) for parent in parents)
    assert sorted(path.name for path in new.settings.home_dir.iterdir()) == [
        "artifacts", "empathy.duckdb", "journal", "prices.toml",
    ]  # fmt: skip


@pytest.mark.usefixtures("made")
def test_an_open_segment_is_kept_with_its_whole_lines(home, make_home, tmp_path):
    (segment, *_) = sorted(home.settings.journal_dir.glob("*/*.jsonl"))
    whole = segment.read_bytes()
    segment.unlink()
    segment.with_name(f"{segment.name}.open").write_bytes(whole + b'{"turn_key": "torn' + b"\0" * 5000)
    new = make_home(tmp_path / "new")
    restore(new, Path(back_up(home, tmp_path / "kept.tar.zst").path), print)
    assert (new.settings.journal_dir / segment.relative_to(home.settings.journal_dir)).read_bytes() == whole
    assert read_tables(new.store)["attempts"] == read_tables(home.store)["attempts"]
    assert "lease" not in "".join(name for name, _ in read_files(tmp_path / "kept.tar.zst"))


@pytest.mark.usefixtures("made")
def test_without_artifacts_the_replies_are_kept(home, make_home, tmp_path):
    assert not back_up(home, tmp_path / "kept.tar.gz", with_artifacts=False).holds_artifacts
    new = make_home(tmp_path / "new")
    restored = restore(new, tmp_path / "kept.tar.gz", print)
    assert restored.rebuilt.counts["artifacts"] == restored.rebuilt.counts["turns"] == 0
    assert read_tables(new.store)["scores"] == read_tables(home.store)["scores"]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("suffix", SUFFIXES[:2])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_backup_makes_no_home(home, make_home, tmp_path, suffix, damage):
    path = tmp_path / f"kept{suffix}"
    back_up(home, path)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    with pytest.raises((ArtifactError, UsageError)):
        restore(make_home(tmp_path / "new"), path, print)
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.usefixtures("made")
def test_a_file_that_is_not_what_the_listing_says_is_told(home, make_home, tmp_path):
    back_up(home, tmp_path / "kept")
    (changed, *_) = sorted((tmp_path / "kept" / "journal").rglob("*.jsonl"))
    changed.write_bytes(changed.read_bytes().replace(b"Rationality", b"rationality") + b"\n")
    with pytest.raises(ArtifactError, match=changed.name):
        restore(make_home(tmp_path / "new"), tmp_path / "kept", print)
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../evil"}, {"name": "/evil"}, {"name": "a/../../evil"}, {"name": "a\\..\\evil"},
        {"name": "evil", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"name": "evil", "type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
        {"name": "evil", "type": tarfile.FIFOTYPE},
    ],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_home_is_refused(make_home, tmp_path, member):
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo(member.pop("name"))
        for name, value in member.items():
            setattr(info, name, value)
        info.size = 4 if info.isreg() else 0
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(ArtifactError, match="which no backup does"):
        restore(make_home(tmp_path / "new"), tmp_path / "evil.tar.gz", print)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/..", "a\\b"])
def test_only_names_that_stay_inside_are_safe(name):
    assert not is_safe(name)
    assert is_safe("journal/a..b/c-1.jsonl")


@pytest.mark.parametrize(
    ("content", "said"), [(b"no tar at all", "no backup"), (b"", "no backup"), (json.dumps({}).encode(), "no backup")]
)
def test_what_is_no_backup_is_told(make_home, tmp_path, content, said):
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        restore(make_home(tmp_path / "new"), tmp_path / "x.tar.gz", print)


def test_a_home_that_is_not_empty_is_left_alone(make_home, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").touch()
    with pytest.raises(UsageError, match="not empty"):
        restore(make_home(tmp_path / "new"), tmp_path, print)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("out", "said"), [("kept.zip", "no kind"), ("gone/kept.tar.gz", "no such"), ("kept", "way")])
def test_a_place_where_no_backup_can_stand_is_told(home, tmp_path, out, said):
    (tmp_path / "kept").mkdir()
    with pytest.raises(UsageError, match=said):
        back_up(home, tmp_path / out)
    with pytest.raises(UsageError, match="inside the home"):
        back_up(home, home.settings.home_dir / "kept.tar.gz")
    assert not list(tmp_path.glob(".kept*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_goes_in_comes_out(tmp_path, suffix):
    content = bytes(range(256)) * 10_000
    with open_sink(tmp_path / f"x{suffix}") as sink:
        sink.add("a/b", io.BytesIO(content + b"more"), len(content))
        sink.add("empty", io.BytesIO(), 0)
    assert {name: file.read() for name, file in read_files(tmp_path / f"x{suffix}")} == {"a/b": content, "empty": b""}
