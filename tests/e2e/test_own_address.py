"""What a user set for the clients of the server does not lead its CLIs back to it."""

import pytest

from tests.e2e.conftest import Served


@pytest.mark.e2e
@pytest.mark.parametrize("there", [True, False])
def test_no_cli_is_led_back_to_the_server(tmp_path, port, there):
    claude = tmp_path / "claude"
    claude.write_text("#!/bin/sh\necho '2.1.329 (Claude Code)'\n")
    claude.chmod(0o700)
    url = f"http://127.0.0.1:{port if there else 9}/anthropic"
    more = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "not-needed", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    served = Served(tmp_path, "--port", str(port), more=more)
    try:
        body = {"backend": "claude", "prompt": "hello", "dry_run": True}
        names = served.json("POST", "/api/v1/prompt", body)["command"]["env_names"]
        assert ("ANTHROPIC_BASE_URL" in names, "ANTHROPIC_API_KEY" in names) == (not there, not there)
        assert ("is for clients of this server" in served.log.read_text()) == there
    finally:
        served.end()
