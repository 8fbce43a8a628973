"""Which CLIs there are is told at the start, also of one that is slow to say what it is."""

import os

import pytest

from tests.e2e.conftest import Served, until


@pytest.mark.e2e
def test_a_cli_that_is_slow_to_say_its_version_is_told_of_when_it_has(tmp_path):
    claude, gate = tmp_path / "claude", tmp_path / "gate"
    os.mkfifo(gate)
    claude.write_text(f"#!/bin/sh\nread word < {gate}\necho '2.1.329 (Claude Code)'\n")
    claude.chmod(0o700)
    served = Served(tmp_path, more={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    try:
        until(lambda: "codex" in served.log.read_text())
        assert "claude" not in served.log.read_text()
        gate.write_text("go on\n")
        until(lambda: "claude" in served.log.read_text())
        assert served.log.read_text().count('"message": "codex') == 1, "what was told is not told again"
    finally:
        served.end()
