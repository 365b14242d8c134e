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
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.store import Store
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


@pytest.mark.usefixtures("made")
def test_a_journal_on_another_disk_is_kept(home, make_home, tmp_path):
    home.settings.journal_dir.rename(tmp_path / "disk")
    home.settings.journal_dir.symlink_to(tmp_path / "disk")
    back_up(home, tmp_path / "kept.tar.gz")
    new = make_home(tmp_path / "new")
    restore(new, tmp_path / "kept.tar.gz", print)
    assert read_tables(new.store)["attempts"] == read_tables(home.store)["attempts"] != []


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("place", ["journal/linked", "journal/linked.jsonl", "prices.toml", "regressions"])
def test_a_link_is_refused_not_left_out(home, tmp_path, place):
    home.settings.home_dir.joinpath(place).symlink_to(tmp_path / "gone" if "." in place else "gone")
    with pytest.raises(UsageError, match="does not follow") as raised:
        back_up(home, tmp_path / "kept")
    assert raised.value.where.endswith(place)
    assert not list(tmp_path.glob("*kept*"))


def keep_decisions(home, made):
    """Keep notes, a sheet and its ratings, whose parent alone no command makes again."""
    home.artifacts.write_note("accepted", "train", "{}")
    home.artifacts.write_note("forgotten", "x", '{"dialogue_id": "x", "forgotten_at": "", "is_done": true}')

    def build(folder):
        (folder / "sheet.json").write_text("{}", encoding="utf-8")
        return {}

    sheet = home.artifacts.produce(Recipe("audit", 1, {}, (made["scores"],)), build)
    return home.artifacts.produce(Recipe("ratings", 1, {}, (sheet,)), build)


def test_without_artifacts_what_people_decided_and_rated_is_kept(home, made, make_home, tmp_path):
    ratings = keep_decisions(home, made)
    back_up(home, tmp_path / "kept", with_artifacts=False)
    new = make_home(tmp_path / "new")
    assert restore(new, tmp_path / "kept", print).rebuilt.passed_over == []
    assert {kind for kind in new.artifacts.list_kinds() if new.artifacts.list_folders(kind)} == {"audit", "ratings"}
    (ref,) = new.artifacts.list_refs("ratings")
    assert (new.artifacts.open(ref) / "sheet.json").exists()
    assert ref.sha256 == ratings.sha256
    for folder in ("accepted", "forgotten", "current"):
        assert len(new.artifacts.read_notes(folder, 9)) == len(home.artifacts.read_notes(folder, 9)) > 0


def test_notes_of_a_store_that_still_stands_are_not_doubled(home, made, tmp_path):
    keep_decisions(home, made)
    settings = home.settings.model_copy(update={"artifacts": str(home.artifacts.root)})
    back_up(home, tmp_path / "kept", with_artifacts=False)
    new = settings.model_copy(update={"home": tmp_path / "new"})
    restore(Home(new, home.artifacts, Store.from_settings(new)), tmp_path / "kept", print)
    assert not (tmp_path / "new" / "artifacts").exists()


@pytest.mark.usefixtures("made")
def test_a_backup_and_what_it_makes_are_private(home, make_home, tmp_path):
    back_up(home, tmp_path / "kept")
    restore(make_home(tmp_path / "new"), tmp_path / "kept", print)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("kept", "new")} == {0o700}


@pytest.mark.parametrize("names", [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a", "a")])
def test_a_name_that_is_file_and_folder_is_refused(make_home, tmp_path, names):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(ArtifactError, match="twice"):
        restore(make_home(tmp_path / "new"), tmp_path / "x.tar.gz", print)
