"""What a CLI keeps of a conversation is deleted, and nothing else."""

import os
import sys
from pathlib import Path

import pytest

from clinvk.backends.base import Place, Residue
from clinvk.supervisor import residue
from clinvk.supervisor.residue import Removed

ID = "53a20f8f-727b-47f3-b345-32fcc49e0852"


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


def remove(home, *residues):
    return residue.remove(residues, {"HOME": str(home)})


def made(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_holds_the_id_is_deleted_and_its_neighbours_are_not(home):
    folder = home / ".cli" / "chats"
    mine = made(folder / "session-1.jsonl", f'{{"a": 1}}\n{{"sessionId": "{ID}"}}\n')
    other = made(folder / "session-2.jsonl", '{"sessionId": "another"}\n')
    assert remove(home, Residue(".cli/chats/session-*.jsonl", ID)) == Removed(1)
    assert not mine.exists()
    assert other.exists()


def test_nothing_there_is_nothing_to_do(home):
    made(home / "no-folder")
    nowhere = (Place("HOME", "nowhere"),)
    residues = [Residue(".cli/*.jsonl", ID), Residue("no-folder/x"), Residue(".cli/"), Residue("*", "", nowhere)]
    assert remove(home, *residues) == Removed()


def test_an_empty_file_can_be_named_whole(home):
    made(home / "session-1")
    assert remove(home, Residue("session-*")) == Removed(1)


def test_a_folder_goes_with_all_that_is_in_it_and_its_neighbours_stay(home, tmp_path):
    precious = made(tmp_path / "precious" / "file")
    folder = home / ID
    made(folder / "a" / "deep" / "file")
    made(folder / "file")
    (folder / "to-a-folder").symlink_to(precious.parent)
    (folder / "to-a-file").symlink_to(precious)
    (home / "another").mkdir()
    assert remove(home, Residue(f"{ID}/")) == Removed(3)
    assert names(home) == ["another"]
    assert precious.exists()


def test_an_empty_folder_goes_too(home):
    (home / "env" / ID).mkdir(parents=True)
    assert remove(home, Residue(f"env/{ID}/")) == Removed(0)
    assert names(home / "env") == []


def test_a_pattern_for_files_takes_no_folder_and_one_for_folders_no_file(home):
    (home / "session-folder").mkdir()
    made(home / "folder-file")
    os.mkfifo(home / "session-pipe")
    assert remove(home, Residue("session-*"), Residue("folder-*/")) == Removed()
    assert names(home) == ["folder-file", "session-folder", "session-pipe"]


@pytest.mark.parametrize("pattern", ["session-*", "session-*/", "session-link", "session-link/"])
def test_a_link_is_not_followed_and_told(home, tmp_path, pattern):
    precious = made(tmp_path / "precious" / "file", ID)
    (home / "session-link").symlink_to(precious.parent if pattern.endswith("/") else precious)
    removed = remove(home, Residue(pattern, ID))
    assert removed == Removed(0, (f"{home}/session-link was not deleted: it is a link",))
    assert precious.exists()


@pytest.mark.parametrize("step", ["projects", "*"])
def test_what_is_behind_a_link_is_left_and_told(home, tmp_path, step):
    made(tmp_path / "moved" / "chats" / "session-1", ID)
    (home / "projects").symlink_to(tmp_path / "moved")
    removed = remove(home, Residue(f"{step}/chats/session-*", ID))
    assert removed == Removed(0, (f"{home}/projects was not deleted: there is something behind this link",))
    assert (tmp_path / "moved" / "chats" / "session-1").exists()


def test_a_link_with_nothing_of_it_behind_is_no_matter(home, tmp_path):
    (home / "projects").symlink_to(tmp_path)
    (home / "broken").symlink_to(tmp_path / "nowhere")
    assert remove(home, Residue("*/chats/session-*", ID)) == Removed()


def test_a_clis_whole_folder_may_be_a_link(home, tmp_path):
    made(tmp_path / "moved" / "session-1", ID)
    (home / ".cli").symlink_to(tmp_path / "moved")
    assert remove(home, Residue("session-*", ID, (Place("HOME", ".cli"),))) == Removed(1)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"CLI_HOME": "moved", "HOME": "home"}, "home"), ({"CLI_HOME": "", "HOME": "home"}, "moved")],
)
def test_it_is_looked_for_where_the_first_variable_says(tmp_path, variables, expected):
    at_home = made(tmp_path / "home" / ".cli" / "session", ID)
    moved = made(tmp_path / "moved" / "session", ID)
    told = {name: value and str(tmp_path / value) for name, value in variables.items()}
    places = (Place("CLI_HOME"), Place("HOME", ".cli"))
    assert residue.remove([Residue("session", ID, places)], told) == Removed(1)
    assert [path for path in (at_home, moved) if path.exists()] == [at_home if expected == "home" else moved]


def test_without_any_of_its_variables_there_is_no_place_to_look():
    assert residue.remove([Residue("*")], {}) == Removed()


def test_a_place_that_is_no_absolute_path_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "moved" / "session", ID)
    removed = residue.remove([Residue("session", ID, (Place("CLI_HOME"),))], {"CLI_HOME": "moved"})
    why = "it is no absolute path, so that nobody knows what it means"
    assert removed == Removed(0, (f"moved was not deleted: {why}",))
    assert Path("moved/session").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs files that not even root may delete")
@pytest.mark.parametrize("pattern", ["comm", "fdinfo/"])
def test_what_cannot_be_deleted_is_told_and_the_rest_is_deleted(home, caplog, pattern):
    made(home / "session", ID)
    undeletable = Residue(pattern, places=(Place("PROCESS"),))
    process = "/proc/self"
    removed = residue.remove([undeletable, Residue("session", ID)], {"HOME": str(home), "PROCESS": process})
    named = f"{process}/{pattern.rstrip('/')}"
    assert removed == Removed(1, (f"{named} was not deleted: Operation not permitted",))
    assert caplog.messages == list(removed.left)
