"""Sources behind URLs, from servers on loopback, and archives of any make."""

import io
import tarfile
import threading
import zipfile
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from tasks.dialogues import read_dialogues, resolve, resolve_source, unpack
from tasks.errors import SourceError


class CountingHandler(SimpleHTTPRequestHandler):
    """Serves files and counts what was asked for."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self):
        self.asked[self.path] += 1
        if self.path.startswith("/cut"):
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"conv_id")
            return
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder and the address it is served at."""
    folder = tmp_path / "served"
    folder.mkdir()
    CountingHandler.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(CountingHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def files(original_csv):
    return {
        f"ed/{split}.csv": original_csv((split, 1, "Hi"), (split, 2, "Hello")) for split in ("train", "valid", "test")
    }


def make_tar(files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            member.size = len(content or "")
            tar.addfile(member, io.BytesIO((content or "").encode()))
    return out.getvalue()


def make_zip(files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def test_a_file_is_fetched_once_while_the_server_has_the_same(served, tmp_path, files):
    folder, address = served
    (folder / "train.csv").write_text(files["ed/train.csv"])
    first = resolve_source(f"{address}/train.csv", tmp_path / "cache")
    assert [item.dialogue_id for item in read_dialogues(first)] == ["train"]
    assert first.files[0].split is None
    assert resolve_source(f"{address}/train.csv", tmp_path / "cache") == first
    assert CountingHandler.asked["/train.csv"] == 1
    (folder / "train.csv").write_text(files["ed/train.csv"] + files["ed/test.csv"].split("\n", 1)[1])
    second = resolve_source(f"{address}/train.csv", tmp_path / "cache")
    assert [item.dialogue_id for item in read_dialogues(second)] == ["train", "test"]


@pytest.mark.parametrize(("name", "pack"), [("ed.tar.gz", make_tar), ("ed.tgz", make_tar), ("ed.zip", make_zip)])
def test_an_archive_is_a_directory(served, tmp_path, files, name, pack):
    folder, address = served
    (folder / name).write_bytes(pack(files))
    source = resolve_source(f"{address}/{name}", tmp_path / "cache")
    assert [(file.name, file.split) for file in source.files] == [
        ("ed/test.csv", "test"),
        ("ed/train.csv", "train"),
        ("ed/valid.csv", "valid"),
    ]
    assert resolve_source(str(folder / name), tmp_path / "other").digest == source.digest


def test_empathetic_dialogues_comes_from_its_public_home_and_is_asked_for_once(served, tmp_path, files, monkeypatch):
    folder, address = served
    (folder / "empatheticdialogues.tar.gz").write_bytes(make_tar(files))
    monkeypatch.setattr(resolve, "EMPATHETIC_DIALOGUES_URL", f"{address}/empatheticdialogues.tar.gz")
    source = resolve_source("empathetic-dialogues", tmp_path / "cache")
    assert sorted(file.split for file in source.files) == ["test", "train", "valid"]
    assert resolve_source("empathetic-dialogues", tmp_path / "cache") == source
    assert CountingHandler.asked["/empatheticdialogues.tar.gz"] == 1


@pytest.mark.parametrize("path", ["missing.csv", "cut.csv"])
def test_what_cannot_be_fetched_is_refused_and_leaves_nothing(served, tmp_path, path):
    _, address = served
    with pytest.raises(SourceError, match="cannot be fetched") as caught:
        resolve_source(f"{address}/{path}", tmp_path / "cache")
    assert caught.value.where == f"{address}/{path}"
    assert [file for file in (tmp_path / "cache").rglob("*") if file.is_file()] == []


def test_a_host_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="cannot be fetched"):
        resolve_source("http://127.0.0.1:9/train.csv", tmp_path)


@pytest.mark.parametrize("name", ["../evil.csv", "/tmp/evil.csv", "ed/../../evil.csv"])
@pytest.mark.parametrize(("suffix", "pack"), [("tar.gz", make_tar), ("zip", make_zip)])
def test_an_archive_that_leads_out_of_itself_is_refused_whole(tmp_path, files, name, suffix, pack):
    archive = tmp_path / f"ed.{suffix}"
    archive.write_bytes(pack({**files, name: "x"}))
    with pytest.raises(SourceError, match="not safe to unpack"):
        resolve_source(str(archive), tmp_path / "cache")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


def test_a_link_in_an_archive_is_refused(tmp_path, files):
    archive = tmp_path / "ed.tar.gz"
    archive.write_bytes(make_tar({**files, "link.csv": None}))
    with pytest.raises(SourceError, match="a link or a device"):
        resolve_source(str(archive), tmp_path / "cache")


def test_an_archive_that_unpacks_to_thousands_of_times_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "MIN_LIMIT_BYTES", 2**20)
    archive = tmp_path / "bomb.zip"
    archive.write_bytes(make_zip({"train.csv": "0" * 10 * 2**20}))
    with pytest.raises(SourceError, match="far more"):
        resolve_source(str(archive), tmp_path / "cache")
    assert list((tmp_path / "cache" / "sources" / "unpacked").iterdir()) == []


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_damaged_archive_is_refused(tmp_path, files, suffix, keep):
    content = (make_tar if suffix == "tar.gz" else make_zip)(files)
    archive = tmp_path / f"ed.{suffix}"
    archive.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(SourceError, match="cannot be unpacked"):
        resolve_source(str(archive), tmp_path / "cache")
    assert list((tmp_path / "cache" / "sources" / "unpacked").iterdir()) == []


def test_an_archive_that_holds_a_name_twice_is_refused(tmp_path, files):
    archive = tmp_path / "ed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("train.csv", "x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("train.csv", "y")
    with pytest.raises(SourceError, match="cannot be unpacked"):
        resolve_source(str(archive), tmp_path / "cache")


def test_s3_files_and_folders_are_sources(tmp_path, files, monkeypatch):
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        fs = s3fs.S3FileSystem()
        fs.mkdir("corpus")
        for name, content in files.items():
            fs.pipe(f"corpus/{name}", content.encode())
        source = resolve_source("s3://corpus/ed", tmp_path / "cache")
        assert [(file.name, file.split) for file in source.files] == [
            ("test.csv", "test"),
            ("train.csv", "train"),
            ("valid.csv", "valid"),
        ]
        fs.rm("corpus/ed/test.csv")
        assert len(resolve_source("s3://corpus/ed", tmp_path / "cache").files) == 2
        (lone,) = resolve_source("s3://corpus/ed/valid.csv", tmp_path / "cache").files
        assert (lone.name, lone.split) == ("valid.csv", None)
        with pytest.raises(SourceError, match="cannot be fetched"):
            resolve_source("s3://corpus/ed/missing.csv", tmp_path / "cache")
    finally:
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()
