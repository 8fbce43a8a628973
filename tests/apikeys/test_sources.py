"""All sources of keys, united: what fails with one of them, and by which labels keys go."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from clinvk.apikeys import KeySources
from clinvk.domain.access import Grant, Keyring, listed, unfit
from clinvk.settings import BadSettings, load
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.errand import Errands
from tests.apikeys.conftest import SCHEMAS

GOPASS = "server.api_keys_gopass_path"
ODD = "has a character that no header may hold, such as a blank or an umlaut"
A, B, C, D = (f"key-{letter}-of-more-than-sixteen" for letter in "abcd")


@pytest.fixture
def gathered(tmp_path: Path) -> Callable[..., Awaitable[Keyring]]:
    """The keys of a configuration with this `server` section and environment."""

    async def gather(server: dict[str, Any], environment: dict[str, str]) -> Keyring:
        file = tmp_path / "config.yaml"
        file.write_text(f"server: {server!r}\n".replace("True", "true"))
        settings = load(SCHEMAS, tmp_path, file, {}, environment)
        return await KeySources(SCHEMAS, Errands(Descendants()).run).load(settings)

    return gather


async def refusal(asked: Awaitable[Keyring]) -> list[str]:
    with pytest.raises(BadSettings) as error:
        await asked
    told = str(error.value)
    assert not [key for key in (A, B, C, D) if key in told]
    return told.splitlines()


def write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)


async def test_without_a_source_no_key_is_asked_for(gathered):
    assert not await gathered({}, {})


async def test_keys_of_all_sources_open_by_their_labels(gathered, stand_in, file):
    stand_in.keep("keys", f"{C}\n")
    write(file, f"keys: {{laptop: {{key: {D}, backends: [demo]}}}}\n")
    server = {"api_keys_file": str(file), "api_keys_gopass_path": "keys", "require_auth": True}
    ring = await gathered(server, {"CLINVK_API_KEYS": f" {A} ,,\t{B}\n"})
    assert [ring.grant(key) for key in (A, B, C, D)] == [
        Grant("env-1"), Grant("env-2"), Grant("gopass-1"), Grant("laptop", frozenset({"demo"}))
    ]  # fmt: skip
    assert ring.grant(f"{A},{B}") is ring.grant(f" {A}") is ring.grant("") is None


async def test_one_source_that_fails_fails_all_and_each_fault_is_told(gathered, stand_in, file):
    server = {"api_keys_file": str(file), "api_keys_gopass_path": "nothing"}
    assert await refusal(gathered(server, {"CLINVK_API_KEYS": A})) == [
        f'{GOPASS}: gopass has no secret "nothing"; expected one of those that `gopass ls` lists',
        f"{file}: the file cannot be read: No such file or directory;"
        " expected a file of YAML: `clinvk keys add` makes one",
    ]


async def test_keys_that_must_be_there_and_are_not_are_asked_for(gathered):
    assert await refusal(gathered({"require_auth": True}, {})) == [
        "server.require_auth is true, but there are no API keys; expected CLINVK_API_KEYS, server.api_keys_file or"
        " server.api_keys_gopass_path to give some"
    ]


async def test_the_same_key_by_two_labels_is_refused(gathered, stand_in, file):
    stand_in.keep("keys", A)
    write(file, f"keys: {{laptop: {{key: {A}}}, phone: {{key: {A}}}}}\n")
    server = {"api_keys_file": str(file), "api_keys_gopass_path": "keys"}
    assert await refusal(gathered(server, {"CLINVK_API_KEYS": A})) == [
        f"API keys: env-1 and {other} are the same key; expected it once"
        for other in ("gopass-1", "laptop", "phone")
    ]


async def test_what_gopass_shows_has_to_be_keys(gathered, stand_in):
    stand_in.keep("keys", f"{A},{'x' * 257},{B} {C}")
    stand_in.keep("commas", ",,")
    form = "expected keys of visible ASCII, separated by commas or lines"
    assert await refusal(gathered({"api_keys_gopass_path": "keys"}, {})) == [
        f"{GOPASS}: the secret holds a key, number 2, that is longer than 256 characters; {form}",
        f"{GOPASS}: the secret holds a key, number 3, that {ODD}; {form}",
    ]
    assert await refusal(gathered({"api_keys_gopass_path": "commas"}, {})) == [
        f"{GOPASS}: the secret holds no key; {form}"
    ]


@pytest.mark.parametrize(("value", "why"), [
    ("", "is set, but holds no key"),
    (" ,\n", "is set, but holds no key"),
    (f"{A}é", f"holds a key, number 1, that {ODD}"),
    (f"{A} {B}", f"holds a key, number 1, that {ODD}"),
    ("x" * 257, "holds a key, number 1, that is longer than 256 characters"),
])  # fmt: skip
async def test_a_variable_that_is_set_has_to_hold_keys(gathered, value, why):
    assert await refusal(gathered({}, {"CLINVK_API_KEYS": value})) == [
        f"environment: CLINVK_API_KEYS {why};"
        " expected keys of visible ASCII, separated by commas, or the variable unset"
    ]


async def test_a_key_that_can_be_guessed_is_taken_with_a_warning(gathered, caplog):
    keyring = await gathered({}, {"CLINVK_API_KEYS": f"{A},secret"})
    assert keyring.grant("secret").label == "env-2"
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == "the API key env-2 has fewer than 16 characters: it can be guessed"


def test_keys_are_taken_literally():
    assert listed("'quoted',\"too\",$HOME,a\\,b") == ["'quoted'", '"too"', "$HOME", "a\\", "b"]
    assert unfit("!#$%&'()*+./:;<=") is None
