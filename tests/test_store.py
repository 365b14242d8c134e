"""The database file: short transactions, one process at a time, and clear words when it cannot be used."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from tasks.errors import StoreError
from tasks.store import SCHEMA_VERSION, Store

HOLDER = """
import sys, time
from pathlib import Path
from tasks.store import Store
with Store(Path(sys.argv[1])).transaction() as connection:
    connection.execute("INSERT INTO segments VALUES ('j', 'held')")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "deep" / "block" / "empathy.duckdb", lock_timeout_s=0.3)


@pytest.fixture
def hold(store):
    """Hold the database in another process for some seconds."""
    started = []

    def run(seconds):
        command = [sys.executable, "-c", HOLDER, store.path, str(seconds)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def add(store, name):
    with store.transaction() as connection:
        connection.execute("INSERT INTO segments VALUES ('j', ?)", [name])


def names(store):
    with store.transaction() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM segments ORDER BY name").fetchall()]


def test_the_first_use_makes_the_database_and_later_ones_find_what_was_done(store):
    add(store, "a")
    assert names(store) == ["a"]
    with store.transaction() as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(SCHEMA_VERSION,)]


def break_off(connection):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (lambda connection: connection.execute("INSERT INTO segments VALUES ('j', 'b')"), duckdb.ConstraintException),
        (lambda connection: connection.execute("SELECT * FROM nothing"), duckdb.CatalogException),
        (break_off, KeyboardInterrupt),
    ],
)
def test_an_error_rises_and_undoes_what_the_transaction_did(store, fail, error):
    def change():
        with store.transaction() as connection:
            connection.execute("DELETE FROM segments")
            connection.execute("INSERT INTO segments VALUES ('j', 'b')")
            fail(connection)

    add(store, "a")
    with pytest.raises(error):
        change()
    assert names(store) == ["a"]


def test_a_process_waits_for_another_ones_transaction(store, hold):
    store.lock_timeout_s = 30
    holder = hold(0.8)
    assert names(store) == ["held"]
    assert holder.wait(10) == 0


def test_a_lock_that_is_not_freed_is_told_after_the_timeout(store, hold):
    hold(30)
    started = time.monotonic()
    with pytest.raises(StoreError, match="in use by another process") as caught:
        names(store)
    assert 0.3 <= time.monotonic() - started < 3
    assert caught.value.where == str(store.path)
    assert "empathy status" in caught.value.do


def test_a_killed_process_frees_the_lock_and_leaves_nothing_half_done(store, hold):
    add(store, "a")
    holder = hold(30)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert names(store) == ["a"]


def test_threads_take_turns(store):
    def work(number):
        with store.transaction() as connection:
            connection.execute("INSERT INTO segments VALUES ('j', 'same') ON CONFLICT DO NOTHING")
            connection.execute("INSERT INTO segments VALUES ('j', ?)", [f"{number}"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(names(store)) == 9


FULL_DISK = """
import resource, sys
from pathlib import Path
from tasks.store import Store
store = Store(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
try:
    with store.transaction() as connection:
        connection.execute("INSERT INTO segments SELECT 'j', md5(i::VARCHAR) FROM range(300_000) t(i)")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""


def test_a_full_disk_is_told_and_leaves_nothing_half_done(store):
    add(store, "a")
    command = [sys.executable, "-c", FULL_DISK, store.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("StoreError: The database cannot be written")
    assert "disk has room" in done.stdout
    assert names(store) == ["a"]


def test_tables_of_version_2_are_brought_to_the_next_with_their_rows(store):
    with store.transaction() as connection:
        for name in ("sensibility_threshold", "rationality_threshold"):
            connection.execute(f"ALTER TABLE subsets ALTER COLUMN {name} SET NOT NULL")
        connection.execute("INSERT INTO subsets VALUES ('d', 'discard', 'paper', 'j', 5, 5, 'train', 1, 0.5)")
        connection.execute("UPDATE schema_version SET version = 2")
    with store.transaction() as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(SCHEMA_VERSION,)]
        connection.execute("INSERT INTO subsets VALUES ('e', 'discard', 'top-k', 'j', NULL, NULL, 'train', 0, 0)")
        assert connection.execute("SELECT config_digest FROM subsets ORDER BY ALL").fetchall() == [("d",), ("e",)]


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(store):
    add(store, "a")
    with store.transaction() as connection:
        connection.execute("UPDATE schema_version SET version = ?", [SCHEMA_VERSION + 1])
    content = store.path.read_bytes()
    with pytest.raises(StoreError, match=f"schema version {SCHEMA_VERSION + 1}; this program knows {SCHEMA_VERSION}"):
        names(store)
    assert store.path.read_bytes() == content


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"\0" * 5000])
def test_a_file_that_is_no_database_is_told_at_once_with_what_to_do(store, content):
    store.path.parent.mkdir(parents=True)
    store.path.write_bytes(content)
    store.lock_timeout_s = 30
    started = time.monotonic()
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        names(store)
    assert time.monotonic() - started < 5
    assert caught.value.where == str(store.path)
    assert "empathy rebuild" in caught.value.do
    assert store.path.read_bytes() == content


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_database_is_told_with_what_to_do(store, damage):
    with store.transaction() as connection:
        connection.execute("INSERT INTO segments SELECT 'j', i::VARCHAR FROM range(50_000) t(i)")
    content = bytearray(store.path.read_bytes())
    if damage == "flipped":
        content[9000:9008] = b"damaged!"
    store.path.write_bytes(content[:12288] if damage == "cut" else content)
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        names(store)
    assert "empathy rebuild" in caught.value.do


def test_a_folder_in_the_databases_place_is_told(store):
    store.path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened"):
        names(store)
