"""Empty folders that a sandbox leaves in a workdir."""

import pytest

from clinvk.supervisor.litter import Litter


@pytest.fixture
def litter():
    return Litter()


def test_only_what_was_not_there_and_is_empty_is_litter(litter, tmp_path):
    (tmp_path / "there").mkdir()
    mine = litter.expect(["there", "new", "used", "never"], str(tmp_path))
    (tmp_path / "new").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    litter.tidy(mine)
    assert {path.name for path in tmp_path.iterdir()} == {"there", "used"}


def test_what_one_left_is_no_folder_of_the_users_to_the_next(litter, tmp_path):
    first = litter.expect([".git"], str(tmp_path))
    (tmp_path / ".git").mkdir()
    second = litter.expect([".git"], str(tmp_path))
    litter.tidy(first)
    assert (tmp_path / ".git").exists(), "the other may stand on it"
    litter.tidy(second)
    assert not (tmp_path / ".git").exists()


def test_what_is_there_again_later_is_the_users(litter, tmp_path):
    litter.tidy(litter.expect([".git"], str(tmp_path)))
    (tmp_path / ".git").mkdir()
    litter.tidy(litter.expect([".git"], str(tmp_path)))
    assert (tmp_path / ".git").exists()


def test_a_broken_link_is_something_too(litter, tmp_path):
    (tmp_path / ".git").symlink_to("nowhere")
    assert litter.expect([".git"], str(tmp_path)) == ()
