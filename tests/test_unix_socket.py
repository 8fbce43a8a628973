"""A socket in the file system: for its user alone, in the place of dead ones, never in that of anything else."""

import fcntl
import os
import socket
import stat

import pytest

from clinvk import unix_socket
from clinvk.unix_socket import CannotListen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clinvk.sock"


@pytest.fixture
def listen():
    """Listens, and closes at the end."""
    opened = []

    def bind(path):
        opened.append(unix_socket.listen(str(path)))
        return opened[-1]

    yield bind
    for bound in opened:
        bound.socket.close()


def dead(path):
    """What a server leaves that was killed."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()


def refused(path):
    with pytest.raises(CannotListen) as told:
        unix_socket.listen(str(path))
    return str(told.value)


def test_it_is_for_its_user_alone_whatever_the_mask_says(path, listen):
    mask = os.umask(0)
    try:
        listen(path)
    finally:
        os.umask(mask)
    assert stat.filemode(path.stat().st_mode) == "srw-------"


def test_nobody_can_connect_before_it_is_for_its_user_alone(path, listen, monkeypatch):
    seen = []
    chmod_really = type(path).chmod

    def chmod(self, mode):
        with socket.socket(socket.AF_UNIX) as other, pytest.raises(ConnectionRefusedError):
            other.connect(str(self))
        seen.append(mode)
        chmod_really(self, mode)

    monkeypatch.setattr(type(path), "chmod", chmod)
    listen(path)
    assert seen == [0o600]


def test_what_a_dead_server_left_is_replaced(path, listen):
    dead(path)
    bound = listen(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        bound.socket.accept()[0].close()


def test_a_server_that_lives_is_left_alone(path, listen):
    bound = listen(path)
    assert refused(path) == f"cannot listen on {path}: another server does"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert bound.inode == (path.stat().st_dev, path.stat().st_ino)


def test_a_server_whose_queue_is_full_lives(path):
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as client:
        busy.bind(str(path))
        busy.listen(0)
        client.connect(str(path))
        assert refused(path).endswith("another server does")
        assert path.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "pipe"])
def test_what_is_no_socket_is_not_touched(path, kind):
    match kind:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "link":
            dead(path.with_name("other"))
            path.symlink_to(path.with_name("other"))
        case "pipe":
            os.mkfifo(path)
    before = path.lstat()
    assert refused(path) == f"cannot listen on {path}: there is something else, and it is no socket"
    assert path.lstat() == before


def test_a_folder_that_is_not_there_is_a_clear_fault(tmp_path):
    assert refused(tmp_path / "none" / "s") == f"cannot listen on {tmp_path}/none/s: No such file or directory"


def test_a_path_too_long_is_a_clear_fault(tmp_path):
    assert refused(tmp_path / ("x" * 120)).endswith("path too long")


def test_two_that_start_at_once_do_not_take_each_other_for_dead(path, listen):
    dead(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert refused(path).endswith("another server is starting in its folder")
    finally:
        os.close(folder)
    listen(path)


def test_at_the_end_the_file_goes(path, listen):
    listen(path).remove()
    assert list(path.parent.iterdir()) == []


def test_the_file_of_another_server_stays(path, listen):
    ours = listen(path)
    path.unlink()
    theirs = listen(path)
    ours.remove()
    assert path.exists()
    theirs.remove()
    assert not path.exists()


def test_a_file_or_a_folder_that_has_gone_already_is_no_trouble(tmp_path, listen):
    (tmp_path / "a").mkdir()
    bound = listen(tmp_path / "a" / "s")
    bound.path.unlink()
    bound.remove()
    (tmp_path / "a").rmdir()
    bound.remove()
