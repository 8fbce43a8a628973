"""The guardian comes first, and stays small."""

import json
import os
import subprocess
import sys

import pytest


def python(program, *arguments):
    """What `program` prints, run by an interpreter that has the standard library only."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, *arguments], check=False, timeout=30, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_it_stands_on_the_standard_library_and_little_of_that(root):
    program = f"""
import sys
sys.path.insert(0, {str(root)!r})
import clinvk.guardian, json
print(json.dumps(sorted(sys.modules)))
"""
    code, printed, errors = python(program)
    assert code == 0, errors
    loaded = {name.partition(".")[0] for name in json.loads(printed)}
    assert loaded - sys.stdlib_module_names == {"clinvk", "__main__"} - sys.stdlib_module_names
    assert not loaded & {"asyncio", "subprocess", "socket", "threading", "logging", "inspect", "pathlib"}


@pytest.mark.parametrize(("command", "below"), [("serve", True), ("version", False)])
def test_only_serve_runs_below_a_guardian_and_imports_the_rest_there(root, command, below):
    program = f"""
import os, sys
sys.path.insert(0, {str(root)!r})
started = os.getpid()

class Cli:
    def find_spec(self, name, path, target=None):
        if name == "clinvk.cli":
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, self)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.run = lambda arguments: print(os.getppid() == started, *arguments) or 7

sys.meta_path.insert(0, Cli())
from clinvk.__main__ import main
sys.exit(main())
"""
    code, printed, errors = python(program, command, "--flag")
    assert code == 7, errors
    assert printed.decode().split() == [str(below), command, "--flag"]


def test_elsewhere_than_on_linux_there_is_no_guardian(root):
    program = f"""
import os, sys
sys.path.insert(0, {str(root)!r})
from clinvk import guardian
started, sys.platform = os.getpid(), "darwin"
guardian.guard()
print(started == os.getpid(), guardian.orphaned())
"""
    assert python(program) == (0, b"True False\n", "")


def test_a_machine_that_allows_no_guardian_is_told_in_one_line(root):
    program = f"""
import sys
sys.path.insert(0, {str(root)!r})
from clinvk import guardian
guardian.PR_SET_CHILD_SUBREAPER = 0xBAD
guardian.guard()
"""
    code, _, errors = python(program)
    assert code == 1
    assert errors.startswith("clinvk: cannot guard what the server starts: ")
    assert errors.count("\n") == 1
    assert os.strerror(22) in errors
