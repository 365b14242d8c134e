"""What the direct road may neither read nor write is refused before a turn is scored, and nothing is lost."""

from pathlib import Path

import pytest

from tasks.errors import ArtifactError, SourceError, UsageError
from tasks.judges import JudgePlace, score_parquet
from tasks.judges.bulk import map_batches, open_files, read_batches
from tasks.judges.bulk_places import check_out
from tasks.scoring import DistilledJudge
from tests.judges.test_bulk import ROWS, write_rows


@pytest.mark.parametrize("out", ["in.parquet", "../{here}/in.parquet", "link.parquet", "twin.parquet"])
@pytest.mark.parametrize("is_forced", [False, True])
def test_the_corpus_is_never_replaced_by_its_scores(tmp_path: Path, out: str, is_forced: bool) -> None:
    source = write_rows(tmp_path / "in.parquet", ROWS)
    (tmp_path / "link.parquet").symlink_to(source)
    (tmp_path / "twin.parquet").hardlink_to(source)
    whole = source.read_bytes()
    with pytest.raises(UsageError, match="the corpus itself"):
        score_parquet(source, tmp_path / out.format(here=tmp_path.name), is_forced=is_forced)
    assert source.read_bytes() == whole


@pytest.mark.parametrize(("out", "what"), [("a.parquet", "the corpus itself"), ("new.parquet", "stands in the corpus")])
def test_nothing_is_written_into_the_folder_that_is_read(tmp_path: Path, out: str, what: str) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    whole = write_rows(folder / "a.parquet", ROWS).read_bytes()
    with pytest.raises(UsageError, match=what):
        score_parquet(folder, folder / out, is_forced=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.parquet": whole}


@pytest.mark.parametrize("address", ["s3://b/x.parquet", "gs://b/x.parquet", "https://x.org/x.parquet"])
def test_an_address_is_refused_as_it_was_given_and_makes_no_folder(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_rows(tmp_path / "in.parquet", ROWS)
    with pytest.raises(UsageError, match=address):
        score_parquet(source, Path(address))
    with pytest.raises(SourceError, match=address):
        score_parquet(Path(address), tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_folder_is_no_file_to_write_and_a_broken_link_is_not_replaced_unasked(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    with pytest.raises(UsageError, match="is no file"):
        check_out(tmp_path, source, [source], is_forced=True)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists already"):
        check_out(tmp_path / "link", source, [source], is_forced=False)


def test_a_file_of_any_name_beside_the_scores_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.parquet.partial").write_text("mine")
    score_parquet(write_rows(tmp_path / "in.parquet", ROWS), tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet.partial").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_page_names_its_file(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.parquet", ROWS * 50)
    blob = bytearray(source.read_bytes())
    blob[4:60] = b"\xff" * 56
    source.write_bytes(bytes(blob))
    with pytest.raises(SourceError, match=r"cannot be read[^\n]*\n.*in\.parquet"):
        score_parquet(source, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_judge_that_a_process_cannot_load_is_told_as_that(tmp_path: Path) -> None:
    """Its weights were there when the run began, and not when its processes did."""
    batches = read_batches(open_files([write_rows(tmp_path / "in.parquet", ROWS)]))
    with pytest.raises(ArtifactError, match="cannot be read"):
        list(map_batches(DistilledJudge.load(), JudgePlace(tmp_path / "gone"), batches, 2))
