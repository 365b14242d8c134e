"""Databases of every version from the first on: brought to this one by themselves, or told how to be made anew."""

from pathlib import Path

import duckdb
import pytest

from flows.rebuild_database import rebuild_database
from tasks.errors import StoreError
from tasks.store import MIGRATIONS, SCHEMA_VERSION, Store
from tests.flows.kept_home import fill_home, read_tables

SCHEMAS = {path.stem: path for path in sorted((Path(__file__).parent / "schemas").glob("*.sql"))}
"""The schema as each release had it; `tasks/schema.sql` of a new version is added here, never changed."""
COLUMNS = "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() ORDER BY ALL"
CONSTRAINTS = "SELECT table_name, constraint_type, constraint_text FROM duckdb_constraints() ORDER BY ALL"


def read_version(name):
    return int(name.split("_")[1])


def make_old(name, path):
    """Make a database as the release of that schema would have, with a row in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMAS[name].read_text(encoding="utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (?)", [read_version(name)])
        connection.execute("INSERT INTO segments VALUES ('judge', 'kept')")
        connection.execute("INSERT INTO subsets VALUES ('d', 'discard', 'paper', 'j', 5, 5, 'train', 1, 0.5)")


def describe(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(COLUMNS).fetchall(), connection.execute(CONSTRAINTS).fetchall()


def test_every_version_has_its_schema_kept_and_the_last_is_this_ones():
    assert {read_version(name) for name in SCHEMAS} == set(range(1, SCHEMA_VERSION + 1))
    current = (Path(__file__).parents[1] / "tasks" / "schema.sql").read_text(encoding="utf-8")
    assert SCHEMAS[f"version_{SCHEMA_VERSION}"].read_text(encoding="utf-8") == current


@pytest.mark.parametrize("name", [name for name in SCHEMAS if read_version(name) >= min(MIGRATIONS)])
def test_a_database_that_can_be_migrated_gets_the_tables_of_a_new_one_and_keeps_its_rows(tmp_path, name):
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    make_old(name, old)
    with Store(old).transaction() as connection:
        assert connection.execute("SELECT name FROM segments").fetchall() == [("kept",)]
        assert connection.execute("SELECT config_digest FROM subsets").fetchall() == [("d",)]
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(SCHEMA_VERSION,)]
    with Store(new).transaction() as connection:
        assert connection.execute("SELECT count(*) FROM segments").fetchall() == [(0,)]
    assert describe(old) == describe(new)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if read_version(name) < min(MIGRATIONS)])
def test_a_database_that_is_too_old_is_left_alone_and_told_to_be_rebuilt(tmp_path, name):
    make_old(name, tmp_path / "old.duckdb")
    content = (tmp_path / "old.duckdb").read_bytes()
    with pytest.raises(StoreError, match="schema version 1") as caught, Store(tmp_path / "old.duckdb").transaction():
        pass
    assert "`empathy rebuild` makes it anew" in caught.value.do
    assert (tmp_path / "old.duckdb").read_bytes() == content


def test_a_rebuild_makes_any_old_database_this_versions_one(home, ingest_file, write_dialogues, score_corpus, tmp_path):
    fill_home(home, ingest_file, write_dialogues, score_corpus, tmp_path)
    before = read_tables(home.store)
    for name in SCHEMAS:
        make_old(name, home.store.path)
        said = []
        assert rebuild_database(home, said.append).passed_over == []
        assert read_tables(home.store) == before
        assert "is kept as" in said[0]
