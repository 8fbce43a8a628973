"""One value set anew in a file: the rest stays as it was written."""

import fcntl
import os
import stat

import pytest

from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, Places, effective
from clinvk.settings.document import read
from clinvk.settings.editing import alone, edited, replace
from clinvk.settings.keys import Keys

KEYS = Keys(Schemas())

WRITTEN = """\
# mine

backends:   # all of them
    # claude is best
    claude:
        model: 'opus'   # yes
        env: {A: "b", C: '3'}
        allowed_tools:
          - Read   # safe
          - "Grep"

server:
    port: 0x1F90
    host: "::1"
    # the end
"""


def set_in(text, key, value, file="some.yaml"):
    return edited(KEYS, file, text, tuple(key.split(".")), value)


def refused(text, key, value):
    with pytest.raises(BadSettings) as error:
        set_in(text, key, value)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("backends.claude.model", "sonnet", "model: 'opus'   # yes", "model: 'sonnet' # yes"),
        ("backends.claude.env.A", "x", '{A: "b"', '{A: "x"'),
        ("server.port", 3000, "0x1F90", "3000"),
        ("server.host", "localhost", '"::1"', '"localhost"'),
    ],
)
def test_a_value_is_replaced_and_comments_order_and_quotes_are_kept(key, value, before, after):
    assert set_in(WRITTEN, key, value) == WRITTEN.replace(before, after)


def test_a_long_line_is_not_wrapped():
    text = f"backends:\n  demo:\n    system_prompt: {'word ' * 60}end\n"
    assert set_in(text, "server.port", 1) == text + "server:\n  port: 1\n"


def test_what_was_not_set_goes_to_the_end_of_its_section():
    assert set_in(WRITTEN, "server.max_queued_runs", 5).endswith("    # the end\n    max_queued_runs: 5\n")
    assert set_in(WRITTEN, "session.retention_days", 1.5) == WRITTEN + "session:\n    retention_days: 1.5\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "server:\n  port: 1\n"),
        ("# only this", "# only this\nserver:\n  port: 1\n"),
        ("---\n# this\n\n", "---\n# this\nserver:\n  port: 1\n"),
        ("null", "server:\n  port: 1\n"),
        ("{}", "server:\n  port: 1\n"),
        ("server:", "server:\n  port: 1\n"),
        ("server: {port: 2}", "server: {port: 1}\n"),
        ("server: # c\n# d\nsession:\n  auto_resume: yes\n",
         "server: # c\n# d\n  port: 1\nsession:\n  auto_resume: yes\n"),
        ("\ufeffserver:\r\n  port: 2 # a\r\n", "\ufeffserver:\r\n  port: 1 # a\r\n"),
        ("server:\n  port: x\n", "server:\n  port: 1\n"),
        ("server:\n  allowed_hosts:\n  - a\n  - b\n", "server:\n  allowed_hosts:\n  - a\n  - b\n  port: 1\n"),
        ("server:\n  allowed_hosts:\n    - a\n", "server:\n  allowed_hosts:\n    - a\n  port: 1\n"),
        ("session:\n      auto_resume: true\n", "session:\n      auto_resume: true\nserver:\n      port: 1\n"),
    ],
)  # fmt: skip
def test_every_shape_of_file_takes_a_value(text, after):
    assert set_in(text, "server.port", 1) == after


@pytest.mark.parametrize(
    "value", ["yes", "1", "~", "a: b", "# x", "", " x ", "é", "a\nb\n", "'", '"', "=", "<<", "-"]
)
def test_text_stays_text_whatever_it_looks_like(tmp_path, value):
    file = tmp_path / "some.yaml"
    replace(file, set_in("", "backends.claude.system_prompt", value))
    found = effective(KEYS_OF, Places(tmp_path, file), {}, {})
    assert found.value(("backends", "claude", "system_prompt")) == value


KEYS_OF = Schemas()


def test_a_list_and_a_map_are_taken_too():
    assert set_in("", "server.allowed_hosts", ["a", "b"]) == "server:\n  allowed_hosts: [a, b]\n"
    assert set_in("", "backends.demo.env", {"A": "1"}) == 'backends:\n  demo:\n    env:\n      A: "1"\n'


def test_what_an_alias_shares_is_not_changed_behind_anyones_back():
    text = "backends:\n  claude: &all\n    max_concurrent: 2\n  codex: *all\n"
    told = refused(text, "backends.codex.model", "x")
    assert told.startswith("some.yaml: backends.codex.model cannot be set here without a change elsewhere")
    assert "model: x" in set_in(text, "backends.gemini.model", "x")


def test_what_the_library_cannot_read_is_left_alone_and_not_repeated():
    text = "backends:\n  demo:\n    env: {KEY: 2024-13-45}\n"
    told = refused(text, "server.port", 1)
    assert told == "some.yaml: server.port cannot be set here without a change elsewhere; expected an edit by hand"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# a\nserver:\n  prot: 1\n", "some.yaml:3:3: server.prot is not a known key"),
        ("- a\n", "some.yaml:1:1: the file is a list"),
        ("server: [", "some.yaml:1:10: the file is not YAML"),
        ("server:\n  port: 1\n  port: 2\n", "some.yaml:3:3: server.port stands here a second time"),
        ("default_backend: x\n", 'some.yaml:1:18: default_backend "x" is not a backend'),
    ],
)
def test_a_file_with_faults_elsewhere_is_left_alone(text, told):
    assert refused(text, "server.host", "a").startswith(told)


def test_a_new_file_is_the_owners_alone_and_so_is_its_folder(tmp_path):
    file = tmp_path / "new" / "some.yaml"
    replace(file, "server: {}\n")
    assert file.read_text() == "server: {}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path):
    target, link = tmp_path / "target.yaml", tmp_path / "link.yaml"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to("target.yaml")
    replace(link, "new\r\n")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"new\r\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "target.yaml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_stays_theirs(tmp_path):
    file = tmp_path / "some.yaml"
    file.touch()
    os.chown(file, 12345, 54321)
    replace(file, "x")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_what_cannot_be_replaced_stays_and_leaves_nothing_beside_it(tmp_path):
    file = tmp_path / "some.yaml"
    file.mkdir()
    with pytest.raises(IsADirectoryError):
        replace(file, "x")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("number", [0.00001, 1e-7, 1.5, 1234.75, 1.25e-5])
def test_a_number_is_read_back_as_that_number(number):
    text = set_in("", "session.retention_days", number)
    assert read(text).value == {"session": {"retention_days": number}}


def test_lines_end_as_they_did_but_for_the_one_that_is_set():
    text = "server:\r\n  port: 1\n  host: a   \r\n# x\nsession:\r\n    auto_resume: true\n"
    assert set_in(text, "server.port", 2) == text.replace("port: 1\n", "port: 2\n")
    added = "# x\n  max_queued_runs: 5\n"
    assert set_in(text, "server.max_queued_runs", 5) == text.replace("# x\n", added)


@pytest.mark.parametrize("end", ["...", "...\n", "...  # done\n", "...\r\n# after it\r\n", "...\n\n# after it"])
def test_the_end_of_the_document_stays_the_end(end):
    assert set_in(f"server:\n  port: 1\n{end}", "server.port", 2) == f"server:\n  port: 2\n{end}"


def test_three_dots_within_text_are_no_end():
    text = "backends:\n  demo:\n    system_prompt: |\n      a\n      ...\n      b\n"
    assert set_in(text, "server.port", 1) == text + "server:\n  port: 1\n"


def test_two_cannot_change_one_folder_at_once_and_nothing_is_left_of_it(tmp_path):
    file = tmp_path / "new" / "some.yaml"
    with alone(file):
        folder = os.open(file.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(folder)
    assert list(file.parent.iterdir()) == []
