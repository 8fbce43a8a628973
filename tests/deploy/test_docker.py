"""The container image and the compose file, as far as they can be judged where no engine runs."""

import json
import re
import shlex
import socket
import subprocess
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from clinvk import cli, settings
from clinvk.schemas import Schemas
from tests.deploy.proxies import DEPLOY, needs
from tests.e2e.conftest import Served, until

ROOT = DEPLOY.parents[1]
HERE = DEPLOY / "docker"
JOINED = re.sub(r"\\\n\s*", "", (HERE / "Dockerfile").read_text())
STEPS = [(line.split()[0], line.partition(" ")[2]) for line in JOINED.splitlines() if line and line[0] != "#"]
COMPOSE = yaml.safe_load((HERE / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["clinvk"]


def said(instruction: str) -> list[str]:
    """What each such instruction says."""
    return [rest for name, rest in STEPS if name == instruction]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> settings.ServerSettings:
    """The settings of the image."""
    home = tmp_path_factory.mktemp("home")
    return settings.load(Schemas(), home, HERE / "config.yaml", {}, {}).server


def test_a_linter_finds_nothing_in_the_dockerfile() -> None:
    command = (needs("hadolint"), "--no-color", HERE / "Dockerfile")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_build_copies_is_there_and_is_sent_to_it() -> None:
    kept = [
        line for line in (HERE / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    assert kept[0] == "*", "nothing but what is named after it"
    allowed = [line.removeprefix("!") for line in kept[1:] if line.startswith("!")]
    for rest in said("COPY"):
        words = shlex.split(rest)
        for source in () if words[0].startswith("--from=") else words[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, each) or source.startswith(f"{each}/") for each in allowed), source
    assert [name for name in allowed if not (ROOT / name).exists()] == []


def test_what_is_installed_is_what_the_checkout_locks() -> None:
    installing = [rest for rest in said("RUN") if re.search(r"\b(pip install|npm)\b", rest)]
    assert len(installing) == 3
    for rest in installing:
        assert "--require-hashes" in rest or "--no-deps" in rest or rest.startswith("npm ci --ignore-scripts")


def test_no_root_is_in_the_container() -> None:
    assert said("USER") == ["1000:1000"]
    last = max(number for number, (name, _) in enumerate(STEPS) if name == "RUN")
    assert STEPS.index(("USER", "1000:1000")) > last


def test_the_image_starts_what_there_is_without_a_shell() -> None:
    (entry,) = map(json.loads, said("ENTRYPOINT"))
    assert cli._parser().parse_args(entry[1:]).run
    assert (said("STOPSIGNAL"), said("EXPOSE")) == (["SIGTERM"], ["8080"])


def test_the_image_lets_nobody_in_without_a_key(server: settings.ServerSettings) -> None:
    assert (server.host, server.port, server.require_auth) == ("0.0.0.0", 8080, True)
    assert server.allowed_workdir_prefixes == ("/work",)
    (secret,) = SERVICE["secrets"]
    assert server.api_keys_file == f"/run/secrets/{secret}"
    assert secret in COMPOSE["secrets"]


def probe() -> tuple[str, ...]:
    """The program that looks whether the server is well."""
    (check,) = said("HEALTHCHECK")
    return tuple(json.loads(check.partition(" CMD ")[2]))


def test_the_health_check_tells_a_server_that_is_well_from_one_that_is_not(served: Served) -> None:
    def looks(port: int) -> int:
        command = [part.replace("8080", str(port)) for part in probe()]
        return subprocess.run(command, capture_output=True, check=False).returncode

    until(lambda: looks(served.port) == 0)  # it is patient for four seconds only
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        assert looks(nobody.getsockname()[1]) != 0


def test_the_container_may_do_no_more_than_it_has_to() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "memswap_limit", "pids_limit", "cpus"} <= SERVICE.keys()
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices", "environment"} & SERVICE.keys()
    assert [port for port in SERVICE["ports"] if not port.startswith("127.0.0.1:")] == []


def test_what_it_has_to_write_to_can_be_written_to() -> None:
    mounted = [entry.split(":")[1] for entry in SERVICE["volumes"]]
    assert said("VOLUME")[0] in mounted
    assert "/work" in mounted
    (scratch,) = SERVICE["tmpfs"]
    assert scratch.startswith("/tmp:")
    assert "exec" in scratch.partition(":")[2].split(",")


def test_runs_may_end_before_the_container_is_killed(server: settings.ServerSettings) -> None:
    grace = float(SERVICE["stop_grace_period"].removesuffix("s"))
    assert grace >= server.shutdown_grace_secs + 10


def test_the_compose_file_builds_this_image() -> None:
    build: dict[str, Any] = SERVICE["build"]
    context = (HERE / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).samefile(HERE / "Dockerfile")
