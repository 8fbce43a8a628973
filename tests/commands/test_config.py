"""clinvk config, run as a program."""

import subprocess
import sys

import pytest
import yaml

from clinvk.schemas import Schemas
from clinvk.settings import changes, load


def test_path_tells_the_file_alone_and_beside_it_that_it_is_not_there(config):
    assert config("path") == 0
    assert config.out == f"{config.file}\n"
    assert config.err == "it is not there yet; clinvk config set makes it\n"
    config.write("")
    assert config("path") == 0
    assert (config.out, config.err) == (f"{config.file}\n", "")


def test_every_action_takes_the_file_from_a_flag_or_the_environment(config, tmp_path):
    other = tmp_path / "other.yaml"
    assert config("set", "server.port", "3000", "--config", str(other)) == 0
    assert config("get", "server.port", "--config", str(other)) == 0
    assert config.out == "3000\n"
    for action in ("show", "check", "path"):
        assert config(action, CLINVK_CONFIG=str(other)) == 0
        assert str(other) in config.out
    assert not config.home.exists()


def test_check_tells_that_all_is_fine_on_one_line(config):
    assert config("check") == 0
    assert (config.out, config.err) == (f"{config.file} is not there, and the defaults are fine\n", "")
    config.write("server:\n  port: 1\n")
    assert config("check") == 0
    assert (config.out, config.err) == (f"{config.file} is fine\n", "")


def test_check_tells_every_fault_of_file_and_environment_and_ends_with_3(config):
    config.write("server:\n  prot: 1\n  host: 1\n")
    assert config("check", CLINVK_API_KEYS="313 37") == 3
    assert config.out == ""
    assert [line.partition(" ")[0] for line in config.err.splitlines()] == [
        f"{config.file}:2:3:",
        f"{config.file}:3:9:",
        "environment:",
    ]
    assert "313 37" not in config.err


def test_show_tells_every_value_with_its_origin_and_no_secret(config):
    config.write("server:\n  port: 3000\nbackends:\n  claude:\n    env:\n      KEY: '31337'\n    model: \"yes\"\n")
    assert config("show", CLINVK_GEMINI_MODEL="flash") == 0
    lines = config.out.splitlines()
    assert lines[0] == f"# {config.file}"
    assert f"  port: 3000  # {config.file}:2" in lines
    assert "  host: 127.0.0.1  # default" in lines
    assert f"    model: 'yes'  # {config.file}:7" in lines
    assert f"      KEY: (not shown)  # {config.file}:6" in lines
    assert "    model: flash  # environment CLINVK_GEMINI_MODEL" in lines
    assert "  metrics_enabled: false  # default" in lines
    assert "31337" not in config.out


def test_what_show_tells_is_a_configuration_that_means_the_same(config, tmp_path):
    config.write(
        "server:\n  port: 3000\n  allowed_hosts: [a]\ndefault_backend: codex\n"
        'backends:\n  claude:\n    model: "1"\n'
        '    system_prompt: "a: b\\n# c"\n    allowed_tools: [Read, "Bash(ls:*)"]\n'
    )
    assert config("show") == 0
    told = tmp_path / "told.yaml"
    told.write_text(config.out)
    schemas = Schemas()
    assert changes(load(schemas, tmp_path, config.file, {}), load(schemas, tmp_path, told, {})) == []
    sections = schemas.documents["config/config"]["properties"]
    assert set(yaml.safe_load(config.out)) == set(sections)
    assert set(yaml.safe_load(config.out)["server"]) == set(sections["server"]["properties"])


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("server.port", "3000"),
        ("server.host", "127.0.0.1"),
        ("server.shutdown_grace_secs", "1.5"),
        ("server.metrics_enabled", "false"),
        ("server.allowed_hosts", "[a.example]"),
        ("session", "auto_resume: false\nretention_days: 30\nstore_token_usage: true\ndefault_tags: []\n"
                    "store_content: true"),
        ("backends.claude", "model: 'yes'\nenv:\n  KEY: (not shown)"),
        ("backends.claude.env", "KEY: (not shown)"),
        ("backends.claude.model", "yes"),
        ("backends.codex", "{}"),
        ("backends.codex.pass_env", "[]"),
    ],
)  # fmt: skip
def test_get_tells_one_value_plainly(config, key, told):
    config.write(
        "server:\n  port: 3000\n  allowed_hosts: [a.example]\n  shutdown_grace_secs: 1.5\n"
        "backends:\n  claude:\n    model: 'yes'\n    env: {KEY: '31337'}\n"
    )
    assert config("get", key) == 0
    assert (config.out, config.err) == (f"{told}\n", "")


def test_get_tells_what_is_not_set_and_what_may_not_be_told(config):
    config.write("backends:\n  claude:\n    env: {KEY: '31337'}\n")
    assert config("get", "backends.claude.model") == 1
    assert (config.out, config.err) == ("", "backends.claude.model is not set, and has no default\n")
    assert config("get", "backends.claude.env.KEY") == 1
    told = f"backends.claude.env.KEY may be a secret and is not shown; it is set in {config.file}:3\n"
    assert (config.out, config.err) == ("", told)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("server.prot", "server.prot is not a known key; expected perhaps 'server.port'"),
        ("port", "port is not a known key; expected perhaps 'server.port'"),
        ("backends.cluade.model", "backends.cluade is not a backend; expected perhaps 'claude'"),
        ("server.allowed_hosts.0", "server.allowed_hosts.0 is not a known key; expected no key here"),
        ("server.", "server. is not a known key; expected one of host"),
    ],
)
def test_a_key_that_there_is_not_is_told_with_the_nearest(config, key, told):
    for action in (["get", key], ["set", key, "1"]):
        assert config(*action) == 3
        assert config.out == ""
        assert config.err.startswith(f"command line: {told}")
    assert not config.home.exists()


@pytest.mark.parametrize("arguments", [[], ["shwo"], ["get"], ["set", "server.port"], ["show", "x"]])
def test_wrong_usage_is_exit_code_2(config, arguments):
    assert config(*arguments) == 2
    assert config.err.startswith("usage: clinvk")


def test_it_is_quick_because_it_loads_no_server():
    script = (
        "import sys; from clinvk import cli; cli.run(['config', 'show']);"
        " print([name for name in ('tornado', 'asyncio', 'ruamel.yaml', 'sqlite3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout.splitlines()[-1] == "[]"
