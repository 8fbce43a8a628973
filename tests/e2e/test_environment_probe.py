"""A CLI that prints all it can see, below a server whose own environment is full of secrets."""

import json
import os
import shutil
import socket
import sys
from fnmatch import fnmatchcase

import pytest

from clinvk.backends.registry import default_registry
from clinvk.supervisor import environment
from tests.e2e.conftest import Served
from tests.ports import held

DENIED = "Permission denied"
KEY = "hush-this-key-opens-the-server"
CLIS = {"claude": "2.1.329 (Claude Code)", "codex": "codex-cli 0.169.0", "gemini": "0.61.0"}
PROBE = """\
#!{python} -IS
import json, os, sys
if sys.argv[1:] == ["--version"]:
    print({version!r})
    sys.exit()

def seen(act, path):
    try:
        return act(path)
    except OSError as error:
        return error.strerror

def read(path):
    with open(path, "rb") as file:
        return file.read(1 << 20).decode("latin-1")

def process(pid):
    fds = seen(os.listdir, f"/proc/{{pid}}/fd")
    links = {{fd: seen(os.readlink, f"/proc/{{pid}}/fd/{{fd}}") for fd in fds}} if isinstance(fds, list) else fds
    names = ("environ", "cmdline", "status", "maps", "mountinfo", "auxv", "limits", "cgroup", "stack", "mem")
    return {{"fds": links, **{{name: seen(read, f"/proc/{{pid}}/{{name}}") for name in names}}}}

def parent(pid):
    return int(read(f"/proc/{{pid}}/stat").rpartition(")")[2].split()[1])

fds = {{int(fd): seen(os.readlink, f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd")}}
server = os.getppid()
told = {{
    "environ": dict(os.environ), "argv": sys.argv, "cwd": os.getcwd(), "pid": os.getpid(), "uid": os.getuid(),
    "fds": fds, "self": process("self"), "server": process(server), "guardian": process(parent(server)),
}}
with open({seen!r}, "w") as file:
    json.dump(told, file)
"""
SECRETS = {
    "CLINVK_API_KEYS": KEY,
    "CLINVK_API_KEYS_GOPASS_PATH": "",
    "LISTEN_FDS": "1",
    "LISTEN_PID": "1",
    "LISTEN_FDNAMES": "hush-listen",
    "WATCHDOG_USEC": "3000000000",
    "WATCHDOG_PID": "1",
    "INVOCATION_ID": "hush-invocation",
    "CREDENTIALS_DIRECTORY": "/hush-credentials",
    "AWS_ACCESS_KEY_ID": "hush-aws-id",
    "AWS_SECRET_ACCESS_KEY": "hush-aws",
    "AWS_SESSION_TOKEN": "hush-aws-session",
    "GOOGLE_API_KEY": "hush-google",
    "GITHUB_TOKEN": "hush-github",
    "GH_TOKEN": "hush-gh",
    "NPM_TOKEN": "hush-npm",
    "DATABASE_URL": "postgres://hush",
    "SSH_AUTH_SOCK": "/hush-agent",
    "GPG_AGENT_INFO": "/hush-gpg",
    "KUBECONFIG": "/hush-kube",
    "DOCKER_HOST": "tcp://hush",
    "PYTHONSTARTUP": "/hush-startup.py",
    "NODE_OPTIONS": "--title=hush-node",
    "LD_BIND_NOW": "hush-loader",
    "BASH_ENV": "/hush-bash",
    "CLAUDECODE": "hush-inside",
    "CODEX_SANDBOX": "hush-sandbox",
    "GEMINI_CLI": "hush-gemini",
    "OPENAI_API_KEY": "hush-openai",
    "CODEX_API_KEY": "hush-codex",
}


class World:
    """A home of somebody's, three CLIs in it that look around, and a server below it."""

    def __init__(self, home, before, port):
        self.home, self.workdir, self.bin = home, home / "work", home / "bin"
        self.workdir.mkdir()
        self.bin.mkdir()
        for name, version in CLIS.items():
            cli = self.bin / name
            cli.write_text(PROBE.format(python=sys.executable, version=version, seen=str(home / f"{name}.json")))
            cli.chmod(0o755)
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(home / "hush-notify"))
        lead = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}/anthropic", "ANTHROPIC_API_KEY": KEY}
        more = {**SECRETS, **lead, "NOTIFY_SOCKET": str(home / "hush-notify"), "PATH": f"{self.bin}:/usr/bin:/bin"}
        argv = (sys.executable, "-m", "clinvk", "serve", "--port", str(port))
        self.served = Served(home, argv=(*before, *argv), more=more)

    def look(self, backend):
        """What the CLI of `backend` saw."""
        body = {"backend": backend, "prompt": "look around", "workdir": str(self.workdir), "ephemeral": True}
        reply = self.served.call("POST", "/api/v1/prompt", body, Authorization=f"Bearer {KEY}")
        assert reply.status == 200, reply.read()
        assert json.loads(reply.read())["exit_code"] == 1  # it said nothing that a CLI would
        return json.loads((self.home / f"{backend}.json").read_text())

    def close(self):
        self.served.end()
        self.notified.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("what a process can see of another is in /proc")
    before = ()
    if os.getuid() == 0:  # who may do everything may look at everything: without that, root is a user like others
        before = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
        if not shutil.which("setpriv"):
            pytest.skip("setpriv is not installed")
    with held() as port:
        made = World(tmp_path_factory.mktemp("probe"), before, port)
        yield made
        made.close()


@pytest.mark.e2e
@pytest.mark.parametrize("backend", CLIS)
def test_a_cli_sees_what_is_for_it_and_nothing_else(world, backend):
    seen = world.look(backend)
    allowed = (*environment._COMMON, *default_registry().get(backend).traits.environment)
    passed = {name for name in SECRETS if any(fnmatchcase(name, pattern) for pattern in allowed)}
    assert {name for name in SECRETS if name in seen["environ"]} == passed
    assert not {"NOTIFY_SOCKET", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "CLINVK_HOME"} & seen["environ"].keys()
    assert [name for name in seen["environ"] if name.startswith("CLINVK_")] == ["CLINVK_RUN"]
    rest = json.dumps(seen)
    for name in passed:
        rest = rest.replace(SECRETS[name], "")
    assert "hush" not in rest
    assert seen["cwd"] == str(world.workdir)


@pytest.mark.e2e
def test_a_cli_inherits_its_three_pipes_and_no_other_descriptor(world):
    seen = world.look("gemini")
    opened = {int(fd): link.partition(":")[0] for fd, link in seen["fds"].items()}
    listing = opened.pop(max(opened))  # that of the folder it was looking into
    assert opened == {0: "pipe", 1: "pipe", 2: "pipe"}
    assert listing == "No such file or directory"


@pytest.mark.e2e
def test_a_cli_cannot_look_into_the_server_that_was_given_keys(world):
    """They are of one user: that alone would keep nothing from it."""
    seen = world.look("gemini")
    for process in ("server", "guardian"):
        assert f"Uid:\t{seen['uid']}\t" in seen[process]["status"]
        assert "clinvk" in seen[process]["cmdline"]
        for name in ("environ", "mem", "maps", "auxv"):
            assert seen[process][name] == DENIED, name
        links = seen[process]["fds"]
        assert {*links.values()} == {DENIED} if isinstance(links, dict) else links == DENIED
    assert "CLINVK_RUN" in seen["self"]["environ"]
