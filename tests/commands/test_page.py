"""The page about the configuration: its commands say what it says they do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clinvk.schemas import Schemas
from clinvk.settings import RESTART, load
from clinvk.settings.loading import VARIABLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text("utf-8")
YOU = "/home/you"


@pytest.fixture
def shell(tmp_path):
    """Runs a command in a shell that knows clinvk; what it prints, on either output."""
    program = tmp_path / "bin" / "clinvk"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m clinvk "$@"\n')
    program.chmod(0o700)
    home = tmp_path / "you"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": f"{program.parent}:{os.environ['PATH']}"}

    def run(command):
        done = subprocess.run(
            command.replace(YOU, str(home)),
            shell=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=environment,
            timeout=50,
        )
        return done.stdout.replace(str(home), YOU)

    return run


def test_every_command_prints_what_the_page_shows(shell):
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    dialogues = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks), re.MULTILINE)
    assert len(dialogues) > 8
    for command, shown in dialogues:
        printed = shell(command)
        assert (command, sorted(printed.splitlines())) == (command, sorted(shown.splitlines()))


def test_the_example_is_taken_as_it_says(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    held = load(Schemas(), tmp_path, file, {})
    assert (held.server.port, held.server.allowed_hosts) == (3000, ("build.example",))
    assert (held.backends["codex"].enabled, held.backends["gemini"].enabled) == (True, False)
    assert held.backends["claude"].extra_flags == ("--effort=high",)


def test_every_variable_and_every_setting_that_needs_a_start_is_named():
    assert [name for name in (*VARIABLES, "CLINVK_API_KEYS", *RESTART) if f"`{name}`" not in PAGE] == []
