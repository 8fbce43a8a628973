"""scripts/install-clis with an npm of ours on PATH, a real program: what it asks npm for, and what it says."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "install-clis"
PINS = json.loads((ROOT / "scripts" / "clis" / "package.json").read_text())["dependencies"]
LOCK = json.loads((ROOT / "scripts" / "clis" / "package-lock.json").read_text())
TREE = {
    "@anthropic-ai/claude-code": "@anthropic-ai/claude-code-here/claude",
    "@openai/codex": "@openai/codex-here/vendor/some-triple/bin/codex",
    "@google/gemini-cli": ".bin/gemini",
}


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Bench:
    """A PATH that holds the npm of a test, and a folder to install into."""

    def __init__(self, folder):
        self.folder = folder
        self.into = folder / "clis"
        self.calls = folder / "calls"
        self.tree = folder / "tree"

    def npm(self, says=None, **versions):
        """An npm that installs what it is asked for; or, with `says`, one that does that instead."""
        for package, below in TREE.items():
            version = versions.get(package.rpartition("/")[2].partition("-")[0], PINS[package])
            home = self.tree / "node_modules" / package
            home.mkdir(parents=True, exist_ok=True)
            (home / "package.json").write_text(json.dumps({"name": package, "version": version}))
            program(self.tree / "node_modules" / below, f"echo 'some-cli {version} (or so)'")
        install = says or f"cp -r '{self.tree}/node_modules' ."
        program(self.folder / "bin" / "npm", f"echo \"$@\" >>'{self.calls}'\n{install}")

    @property
    def asked(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def run(self, *arguments, into=None):
        path = os.pathsep.join([str(self.folder / "bin"), "/usr/bin", "/bin"])
        return subprocess.run(
            [sys.executable, SCRIPT, "--into", into or self.into, *arguments],
            env={"PATH": path, "HOME": str(self.folder)}, capture_output=True, text=True, check=False, timeout=50,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path.resolve())
    bench.npm()
    return bench


def test_the_lock_pins_every_package_and_names_no_address():
    packages = {name: one for name, one in LOCK["packages"].items() if name}
    assert [name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")] == []
    assert not re.search(r'"resolved"|https?://', json.dumps(packages))
    assert LOCK["packages"][""]["dependencies"] == PINS
    assert {name: packages[f"node_modules/{name}"]["version"] for name in PINS} == PINS
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in PINS.values())


@pytest.mark.parametrize("machine", ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"])
def test_the_lock_holds_the_native_programs_of_every_machine(machine):
    for package in ("@anthropic-ai/claude-code", "@openai/codex"):
        assert f"node_modules/{package}-{machine}" in LOCK["packages"]


def test_it_installs_what_is_locked_runs_no_script_and_tells_where(bench):
    done = bench.run()
    assert done.returncode == 0, done.stderr
    (asked,) = bench.asked
    assert asked.startswith("ci --ignore-scripts ")
    assert (bench.into / "package-lock.json").read_text() == (ROOT / "scripts/clis/package-lock.json").read_text()
    *told, last = done.stdout.splitlines()
    assert last == f"{bench.into}/node_modules/.bin"
    assert [line.split()[:2] for line in told] == [
        ["claude", PINS["@anthropic-ai/claude-code"]],
        ["codex", PINS["@openai/codex"]],
        ["gemini", PINS["@google/gemini-cli"]],
    ]
    for line, below in zip(told, TREE.values(), strict=True):
        assert line.endswith(f"({bench.into}/node_modules/{below})")


def test_a_second_run_asks_nobody(bench):
    first = bench.run()
    second = bench.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
    assert len(bench.asked) == 1


def test_what_was_damaged_is_installed_again(bench):
    bench.run()
    (bench.into / "node_modules" / TREE["@openai/codex"]).unlink()
    assert bench.run().returncode == 0
    (bench.into / "clinvk-stamp").write_text("from another lock\n")
    assert bench.run().returncode == 0
    assert len(bench.asked) == 3


def test_check_installs_nothing_and_says_how_it_is(bench):
    done = bench.run("--check")
    assert (done.returncode, bench.into.exists(), bench.asked) == (1, False, [])
    assert "run scripts/install-clis" in done.stderr
    installed = bench.run()
    checked = bench.run("--check")
    assert (checked.returncode, checked.stdout) == (0, installed.stdout)


@pytest.mark.parametrize("code", ["ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E503", "SELF_SIGNED_CERT_IN_CHAIN"])
def test_a_registry_that_is_not_reached_is_told_loudly_and_has_its_own_code(bench, code):
    bench.npm(f"echo 'npm error code {code}' >&2; echo 'npm error more' >&2; exit 1")
    done = bench.run()
    assert (done.returncode, done.stdout) == (3, "")
    assert "npm error more" in done.stderr
    assert done.stderr.endswith(f"!! npm does not reach its registry ({code}): no CLI is installed\n")
    bench.npm()
    assert bench.run().returncode == 0


def test_without_npm_it_says_so_loudly_and_has_the_same_code(bench):
    (bench.folder / "bin" / "npm").unlink()
    env = {"PATH": str(bench.folder / "bin"), "HOME": str(bench.folder)}
    command = [sys.executable, SCRIPT, "--into", bench.into]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("!! npm is not installed")


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("echo 'npm error code E404' >&2; exit 1", "npm ci failed with exit status 1"),
        ("exit 7", "npm ci failed with exit status 7"),
        ("true", "npm installed no claude for this machine"),
    ],
)
def test_whatever_else_npm_does_is_an_ordinary_failure(bench, says, told):
    bench.npm(says)
    done = bench.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert bench.run("--check").returncode == 1


def test_another_version_than_was_asked_for_is_refused(bench):
    bench.npm(codex="0.0.1")
    done = bench.run()
    assert done.returncode == 1
    assert "npm installed no codex" in done.stderr


@pytest.mark.parametrize("text", ["echo 0.0.1", "echo gone >&2; exit 1"])
def test_a_program_that_is_not_what_its_package_says_is_refused(bench, text):
    program(bench.tree / "node_modules" / TREE["@openai/codex"], text)
    done = bench.run()
    assert done.returncode == 1
    assert "codex --version says" in done.stderr


def test_a_folder_of_somebody_else_is_left_alone(bench):
    (bench.into / "node_modules").mkdir(parents=True)
    (bench.into / "package.json").write_text("{}")
    done = bench.run()
    assert (done.returncode, bench.asked) == (1, [])
    assert "holds something else" in done.stderr
    assert (bench.into / "package.json").read_text() == "{}"


def test_a_folder_that_cannot_be_made_is_told(bench):
    (bench.folder / "file").touch()
    done = bench.run(into=bench.folder / "file" / "below")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "file" in done.stderr


def until(true):
    """Look again and again, within a deadline: a process that waits for a lock tells nobody."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="who waits for a lock shows on Linux only")
def test_two_at_once_install_once(bench):
    gate = bench.folder / "gate"
    os.mkfifo(gate)
    bench.npm(f"cat '{gate}'; cp -r '{bench.tree}/node_modules' .")
    env = {"PATH": f"{bench.folder}/bin:/usr/bin:/bin", "HOME": str(bench.folder)}
    command = [sys.executable, SCRIPT, "--into", bench.into]
    first = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: bench.asked)
    second = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: re.search(rf"-> FLOCK .* {second.pid} ", Path("/proc/locks").read_text()))
    gate.write_text("go\n")
    told = [one.communicate(timeout=50)[0] for one in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert told[0] == told[1]
    assert len(bench.asked) == 1
