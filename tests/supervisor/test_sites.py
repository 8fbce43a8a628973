"""A folder of its own for each child."""

import os
import stat
from pathlib import Path

import pytest

from clinvk.supervisor import sites
from clinvk.supervisor.sites import Sites


@pytest.fixture
def parent(tmp_path):
    return str(tmp_path)


def mode_of(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_a_site_is_for_its_user_alone_and_another_than_the_last(parent):
    mine = Sites(parent)
    first, second = mine.make(), mine.make()
    assert first != second
    assert mode_of(first) == 0o700
    assert mode_of(mine.root) == 0o700
    mine.close()


def test_the_next_folder_is_told_before_it_is_made(parent):
    mine = Sites(parent)
    assert mine.next_folder == mine.next_folder == mine.make()
    mine.close()


def test_files_are_readable_for_their_owner_only(parent):
    mine = Sites(parent)
    folder = mine.make()
    sites.furnish(folder, {"system.md": "be brief\n"})
    path = Path(folder, "system.md")
    assert path.read_text() == "be brief\n"
    assert mode_of(path) == 0o600
    mine.close()


def test_closing_leaves_nothing_and_may_be_done_twice(parent):
    mine = Sites(parent)
    mine.make()
    mine.close()
    mine.close()
    assert not list(Path(parent).iterdir())


def test_what_a_tool_made_read_only_is_removed_too(tmp_path):
    cache = tmp_path / "site" / "modules" / "deep"
    cache.mkdir(parents=True)
    (cache / "file").touch()
    cache.chmod(0o500)
    cache.parent.chmod(0o500)
    sites.remove(str(tmp_path / "site"))
    assert not (tmp_path / "site").exists()


def test_removing_follows_no_link(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    site = tmp_path / "site"
    site.mkdir()
    (site / "link").symlink_to(tmp_path / "precious")
    sites.remove(str(site))
    assert not site.exists()
    assert (tmp_path / "precious" / "file").exists()


def test_sweeping_removes_what_a_dead_server_left_and_nothing_that_is_in_use(tmp_path):
    alive, dead = Sites(str(tmp_path)), Sites(str(tmp_path))
    alive.make()
    dead.make()
    os.close(dead._lock)  # what its death does
    (tmp_path / "clinvk-unlocked").mkdir()
    (tmp_path / f"clinvk-{os.getuid()}-link").symlink_to(alive.root)
    assert sites.sweep(str(tmp_path)) == 1
    assert not Path(dead.root).exists()
    assert Path(alive.root).exists()
    assert (tmp_path / "clinvk-unlocked").exists()
    alive.close()


def test_a_root_that_was_tidied_away_is_begun_anew(parent):
    mine = Sites(parent)
    mine.make()
    sites.remove(mine.root)
    folder = mine.make()
    assert Path(folder).is_dir()
    assert sites.sweep(parent) == 0, "the new one is locked too"
    mine.close()
    assert not list(Path(parent).iterdir())


def test_a_site_that_became_a_link_is_unlinked_and_what_it_leads_to_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir(mode=0o755)
    (tmp_path / "site").symlink_to(precious)
    sites.remove(str(tmp_path / "site"))
    assert not (tmp_path / "site").is_symlink()
    assert mode_of(precious) == 0o755


def test_a_half_removed_root_is_swept_too(tmp_path):
    dead = Sites(str(tmp_path))
    os.close(dead._lock)
    assert not list(Path(dead.root).iterdir()), "there is no lock file to lose"
    assert sites.sweep(str(tmp_path)) == 1
