"""What is told apart by when it was written."""

import os

import pytest

from clinvk.backends.base import Place, Residue, SettingsFiles
from clinvk.supervisor import stamps

FILES = SettingsFiles((Place("OWN"), Place("HOME", ".own")), ("settings", "folder"), ("PROJECT.md",))


@pytest.fixture
def where(tmp_path):
    work = tmp_path / "above" / "work"
    work.mkdir(parents=True)
    (tmp_path / ".own" / "folder").mkdir(parents=True)
    (tmp_path / "program").touch()
    variables = {"HOME": str(tmp_path)}
    return lambda more=None: stamps.of(FILES, [str(tmp_path / "program")], variables | (more or {}), str(work))


@pytest.mark.parametrize(
    "path",
    ["program", ".own/settings", ".own/folder/new", "above/work/PROJECT.md", "above/PROJECT.md", "PROJECT.md"],
)
def test_whatever_a_start_reads_counts(tmp_path, where, path):
    before = where()
    assert where() == before
    (tmp_path / path).write_text("new")
    assert where() != before


def test_what_is_written_anew_with_the_same_size_counts(tmp_path, where):
    file = tmp_path / ".own" / "settings"
    file.write_text("a")
    before = where()
    file.write_text("b")
    os.utime(file, ns=(1, 1))
    assert where() != before


def test_other_files_do_not(tmp_path, where):
    before = where()
    (tmp_path / "above" / "work" / "code.py").write_text("new")
    assert where() == before


def test_the_first_place_whose_variable_is_set_counts(tmp_path, where):
    (tmp_path / "settings").write_text("there")
    assert where({"OWN": str(tmp_path)}) != where()


def test_what_no_path_can_be_is_not_there():
    assert stamps.stamp("a\0b") is None


def test_a_conversation_is_told_by_the_files_that_hold_it(tmp_path):
    stored = (
        Residue("*/x.jsonl", "x", (Place("HOME"),)),
        Residue("x/", places=(Place("HOME"),)),
        Residue("*/x.jsonl", "x", (Place("NOWHERE"),)),
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jsonl").write_text("x")
    (found,) = stamps.of_conversation("x", stored, {"HOME": str(tmp_path)}).items()
    assert found == (str(tmp_path / "a" / "x.jsonl"), stamps.stamp(found[0]))
