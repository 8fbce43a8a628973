"""gopass: the well-known one by a stand-in for its documented interface, and the one that Debian has, for real."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from clinvk import processes
from clinvk.apikeys import gopass
from clinvk.settings import BadSettings
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.errand import Errands

KEY = "a-key-that-gopass-keeps"
UNLOCKED = "expected its private key at hand and unlocked for the server's user"
WORKS = "expected that `gopass show` works for the server's user"


@pytest.fixture
async def errand() -> AsyncIterator[gopass.Errand]:
    """Runs programs, and sees to it that none is left."""
    yield Errands(Descendants()).run
    assert not [row for row in processes.descendants(os.getpid(), processes.table()) if row.alive]


async def refusal(path: str, errand: gopass.Errand, seconds: float = 30.0) -> str:
    with pytest.raises(BadSettings) as error:
        await gopass.show(path, errand, seconds)
    return str(error.value).removeprefix("server.api_keys_gopass_path: ")


async def test_the_password_of_the_secret_is_asked_for_alone(stand_in, errand):
    stand_in.keep("keys", f"{KEY},{KEY}2\nuser: somebody\n")
    assert await gopass.show("keys", errand) == f"{KEY},{KEY}2\n"
    assert stand_in.asked == ["-o keys"]


async def test_it_sees_what_it_needs_and_no_keys_of_ours(stand_in, errand, monkeypatch):
    told = {"GNUPGHOME": "/a", "PASSWORD_STORE_DIR": "/b", "GOPASS_HOMEDIR": "/c", "XDG_RUNTIME_DIR": "/d"}
    kept = {"CLINVK_API_KEYS": KEY, "OPENAI_API_KEY": "x", "LISTEN_FDS": "1", "NOTIFY_SOCKET": "/e"}
    for name, value in {**told, **kept}.items():
        monkeypatch.setenv(name, value)
    stand_in.keep("keys", KEY)
    await gopass.show("keys", errand)
    seen = stand_in.environment
    assert told.items() <= seen.items()
    assert not kept.keys() & seen.keys()
    assert KEY not in seen.values()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nothing", 'gopass has no secret "nothing"; expected one of those that `gopass ls` lists'),
        ("locked", f'gopass cannot decrypt "locked"; {UNLOCKED}'),
        ("says-all", f'gopass fails to show "says-all" (exit code 1); {WORKS}'),
        ("empty", 'gopass shows nothing for "empty"; expected keys, separated by commas or lines'),
        ("large", 'gopass shows too much for "large"; expected less than 65536 bytes'),
    ],
)  # fmt: skip
async def test_each_failure_has_its_sentence_and_none_holds_what_was_printed(stand_in, errand, path, said):
    stand_in.keep("empty", "\n")
    stand_in.keep("large", "x" * 70_000)
    told = await refusal(path, errand)
    assert told == said
    assert "the-secret" not in told


async def test_one_that_waits_is_not_waited_for_and_leaves_nothing(stand_in, errand):
    told = await refusal("hangs", errand, 0.2)
    assert (
        told
        == "gopass did not end within 0.2 s; expected a key that is unlocked: nobody is there to type a passphrase"
    )


async def test_one_that_is_not_there_or_cannot_be_started_is_told(errand, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (await refusal("keys", errand)).startswith("gopass is not on the PATH of the server; expected")
    (tmp_path / "gopass").write_text("#!/nowhere/sh\n")
    assert (await refusal("keys", errand)).startswith("gopass cannot be started: ")


class Store:
    """A password store with a GPG key of its own that has no passphrase, and Debian's gopass to read it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "store"
        self._gnupg = home / "gnupg"
        self._gnupg.mkdir(mode=0o700)
        self.variables = {"HOME": str(home), "GNUPGHOME": str(self._gnupg), "PASSWORD_STORE_DIR": str(self.folder)}
        made = "--quick-generate-key", "test@example.invalid", "future-default", "default", "never"
        self._run("gpg", "--batch", "--quiet", "--passphrase", "", *made)
        self._run("gopass", "init", "test@example.invalid")

    def keep(self, name: str, text: str) -> None:
        arguments = (
            "--batch",
            "--quiet",
            "--trust-model",
            "always",
            "--recipient",
            "test@example.invalid",
            "--encrypt",
        )
        self._run("gpg", *arguments, "--output", str(self.folder / f"{name}.gpg"), text=text)

    def lose_the_private_key(self) -> None:
        self.end_agent()
        shutil.rmtree(self._gnupg / "private-keys-v1.d")

    def end_agent(self) -> None:
        self._run("gpgconf", "--kill", "all")

    def _run(self, *command: str, text: str = "") -> None:
        subprocess.run(
            command, input=text, text=True, check=True, capture_output=True, env={**os.environ, **self.variables}
        )


def debians_gopass() -> bool:
    if not all(map(shutil.which, ("gopass", "gpg", "gpgconf"))):
        return False
    told = subprocess.run(["gopass", "show", "-o", "x"], capture_output=True, text=True, check=False)
    return "flag provided but not defined" in told.stderr


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    if not debians_gopass():
        pytest.skip("needs Debian's gopass and gpg (gnupg)")
    made = Store(tmp_path_factory.mktemp("g"))  # short: the agent's socket is in there
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    yield made
    made.end_agent()


async def test_debians_knows_no_such_option_and_is_asked_without(store, errand):
    store.keep("keys", f"{KEY}\n{KEY}2\n")
    store.end_agent()  # so that it is gopass whose gpg starts one, which must not be left
    assert (await gopass.show("keys", errand)).split() == [KEY, f"{KEY}2"]
    assert await refusal("nothing", errand) == (
        'gopass has no secret "nothing"; expected one of those that `gopass ls` lists'
    )
    store.lose_the_private_key()
    assert await refusal("keys", errand) == (f'gopass cannot decrypt "keys"; {UNLOCKED}')
