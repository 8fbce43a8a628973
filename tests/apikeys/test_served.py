"""Keys of the whole program: no start without those that are configured, reloads, and nobody who sees them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import ndjson
from tests.apikeys.conftest import GopassStandIn
from tests.commands.conftest import Configured
from tests.e2e.conftest import DEADLINE, Served, until

pytestmark = pytest.mark.e2e

A, B, C = (f"key-{letter}-of-more-than-sixteen" for letter in "abc")
SERVE = (sys.executable, "-m", "clinvk", "serve", "--port", "0")


def refusal(home: Path, server: str, **variables: str) -> tuple[int, list[str]]:
    """How it ends that cannot start, and what it says. It never said that it listens."""
    folder = home / "clinvk"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(f"server: {server}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLINVK_HOME": str(folder), **variables}
    done = subprocess.run(SERVE, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_a_variable_that_holds_no_key_is_no_start(tmp_path):
    assert refusal(tmp_path, "{}", CLINVK_API_KEYS="") == (
        3,
        [
            "clinvk: environment: CLINVK_API_KEYS is set, but holds no key;"
            " expected keys of visible ASCII, separated by commas, or the variable unset"
        ],
    )


def test_sources_that_fail_are_no_start_though_another_gives_keys(tmp_path):
    gopass = GopassStandIn(tmp_path)
    file = tmp_path / "keys.yaml"
    file.write_text(f"keys: {{a: {{key: {B}}}}}\n")
    file.chmod(0o644)
    server = f"{{api_keys_file: {file}, api_keys_gopass_path: says-all}}"
    assert refusal(tmp_path, server, CLINVK_API_KEYS=A, PATH=gopass.path) == (
        3,
        [
            'clinvk: server.api_keys_gopass_path: gopass fails to show "says-all" (exit code 1);'
            " expected that `gopass show` works for the server's user",
            f"clinvk: {file}: the file is open to others, by its mode 0644; expected 0600: chmod 600 it",
        ],
    )


def test_keys_that_have_to_be_there_and_are_not_are_no_start(tmp_path):
    code, told = refusal(tmp_path, "{require_auth: true}")
    assert (code, len(told)) == (3, 1)
    assert told[0].startswith("clinvk: server.require_auth is true, but there are no API keys; expected ")


@pytest.fixture
def keyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Configured]]:
    """Starts a server with that `server` section, and gopass on its PATH."""
    gopass = GopassStandIn(tmp_path)
    gopass.keep("keys", B)
    monkeypatch.setenv("PATH", gopass.path)
    made: list[Configured] = []

    def make(server: str, **variables: str) -> Configured:
        def start(home: Path, *flags: str) -> Served:
            return Served(home, *flags, more=variables)

        made.append(Configured(tmp_path, f"server: {server}\n", start, ()))
        return made[-1]

    yield make
    for one in made:
        one.served.end()
        one.log.close()


def status(server: Configured, key: str) -> int:
    return server.served.call("GET", "/api/v1/backends", Authorization=f"Bearer {key}").status


def key_file(path: Path, **keys: str) -> None:
    path.write_text("keys:\n" + "".join(f"  {label}: {{key: {key}}}\n" for label, key in keys.items()))
    path.chmod(0o600)


def test_keys_come_and_go_while_a_stream_goes_on_and_no_log_holds_one(keyed, tmp_path):
    file = tmp_path / "keys.yaml"
    key_file(file, laptop=C)
    server = keyed(f"{{api_keys_file: {file}, api_keys_gopass_path: keys}}", CLINVK_API_KEYS=A)
    assert server.log.until("API keys are asked for")[-1] == "API keys are asked for: env-1, gopass-1, laptop"
    assert [status(server, key) for key in (A, B, C, f"{A}{A}")] == [200, 200, 200, 401]
    body = {"backend": "demo", "prompt": "/hang", "output_format": "stream-json"}
    stream = server.served.call("POST", "/api/v1/prompt", body, Authorization=f"Bearer {C}")
    run = ndjson.until(stream, "run.started")["run_id"]

    new = C[::-1]
    key_file(file, phone=new)
    (tmp_path / "bin" / "secrets" / "keys").write_text(f"{B},{A[::-1]}")
    told = server.reload()
    assert told == (f"reloaded {server.file}: API keys added: gopass-2, phone; API keys removed: laptop")
    assert [status(server, key) for key in (A, B, C, new, A[::-1])] == [200, 200, 401, 200, 200]
    deleted = server.served.call("POST", f"/api/v1/runs/{run}/cancel", Authorization=f"Bearer {A}")
    assert deleted.status < 300, deleted.read()
    assert ndjson.until(stream, "run.finished")["state"] == "cancelled"

    server.served.end()
    written = "".join(server.log.rest())
    assert not [key for key in (A, B, C, new, A[::-1]) if key in written]


def test_a_source_that_fails_refuses_the_whole_reload(keyed, tmp_path):
    file = tmp_path / "keys.yaml"
    key_file(file, laptop=C)
    server = keyed(f"{{api_keys_file: {file}, require_auth: true}}")
    file.write_text("keys: {}\n")
    assert server.reload(f"server: {{api_keys_file: {file}, allowed_hosts: [a.example]}}\n") == (
        f"not reloaded, everything stays as it was: {file}: the file holds no key; expected a label and its key:"
        " `clinvk keys add` writes one"
    )
    assert status(server, C) == 200
    assert status(server, A) == 401
    assert server.served.call("GET", "/health", Host="a.example").status == 403


# A CLI that is asked for its version: it tells what of its parent, and of that one's, it can open, and its own
# environment. A shell, for whoever is not root may have no Python.
PROBE = """#!/bin/sh
guardian=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$PPID/status)
for file in $PPID/environ $PPID/mem $PPID/maps $guardian/environ $guardian/mem $guardian/maps; do
    if (exec <"/proc/$file") 2>/dev/null; then echo "$file is open"; else echo "$file is closed"; fi
done >"$HOME/seen"
id -u >"$HOME/who"
env >"$HOME/own"
echo "2.1.0 (Claude Code)"
"""


def seen_by_a_child(file_of_keys: bool = False, **variables: str) -> list[str]:
    """What a CLI tells of a server that runs as a user who is not root: first files, then variables."""
    home = Path(tempfile.mkdtemp())  # what pytest makes is closed to another user
    try:
        cli = home / "cli"
        cli.write_text(PROBE)
        cli.chmod(0o755)
        (home / "clinvk").mkdir()
        file = home / "clinvk" / "keys.yaml"
        key_file(file, a=A)
        named = f"server: {{api_keys_file: {file}}}\n" if file_of_keys else ""
        (home / "clinvk" / "config.yaml").write_text(f"backends: {{claude: {{path: {cli}}}}}\n{named}")
        argv = SERVE
        if os.geteuid() == 0:
            for each in (home, home / "clinvk", file):
                os.chown(each, 65534, 65534)
            nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            looks = subprocess.run((*nobody, SERVE[0], "-c", "import clinvk"), capture_output=True, check=False)
            if looks.returncode:
                pytest.skip("another user may not read this checkout")
            argv = (*nobody, *SERVE)
        served = Served(home, argv=argv, more=variables)
        try:
            until(lambda: b"2.1.0" in served.call("GET", "/api/v1/backends", Authorization=f"Bearer {A}").read())
        finally:
            served.end()
        assert (home / "who").read_text() != "0\n"
        return [line for name in ("seen", "own") for line in (home / name).read_text().splitlines()]
    finally:
        shutil.rmtree(home)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_child_of_the_same_user_reads_no_key_from_the_environment_or_memory_of_server_and_guardian():
    told = seen_by_a_child(CLINVK_API_KEYS=A)
    assert [line.partition(" is ")[2] for line in told[:6]] == ["closed"] * 6
    assert [line.partition("=")[0] for line in told[6:] if line.startswith("CLINVK_")] == ["CLINVK_RUN"]
    assert A not in "".join(told)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_with_keys_of_a_file_the_memory_of_the_server_to_which_they_are_shown_is_closed_too():
    told = seen_by_a_child(file_of_keys=True)
    assert [line.partition(" is ")[2] for line in told[:6]] == ["closed"] * 3 + ["open"] * 3
