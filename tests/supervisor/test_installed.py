"""Where a CLI is found, and what its files tell: real trees of files, no process."""

import json
import os
import platform
import sys
from pathlib import Path

import pytest

from clinvk.backends.base import Executable
from clinvk.supervisor import installed
from clinvk.supervisor.installed import NotUsable

CLI = Executable("cli", ("@maker/cli-*/vendor/*/cli",), r"cli (\S+)", ("1.0", "2.0"), "npm install -g @maker/cli")
PLAIN = Executable("cli", (), r"cli (\S+)", ("1.0", "2.0"), "npm install -g @maker/cli")
CPU = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


class Machine:
    """A folder as if it were a whole machine: a HOME, a PATH, and npm's tree."""

    def __init__(self, root):
        self.root = root
        self.home = root / "home"
        self.path = root / "bin"
        self.modules = root / "lib" / "node_modules"

    def program(self, path, text="#!/bin/sh\n", mode=0o755):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def package(self, folder, name, version, **fields):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"name": name, "version": version, **fields}))

    def wrapper(self, version="1.2.3"):
        """What `npm install -g` makes of a package with a program: a link on PATH to a script in its folder."""
        folder = self.modules / "@maker" / "cli"
        self.package(folder, "@maker/cli", version)
        script = self.program(folder / "bin" / "cli.js", "#!/bin/sh\necho the wrapper\n")
        self.path.mkdir(exist_ok=True)
        (self.path / "cli").symlink_to(script)
        return folder

    def native(self, modules, kind="here", version="1.2.3", **fields):
        folder = modules / "@maker" / f"cli-{kind}"
        self.package(folder, "@maker/cli", version, **fields)
        return self.program(folder / "vendor" / "some-triple" / "cli")

    def find(self, executable=CLI, configured=None, path=None):
        environ = {"PATH": str(self.path) if path is None else path, "HOME": str(self.home)}
        return installed.find(executable, configured and str(configured), environ)

    def refusal(self, *args, **kwargs):
        with pytest.raises(NotUsable) as error:
            self.find(*args, **kwargs)
        return str(error.value)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path.resolve())


def test_what_is_on_path_is_executed_as_it_was_found(machine):
    program = machine.program(machine.path / "cli")
    found = machine.find()
    assert (found.argv, found.version) == ((str(program),), None)


def test_what_is_nowhere_is_told_with_the_cure(machine):
    assert machine.refusal() == "not installed (npm install -g @maker/cli)"


def test_the_first_on_path_that_can_be_executed_is_taken(machine):
    machine.program(machine.root / "a" / "cli", mode=0o644)
    (machine.root / "b" / "cli").mkdir(parents=True)
    program = machine.program(machine.root / "c" / "cli")
    machine.program(machine.root / "d" / "cli")
    path = os.pathsep.join(str(machine.root / name) for name in ("nowhere", "a", "b", "c", "d"))
    assert machine.find(path=path).argv == (str(program),)


@pytest.mark.parametrize("path", ["", ":", ".", "bin", "bin:."])
def test_a_folder_of_path_that_is_relative_is_not_searched(machine, monkeypatch, path):
    machine.program(machine.root / "cli")
    machine.program(machine.path / "cli")
    monkeypatch.chdir(machine.root)
    assert machine.refusal(path=path).startswith("not installed")


@pytest.mark.parametrize("folder", [".local/bin", ".claude/local", ".npm-global/bin"])
def test_what_an_installer_put_into_the_home_is_found_without_path(machine, folder):
    program = machine.program(machine.home / folder / "cli")
    assert machine.find().argv == (str(program),)


def test_path_goes_before_the_usual_places(machine):
    machine.program(machine.home / ".local" / "bin" / "cli")
    program = machine.program(machine.path / "cli")
    assert machine.find().argv == (str(program),)


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "home"}])
def test_without_a_home_or_a_path_there_is_nothing_and_no_crash(environ):
    nowhere = Executable("no-such-cli-anywhere", (), "", ("1", "2"), "pray")
    with pytest.raises(NotUsable, match="pray"):
        installed.find(nowhere, None, environ)


def test_a_configured_path_stands_for_a_search(machine):
    machine.program(machine.path / "cli")
    program = machine.program(machine.root / "elsewhere" / "my cli")
    assert machine.find(configured=program).argv == (str(program),)


def test_a_configured_path_that_is_wrong_is_told_and_nothing_else_is_taken(machine):
    machine.program(machine.path / "cli")
    plain = machine.program(machine.root / "plain", mode=0o644)
    for path, wrong in (
        (machine.root / "nowhere", "not there"),
        (plain / "below", "not there"),
        (f"{machine.root}/a\0b", "not there"),
        ("/" + "x" * 5000, "not there"),
        (plain, "no executable file"),
        (machine.root, "no executable file"),
    ):
        assert machine.refusal(configured=path) == f"not usable: its configured path '{path}' is {wrong}"


def test_an_npm_package_tells_its_version_itself(machine):
    machine.wrapper("1.2.3-preview.4")
    found = machine.find(PLAIN)
    assert (found.argv, found.version) == ((str(machine.path / "cli"),), "1.2.3-preview.4")


@pytest.mark.parametrize("nested", [True, False], ids=["below the package", "beside the package"])
def test_the_native_program_of_a_package_is_started_in_place_of_its_wrapper(machine, nested):
    folder = machine.wrapper()
    native = machine.native(folder / "node_modules" if nested else machine.modules)
    found = machine.find()
    assert (found.argv, found.version) == ((str(native),), "1.2.3")


def test_the_nearest_native_program_is_the_one(machine):
    folder = machine.wrapper()
    machine.native(machine.modules)
    native = machine.native(folder / "node_modules")
    assert machine.find().argv == (str(native),)


def test_a_script_among_the_links_leads_to_the_native_program_too(machine):
    native = machine.native(machine.modules, version="1.2.3-os-cpu", os=["os", sys.platform], cpu=["cpu", CPU])
    script = machine.program(machine.modules / ".bin" / "cli")
    for start in ({"path": str(script.parent)}, {"configured": script}, {"configured": native}):
        found = machine.find(**start)
        assert (found.argv, found.version) == ((str(native),), "1.2.3")


def test_no_tree_above_the_one_it_is_in_is_searched(machine):
    machine.native(machine.root / "node_modules")
    program = machine.program(machine.path / "cli")
    assert machine.find().argv == (str(program),)


@pytest.mark.parametrize(
    "fields",
    [{"os": ["plan9"]}, {"cpu": ["z80"]}, {"os": [sys.platform], "cpu": [CPU], "libc": ["dietlibc"]}],
    ids=str,
)
def test_a_native_program_for_another_machine_is_none(machine, fields):
    folder = machine.wrapper()
    machine.native(machine.modules, "a", **fields)
    assert machine.find().argv == (str(machine.path / "cli"),)
    native = machine.native(machine.modules, "b", os=[sys.platform], cpu=[CPU])
    assert machine.find().argv == (str(native),)
    assert folder.exists()


def test_this_machine_has_the_c_library_that_its_programs_are_made_for(machine):
    machine.wrapper()
    native = {libc: machine.native(machine.modules, libc, libc=[libc]) for libc in ("glibc", "musl")}
    is_musl = any(Path("/lib").glob("ld-musl-*")) and platform.libc_ver()[0] != "glibc"
    assert machine.find().argv == (str(native["musl" if is_musl else "glibc"]),)


def test_a_native_program_that_cannot_be_executed_is_none(machine):
    machine.wrapper()
    machine.native(machine.modules).chmod(0o644)
    assert machine.find().argv == (str(machine.path / "cli"),)


def test_a_package_without_its_native_program_has_to_prove_its_version(machine):
    machine.wrapper()
    assert machine.find().version is None


@pytest.mark.parametrize(
    "said", ["", "no json", "[]", "null", "{}", '{"version": null}', '{"version": "latest"}', '{"version": 1.2}']
)
def test_a_package_that_tells_nothing_is_asked_later(machine, said):
    folder = machine.wrapper()
    (folder / "package.json").write_text(said)
    found = machine.find(PLAIN)
    assert (found.argv, found.version) == ((str(machine.path / "cli"),), None)


def test_fields_of_a_package_that_are_no_lists_mean_nothing(machine):
    machine.wrapper()
    native = machine.native(machine.modules, os="plan9", cpu=None, libc={"musl": 1})
    assert machine.find().argv == (str(native),)


def test_a_script_whose_interpreter_is_on_path_is_executed_as_it_is(machine):
    program = machine.program(machine.path / "cli", "#!/usr/bin/env nodd\n")
    machine.program(machine.path / "nodd")
    assert machine.find().argv == (str(program),)


@pytest.mark.parametrize("folder", ["opt", "home/.local/bin"])
def test_a_script_whose_interpreter_is_not_on_path_is_executed_by_one_that_is_near(machine, folder):
    program = machine.program(machine.root / "opt" / "cli", "#! /usr/bin/env nodd\n")
    interpreter = machine.program(machine.root / folder / "nodd")
    found = machine.find(configured=program)
    assert found.argv == (str(interpreter), str(program))


def test_a_script_whose_interpreter_is_nowhere_is_told(machine):
    program = machine.program(machine.path / "cli", "#!/usr/bin/env nodd\n")
    said = machine.refusal()
    assert said == f"not usable: '{program}' needs 'nodd', which is not on the server's PATH"


@pytest.mark.parametrize("text", ["", "#!/usr/bin/env -S nodd x\n", "#!/bin/nodd\n", "#!/usr/bin/env", "\x7fELF"])
def test_what_names_no_interpreter_that_way_is_executed_as_it_is(machine, text):
    program = machine.program(machine.path / "cli", text)
    assert machine.find().argv == (str(program),)


def test_a_file_that_was_replaced_or_changed_is_another(machine):
    program = machine.program(machine.path / "cli", "#!/bin/sh\n#1\n")
    first = machine.find().stamp
    assert machine.find().stamp == first
    times = (program.stat().st_atime_ns, program.stat().st_mtime_ns)
    other = machine.program(machine.root / "new", "#!/bin/sh\n#2\n")
    other.replace(program)
    os.utime(program, ns=times)  # npm gives all its files one date
    assert machine.find().stamp != first


def test_a_link_that_leads_elsewhere_now_is_another(machine):
    old, new = (machine.program(machine.root / name / "cli") for name in ("1", "2"))
    machine.path.mkdir()
    (machine.path / "cli").symlink_to(old)
    first = machine.find().stamp
    (machine.path / "next").symlink_to(new)
    (machine.path / "next").replace(machine.path / "cli")
    assert machine.find().stamp != first
