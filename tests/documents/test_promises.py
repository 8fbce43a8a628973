"""The documents' tables, configuration and service files, held against the program."""

import configparser
import dataclasses
import json
import plistlib
import re
import shlex
import subprocess
import sys

import pytest

from clinvk import cli, settings
from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas
from tests.apikeys.conftest import GopassStandIn
from tests.documents import promised
from tests.e2e.conftest import DEADLINE, Served

SCHEMAS = Schemas()
SERVED = {(route.method, route.path) for route in ROUTES}
COMMANDS = promised.fact("commands.txt").splitlines()


def options(command):
    """What our own parser makes of a documented command line; the program's name is passed over."""
    return cli._parser().parse_args(shlex.split(command)[1:])


def loaded(tmp_path, file=None, flags=None):
    return settings.load(SCHEMAS, tmp_path, file, flags or {}, {})


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path)
    yield server
    server.end()


@pytest.mark.parametrize("endpoint", promised.endpoints(), ids=" ".join)
def test_an_endpoint_of_the_tables_is_served(endpoint):
    assert endpoint in SERVED


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_line_is_taken(command, tmp_path):
    given = options(command)
    words = command.split()
    assert str(given.port) == (words[words.index("--port") + 1] if "--port" in words else "None")
    assert str(given.host) == (words[words.index("--host") + 1] if "--host" in words else "None")
    chosen = loaded(tmp_path, flags={"server.host": given.host, "server.port": given.port}).server
    assert chosen.host == (given.host or "127.0.0.1")
    assert chosen.port == (given.port or 8080)


@pytest.mark.parametrize("flag", promised.fact("flags.json"), ids=lambda flag: flag["flag"])
def test_a_flag_has_its_type_its_short_form_and_its_default(flag, tmp_path):
    name, value = flag["flag"].removeprefix("--"), 3000 if flag["type"] == "int" else "0.0.0.0"
    spellings = [flag["flag"], *filter(None, [flag.get("short")])]
    assert [getattr(options(f"clinvk serve {each} {value}"), name) for each in spellings] == [value] * len(
        spellings
    )
    assert getattr(loaded(tmp_path).server, name) == flag["default"]


@pytest.mark.parametrize("flag", ["--port", "-p"])
def test_a_flag_wins_over_the_file(flag, tmp_path):
    given = options(f"clinvk serve {flag} 3000")
    assert loaded(tmp_path, promised.CONFIG / "server.yaml", {"server.port": given.port}).server.port == 3000


def test_the_start_up_output_is_the_documented_one_to_the_letter(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "clinvk", "serve", "--port", "0"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, cwd=tmp_path,
    ) as program:  # fmt: skip
        documented = promised.fact("start-up.txt")
        told = "".join(program.stdout.readline() for _ in documented.splitlines())
        program.terminate()
        rest = program.stdout.read()
    assert re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", told + rest) == documented


@pytest.mark.parametrize("file", sorted(promised.CONFIG.iterdir()), ids=lambda file: file.name)
def test_a_configuration_is_taken_and_says_what_holds_anyway(file, tmp_path):
    chosen = loaded(tmp_path, file).server
    assert dataclasses.replace(chosen, api_keys_gopass_path="") == loaded(tmp_path).server


def unit():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(promised.SERVICE / "clinvk.service")
    return shlex.split(parser["Service"]["ExecStart"])


def plist():
    return plistlib.loads((promised.SERVICE / "com.clinvk.server.plist").read_bytes())["ProgramArguments"]


@pytest.mark.parametrize("service", [unit, plist], ids=["systemd", "launchd"])
def test_a_service_starts_stays_and_ends_well_when_it_is_asked_to(service, tmp_path):
    """As service managers want it: the process that they started stays, and is gone with SIGTERM."""
    _, *arguments = service()
    assert options(shlex.join(["clinvk", *arguments])).port == 8080
    free = ["0" if word == "8080" else word for word in arguments]
    server = Served(tmp_path, argv=(sys.executable, "-m", "clinvk", *free))
    try:
        assert server.json("GET", "/health")["status"] == "ok"
        server.guardian.terminate()
        assert server.guardian.wait(DEADLINE) == 0
    finally:
        server.end()


def test_without_keys_a_request_passes_whatever_key_it_carries(served):
    documented = promised.fact("authentication.json")
    for header in documented["headers"]:
        name, value = header.replace("<key>", "not-needed").split(": ")
        assert served.call("GET", "/health", **{name: value}).status == 200


def opened(server, key):
    """What each documented header answers with `key`, and what no header does."""
    documented = promised.fact("authentication.json")["headers"]
    headers = (header.replace("<key>", key).split(": ") for header in documented)
    shown = [server.call("GET", "/api/v1/runs", **{name: value}).status for name, value in headers]
    return [*shown, server.call("GET", "/api/v1/runs").status]


def test_keys_of_the_environment_are_asked_for(tmp_path):
    documented = promised.fact("authentication.json")
    keys = ["first-of-them", "second-of-them"]
    server = Served(tmp_path, more={documented["environment"]: documented["separator"].join(keys)})
    try:
        assert [opened(server, key) for key in (*keys, "wrong")] == [[200, 200, 401], [200, 200, 401], [401] * 3]
    finally:
        server.end()


def test_keys_of_gopass_are_asked_for_with_the_documented_configuration(tmp_path):
    gopass = GopassStandIn(tmp_path)
    (gopass.secrets / "myproject" / "server").mkdir(parents=True)
    gopass.keep("myproject/server/api-keys", "first-of-them,second-of-them")
    flags = ("--config", str(promised.CONFIG / "server-with-keys.yaml"))
    server = Served(tmp_path, *flags, more={"PATH": gopass.path})
    try:
        assert [opened(server, key) for key in ("second-of-them", "wrong")] == [[200, 200, 401], [401] * 3]
    finally:
        server.end()


def test_an_unknown_backend_is_the_documented_problem(served):
    answer = served.call("POST", "/api/v1/prompt", {"backend": "unknown", "prompt": "hello"})
    problem = json.loads(answer.read())
    documented = promised.fact("problem.json")
    assert answer.status == documented["status"]
    assert {name: problem[name] for name in documented} == documented


def test_the_backends_are_listed_in_the_documented_order_of_models(served):
    names = [backend["name"] for backend in served.json("GET", "/api/v1/backends")["backends"]]
    assert names[:3] == [model["id"] for model in promised.fact("models.json")["data"]]


def test_every_fact_and_every_folder_of_examples_is_looked_at():
    tests = "".join(path.read_text("utf-8") for path in promised.HERE.glob("*.py"))
    assert [path.name for path in promised.FACTS.iterdir() if f'"{path.name}"' not in tests] == []
    folders = {path.name for path in promised.EXAMPLES.iterdir()}
    assert folders == {"native", "openai", "anthropic"}
