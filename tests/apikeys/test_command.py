"""clinvk keys, and what it leaves of a key file."""

import hashlib
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from clinvk import cli
from clinvk.apikeys import editing, keyfile
from clinvk.settings import BadSettings
from tests.apikeys.conftest import KEYS

DIGEST = "0" * 63


class Keys:
    """The command with a home of its own; what the last call said."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.file = home / "keys.yaml"
        self._capsys = capsys

    def __call__(self, *arguments: str) -> int:
        code = cli.run(["keys", *arguments])
        self.out, self.err = self._capsys.readouterr()
        return code

    def configure(self, server: str) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "config.yaml").write_text(f"server:\n  {server}\n")

    def write(self, text: str) -> None:
        self.home.mkdir(exist_ok=True)
        self.file.write_text(text)
        self.file.chmod(0o600)


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keys:
    monkeypatch.setenv("CLINVK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLINVK_API_KEYS", raising=False)
    return Keys(tmp_path / "home", capsys)


def test_a_key_is_made_and_told_once_and_only_its_digest_is_kept(keys):
    assert keys("add", "laptop") == 0
    key = keys.out.removesuffix("\n")
    assert re.fullmatch(r"clv_[A-Za-z0-9_-]{43}", key)
    assert key not in keys.err
    assert f"clinvk config set server.api_keys_file {keys.file}; a running server reads it on SIGHUP" in keys.err
    assert stat.S_IMODE(keys.file.stat().st_mode) == 0o600
    assert key not in keys.file.read_text()
    ((known, grant),) = keyfile.read(KEYS, keys.file)
    assert (known, grant.label) == (hashlib.sha256(key.encode()).digest(), "laptop")
    assert keys("add", "other") == 0
    assert keys.out.removesuffix("\n") != key


def test_bounds_are_written_and_listed_and_no_digest_is(keys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bounds = (
        "--backend",
        "demo",
        "--backend",
        "codex",
        "--workdir",
        "src",
        "--max-runs",
        "1",
        "--max-queued",
        "0",
    )
    assert keys("add", "ci", *bounds, "--rate", "0.5", "--burst", "3") == 0
    assert keys("add", "laptop") == 0
    assert keys("list") == 0
    assert keys.out == (
        f"ci  backends: [demo, codex], workdirs: [{tmp_path}/src], max_concurrent_runs: 1, max_queued_runs: 0,"
        " rate_limit_rps: 0.5, rate_limit_burst: 3\nlaptop  no bounds of its own\n"
    )
    assert [grant.max_queued_runs for _, grant in keyfile.read(KEYS, keys.file)] == [0, None]


def test_the_configured_file_is_the_one_that_is_changed(keys, tmp_path):
    file = tmp_path / "elsewhere" / "keys"
    keys.configure(f"api_keys_file: {file}")
    assert keys("add", "laptop") == 0
    assert keys.err.endswith("a running server reads it on SIGHUP\n")
    assert "config set" not in keys.err
    assert file.exists()
    assert not keys.file.exists()
    assert keys("check") == 0
    assert keys.out == "laptop\n"


def test_what_cannot_be_added_changes_nothing(keys):
    keys("add", "laptop")
    before = keys.file.read_text()
    assert keys("add", "laptop") == 1
    assert keys.err == f"clinvk: {keys.file} has a key laptop already\n"
    assert keys("add", "env-1") == 3
    assert keys.err.startswith(
        "clinvk: command line: keys.env-1 is not a label that can be used; expected a label"
    )
    assert keys("add", "a", "--backend", "dmeo", "--max-runs", "0") == 3
    assert len(keys.err.splitlines()) == 2
    assert keys.out == ""
    keys.file.chmod(0o644)
    assert keys("add", "phone") == 3
    assert "is open to others, by its mode 0644; expected 0600" in keys.err
    assert keys.file.read_text() == before


def test_a_key_is_removed_and_the_last_one_with_a_warning(keys):
    keys("add", "laptop")
    keys.configure(f"api_keys_file: {keys.file}")
    keys("add", "phone")
    assert keys("remove", "laptop") == 0
    assert keys.err == f"laptop is out of {keys.file}; a running server reads it on SIGHUP\n"
    assert [grant.label for _, grant in keyfile.read(KEYS, keys.file)] == ["phone"]
    assert keys("remove", "laptop") == 1
    assert keys.err == f"clinvk: {keys.file} has no key laptop\n"
    assert keys("remove", "phone") == 0
    assert "it was the last one: with a file that holds none the server does not start" in keys.err
    assert keys("check") == 3
    assert "the file holds no key" in keys.err
    assert keys("add", "new") == 0
    assert keys("check") == 0


def test_check_tells_the_labels_of_all_sources_or_what_is_wrong(keys, monkeypatch):
    assert keys("check") == 0
    assert (keys.out, keys.err) == ("", "no API keys are configured: the server asks for none\n")
    keys("add", "laptop")
    assert keys("check") == 0
    assert keys.err.endswith(f"{keys.file} is of no effect: server.api_keys_file is not set\n")
    keys.configure(f"api_keys_file: {keys.file}")
    monkeypatch.setenv("CLINVK_API_KEYS", "one-of-more-than-sixteen,two-of-more-than-sixteen")
    assert keys("check") == 0
    assert (keys.out, keys.err) == ("env-1\nenv-2\nlaptop\n", "")
    monkeypatch.setenv("CLINVK_API_KEYS", "313 37")
    assert keys("check") == 3
    assert "313" not in keys.err
    assert keys("list") == 3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def changes(file: Path, text: str) -> tuple[Callable[[str], str], Callable[[str], str]]:
    """What adding and removing a key of that label makes of `text`."""
    return (
        lambda label: editing.added(KEYS, file, text, label, {"sha256": f"{DIGEST}a"}),
        lambda label: editing.removed(KEYS, file, text, label),
    )


COMMENTED = """\
# who may ask

keys:
    ann:   # of the first floor
        sha256: {a}
        # for the demo alone
        backends: [demo]

    # the robot
    ci:
        sha256: {b}   # digits

    # the end
""".format(a=f"{DIGEST}b", b=f"{DIGEST}c")


def test_comments_survive_what_is_added_and_removed(file):
    added, removed = changes(file, COMMENTED)
    fresh = added("new")
    assert [line for line in fresh.splitlines() if line not in COMMENTED.splitlines()] == [
        "    new:", f"        sha256: {DIGEST}a"
    ]  # fmt: skip
    assert [line for line in COMMENTED.splitlines() if line not in fresh.splitlines()] == []
    assert removed("ann") == COMMENTED.replace(
        COMMENTED[COMMENTED.index("    ann") : COMMENTED.index("\n    # the robot")], ""
    )
    assert removed("ci") == COMMENTED.replace(
        COMMENTED[COMMENTED.index("    ci") : COMMENTED.index("\n    # the end")], ""
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_last_line_and_ends_of_lines_stay_as_they_are(file, end):
    between = end or "\n"
    text = between.join(["keys:", "  a:", f"    sha256: {DIGEST}b", "  c:", f"    sha256: {DIGEST}d"]) + end
    _, removed = changes(file, text)
    assert removed("c") == between.join(["keys:", "  a:", f"    sha256: {DIGEST}b", ""])
    assert removed("a") == between.join(["keys:", "  c:", f"    sha256: {DIGEST}d"]) + end


@pytest.mark.parametrize(
    "text", ["", "keys:\n", "keys: {}\n", "# nothing yet\n", f"keys: {{a: {{sha256: {DIGEST}b}}}}\n"]
)
def test_a_key_is_added_to_whatever_there_is(file, text):
    added, _ = changes(file, text)
    before = keyfile.checked(KEYS, file, text)["keys"]
    assert keyfile.checked(KEYS, file, added("new"))["keys"] == {**before, "new": {"sha256": f"{DIGEST}a"}}


@pytest.mark.parametrize(
    "text",
    [
        f"keys: {{a: {{sha256: {DIGEST}b}}, c: {{sha256: {DIGEST}d}}}}\n",
        f"keys:\n  a: &a\n    sha256: {DIGEST}b\n  c:\n    <<: *a\n    sha256: {DIGEST}d\n",
    ],
)
def test_what_cannot_be_removed_alone_is_left_to_its_owner(file, text):
    _, removed = changes(file, text)
    with pytest.raises(BadSettings) as error:
        removed("a")
    assert str(error.value) == f"{file}: a cannot be changed without a change elsewhere; expected an edit by hand"
