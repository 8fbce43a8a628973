"""The file of API keys: what it says, and how what is wrong with it is told without telling a key."""

import dataclasses
import hashlib
import os
import re
from pathlib import Path

import pytest

from clinvk.apikeys import keyfile
from clinvk.domain.access import Grant
from clinvk.settings import BadSettings
from tests.apikeys.conftest import KEYS

SECRET = "clv_a-key-of-more-than-sixteen"
LABEL = (
    "expected a label of 1 to 64 letters, digits, '.', '_' and '-' that is no key and begins with a letter or"
    " digit (env-1 and gopass-1 are taken)"
)
FORM = "expected 16 to 256 letters, digits and signs of ASCII, no blank and no comma"
ONE = "expected `key`, or `sha256` with its digest"
EMPTY = " the file holds no key; expected a label and its key: `clinvk keys add` writes one"

WRONG = [
    # Nothing that opens the server would leave it open.
    ("", EMPTY),
    ("keys:\n", EMPTY),
    ("keys: {}\n", EMPTY),
    # What is said of a key.
    ("keys:\n  a:\n", "2:3: keys.a has neither a key nor its digest; " + ONE),
    ("keys:\n  a: {backends: [demo]}\n", "2:3: keys.a has neither a key nor its digest; " + ONE),
    (f"keys:\n  a: {{key: {SECRET}, sha256: '{'0' * 64}'}}\n", "2:3: keys.a has both a key and a digest; " + ONE),
    (f"keys:\n  a: {{kye: {SECRET}}}\n",
     f"2:3: keys.a has neither a key nor its digest; {ONE}\n"
     "2:7: keys.a.kye is not a known key; expected perhaps 'keys.a.key'"),
    (f"keys:\n  a: {{key: {SECRET}, backends: [dmeo]}}\n",
     '2:55: keys.a.backends.0 "dmeo" is not a backend; expected perhaps \'demo\''),
    (f"keys:\n  a: {{key: {SECRET}, backends: []}}\n",
     "2:54: keys.a.backends [] has too few items; expected some"),
    (f"keys:\n  a: {{key: {SECRET}, workdirs: [src]}}\n",
     '2:55: keys.a.workdirs.0 "src" has the wrong form; expected an absolute path'),
    (f"keys:\n  a: {{key: {SECRET}, max_concurrent_runs: 0}}\n",
     "2:65: keys.a.max_concurrent_runs 0 is too small; expected at least 1"),
    (f"keys:\n  a: {{key: {SECRET}, rate_limit_rps: 0}}\n",
     "2:60: keys.a.rate_limit_rps 0 is too small; expected more than 0"),
    # Labels.
    (f"keys:\n  a b: {{key: {SECRET}}}\n", f"2:3: keys.a b is not a label that can be used; {LABEL}"),
    (f"keys:\n  -a: {{key: {SECRET}}}\n", f"2:3: keys.-a is not a label that can be used; {LABEL}"),
    (f"keys:\n  env-1: {{key: {SECRET}}}\n", f"2:3: keys.env-1 is not a label that can be used; {LABEL}"),
    (f"keys:\n  a: {{key: {SECRET}}}\n  a: {{key: {SECRET}2}}\n",
     "3:3: keys.a stands here a second time; expected it once: line 2 has it"),
    # Keys at the wrong place, or in the wrong form, are not told.
    (f"{SECRET}\n", "1:1: the file is text; expected a section of keys"),
    (f"keys: {SECRET}\n", "1:7: keys is text; expected a section of keys"),
    (f"keys: [{SECRET}]\n", "1:7: keys is a list; expected a section of keys"),
    (f"keys:\n  a: {SECRET}\n", "2:6: keys.a is text; expected a section of keys"),
    (f"{SECRET}: 1\n", "1:1: clv_… is not a known key; expected one of keys"),
    (f"keys:\n  {SECRET}: {{key: {SECRET}}}\n", f"2:3: keys.clv_… is not a label that can be used; {LABEL}"),
    (f"keys:\n  a: {{key: '{SECRET} and a blank'}}\n", f"2:12: keys.a.key has the wrong form; {FORM}"),
    ("keys:\n  a: {key: too-short}\n", f"2:12: keys.a.key has the wrong form; {FORM}"),
    ("keys:\n  a: {key: 31337313373133731337}\n",
     "2:12: keys.a.key is a number; expected text, so put it into quotes"),
    (f"keys:\n  a: {{sha256: {SECRET}}}\n",
     "2:15: keys.a.sha256 has the wrong form; expected the SHA-256 of a key, 64 hexadecimal digits"),
    (f"keys:\n  a: {{key: !{SECRET} x}}\n", "2:12: keys.a.key is tagged !clv…; expected a plain value"),
    (f"keys:\n  a: {{key: *{SECRET}}}\n",
     "2:12: the file is not YAML: found undefined alias 'clv_…'; expected 'key: value' lines, those of one section"
     " indented alike"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_is_wrong_is_told_with_line_and_what_would_be_right_and_without_a_key(refused, text, said):
    told = refused(text)
    assert told == said
    assert SECRET[4:] not in told


def test_keys_are_known_by_themselves_or_their_digests_with_what_they_may_do(file, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    digested = hashlib.sha256(b"another-key-than-that").hexdigest()
    file.write_text(
        f"keys:\n  plain:\n    key: {SECRET}\n  1: # a label all the same\n    sha256: {digested.upper()}\n"
        f"    backends: [demo, codex]\n    workdirs: [{tmp_path}/link]\n    max_concurrent_runs: 1\n"
        "    max_queued_runs: 0\n    rate_limit_rps: 0.5\n    rate_limit_burst: 3\n"
    )
    file.chmod(0o400)
    assert dict(keyfile.read(KEYS, file)) == {
        hashlib.sha256(SECRET.encode()).digest(): Grant("plain"),
        bytes.fromhex(digested): Grant(
            "1",
            frozenset({"demo", "codex"}),
            (str(tmp_path / "real"),),
            1,
            0,
            rate_limit_rps=0.5,
            rate_limit_burst=3,
        ),
    }


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_touch_is_refused(file, mode):
    file.write_text(f"keys: {{a: {{key: {SECRET}}}}}\n")
    file.chmod(mode)
    with pytest.raises(BadSettings) as error:
        keyfile.read(KEYS, file)
    expected = f"{file}: the file is open to others, by its mode {mode:04o}; expected 0600: chmod 600 it"
    assert str(error.value) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(file):
    file.write_text(f"keys: {{a: {{key: {SECRET}}}}}\n")
    file.chmod(0o600)
    os.chown(file, 65534, -1)
    with pytest.raises(BadSettings, match="belongs to user 65534; expected a file of user 0, who runs the server"):
        keyfile.read(KEYS, file)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "."):
        with pytest.raises(BadSettings, match="is no regular file; expected a file of YAML"):
            keyfile.read(KEYS, tmp_path / name)
    with pytest.raises(BadSettings, match="cannot be read: No such file or directory"):
        keyfile.read(KEYS, tmp_path / "nothing")


def test_a_link_to_a_file_is_followed_and_the_file_itself_is_judged(file, tmp_path):
    file.write_text(f"keys: {{a: {{key: {SECRET}}}}}\n")
    file.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(file)
    assert [grant.label for _, grant in keyfile.read(KEYS, link)] == ["a"]
    file.chmod(0o644)
    with pytest.raises(BadSettings, match="open to others"):
        keyfile.read(KEYS, link)


def test_what_is_no_text_is_refused_without_a_word_of_it(file):
    file.write_bytes(b"keys: {a: {key: \xff" + SECRET.encode())
    file.chmod(0o600)
    with pytest.raises(BadSettings) as error:
        keyfile.read(KEYS, file)
    assert str(error.value) == f"{file}: the file is not UTF-8; expected text in UTF-8"


def test_the_file_that_the_page_shows_is_one(file):
    page = (Path(__file__).parents[2] / "docs" / "keys.md").read_text("utf-8")
    file.write_text(re.search(r"```text\n(keys:.*?)```", page, re.DOTALL)[1])
    file.chmod(0o600)
    laptop, ci = (grant for _, grant in keyfile.read(KEYS, file))
    assert (laptop, ci.max_concurrent_runs) == (Grant("laptop"), 2)
    assert not {name for name, value in dataclasses.asdict(ci).items() if value is None}
