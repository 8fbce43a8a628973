"""scripts/install-sdks with an npm of ours on PATH and the real pip: what is locked, and what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "install-sdks"
PACKAGE = json.loads((ROOT / "scripts" / "sdks" / "package.json").read_text())
LOCK = json.loads((ROOT / "scripts" / "sdks" / "package-lock.json").read_text())
NODES = {"linux-x64", "linux-arm64", "darwin-x64", "bin-darwin-arm64"}
MAJORS = {"newest": {"anthropic": 2, "openai": 3}, "older": {"anthropic": 0, "openai": 1}}


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Bench:
    """A PATH that holds the npm of a test, and a folder to install into."""

    def __init__(self, folder):
        self.folder = folder
        self.into = folder / "sdks"
        self.calls = folder / "calls"

    def npm(self, does):
        program(self.folder / "bin" / "npm", f"echo \"$@\" >>'{self.calls}'\n{does}")

    def run(self, *arguments, path=("/usr/bin", "/bin"), **more):
        search = os.pathsep.join([str(self.folder / "bin"), *path])
        return subprocess.run(
            [sys.executable, SCRIPT, "--into", self.into, *arguments],
            env={"PATH": search, "HOME": str(self.folder)} | more, capture_output=True, text=True, check=False,
            timeout=50,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path.resolve())


@pytest.mark.parametrize("generation", MAJORS)
def test_a_lock_for_python_has_hashes_and_names_no_address(generation):
    text = (ROOT / "requirements" / f"sdks-{generation}.txt").read_text()
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    pins = dict(entry.split()[0].split("==") for entry in entries)
    assert {name: int(pins[name].split(".")[0]) for name in MAJORS[generation]} == MAJORS[generation]


def test_the_lock_for_node_has_hashes_and_names_no_address():
    packages = {name: one for name, one in LOCK["packages"].items() if name}
    assert [name for name, one in packages.items() if not one.get("integrity", "").startswith("sha512-")] == []
    assert not re.search(r'"resolved"|https?://', json.dumps(packages))
    pins = PACKAGE["dependencies"] | PACKAGE["optionalDependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in pins} == pins


def test_the_sdks_of_node_come_with_a_node_that_is_new_enough_on_every_machine():
    nodes = PACKAGE["optionalDependencies"]
    assert {name.removeprefix("node-") for name in nodes} == NODES
    (version,) = set(nodes.values())
    wanted = LOCK["packages"]["node_modules/openai"]["engines"]["node"]
    assert int(version.split(".")[0]) >= int(re.search(r"\d+", wanted)[0])


def test_check_installs_nothing_and_says_how_it_is(bench):
    bench.npm("true")
    done = bench.run("--check")
    assert (done.returncode, bench.into.exists(), bench.calls.exists()) == (1, False, False)
    assert "run scripts/install-sdks" in done.stderr


@pytest.mark.parametrize("code", ["ECONNREFUSED", "E503"])
def test_an_npm_registry_that_is_not_reached_is_told_loudly_and_has_its_own_code(bench, code):
    bench.npm(f"echo 'npm error code {code}' >&2; exit 1")
    done = bench.run()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(f"!! npm does not reach its registry ({code}): not all SDKs are installed\n")
    assert bench.calls.read_text().startswith("ci --ignore-scripts ")


def test_without_npm_it_says_so_loudly_and_has_the_same_code(bench):
    done = bench.run(path=())
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("!! npm is not installed")


def test_whatever_else_npm_does_is_an_ordinary_failure(bench):
    bench.npm("echo 'npm error code E404' >&2; exit 1")
    done = bench.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert "npm ci failed with exit status 1" in done.stderr


def test_an_index_that_pip_does_not_reach_is_told_as_loudly(bench):
    program(bench.folder / "tree" / ".bin" / "node", "true")
    bench.npm(f"cp -r '{bench.folder}/tree' node_modules")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    done = bench.run(**nowhere)
    assert (done.returncode, done.stdout) == (3, "")
    assert "!! pip does not reach its registry" in done.stderr
    assert bench.run("--check").returncode == 1


def test_a_folder_of_somebody_else_is_left_alone(bench):
    bench.npm("true")
    (bench.into / "node").mkdir(parents=True)
    done = bench.run()
    assert (done.returncode, bench.calls.exists()) == (1, False)
    assert "holds something else" in done.stderr
