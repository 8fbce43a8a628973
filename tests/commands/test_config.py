"""clinvk config, run as a program."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from clinvk.schemas import Schemas
from clinvk.settings import changes, load
from clinvk.settings.editing import alone


class Program:
    """`clinvk config` with a home of its own; what the last call said."""

    def __init__(self, home):
        self.home = home
        self.file = home / "config.yaml"

    def __call__(self, *arguments, **variables):
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"CLINVK_HOME": str(self.home), "HOME": str(self.home)} | variables
        done = subprocess.run(
            [sys.executable, "-m", "clinvk", "config", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=50,
        )
        self.out, self.err = done.stdout, done.stderr
        return done.returncode

    def write(self, text):
        self.home.mkdir(exist_ok=True)
        self.file.write_text(text)


@pytest.fixture
def config(tmp_path):
    return Program(tmp_path / "home")


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
    assert config("check", CLINVK_API_KEYS="31337") == 3
    assert config.out == ""
    assert [line.partition(" ")[0] for line in config.err.splitlines()] == [
        f"{config.file}:2:3:",
        f"{config.file}:3:9:",
        "environment:",
    ]
    assert "31337" not in config.err


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
    assert "  metrics_enabled: false  # default; this version has no metrics yet" in lines
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


def test_set_makes_the_file_for_its_owner_alone_and_tells_of_the_signal(config):
    assert config("set", "server.max_queued_runs", "5") == 0
    assert config.out == f"set server.max_queued_runs to 5 in {config.file}; a running server reads it on SIGHUP\n"
    assert config.file.read_text() == "server:\n  max_queued_runs: 5\n"
    assert stat.S_IMODE(config.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.home.stat().st_mode) == 0o700


def test_set_keeps_what_was_written_around_the_value(config):
    config.write("# mine\nserver:\n  host: '::1'   # here\n  port: 1\n")
    assert config("set", "server.port", "3000") == 0
    assert config.out.endswith("; a running server has to be started again for it\n")
    assert config.file.read_text() == "# mine\nserver:\n  host: '::1'   # here\n  port: 3000\n"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("session.auto_resume", "true", True),
        ("session.retention_days", "1.5", 1.5),
        ("session.default_tags", "[a, 'b c']", ["a", "b c"]),
        ("backends.claude.env", "{A: '1'}", {"A": "1"}),
        ("backends.claude.env.A", "1", "1"),
        ("backends.claude.model", "yes", "yes"),
        ("backends.claude.model", "'1'", "1"),
        ("backends.claude.system_prompt", "Be brief: always # this", "Be brief: always # this"),
        ("backends.claude.system_prompt", "", ""),
        ("unified_flags.approval_mode", "none", "none"),
    ],
)
def test_a_value_is_yaml_and_text_needs_no_quotes(config, key, value, told):
    assert config("set", key, value) == 0, config.err
    found = yaml.safe_load(config.file.read_text())
    for step in key.split("."):
        found = found[step]
    assert found == told


def test_set_repeats_no_secret(config):
    assert config("set", "backends.claude.env.KEY", "31337") == 0
    assert "31337" not in config.out + config.err
    assert config("set", "backends.claude.env", "{KEY: '31337'}") == 0
    assert "31337" not in config.out + config.err
    assert "31337" in config.file.read_text()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("server.port", "x", 'server.port is text, "x"; expected a whole number'),
        ("server.port", "70000", "server.port 70000 is too large; expected at most 65535"),
        ("server.port", "-1", "server.port -1 is too small; expected at least 0"),
        ("server.port", "", "server.port has no value; expected a whole number"),
        ("server.port", "[", "VALUE is not YAML: expected the node content"),
        ("server.port", ".inf", "VALUE is no number that can be used"),
        ("server", "{port: 1}", "KEY is a section; expected a key with a value"),
        ("backends.claude", "{}", "KEY is a section; expected a key with a value"),
        ("default_backend", "x", 'default_backend "x" is not a backend; expected one of claude'),
        ("server.metrics_enabled", "true", "server.metrics_enabled asks for metrics, which this version does not"),
        ("backends.codex.allowed_tools", "[a]", "backends.codex.allowed_tools is refused: codex allows no tool"),
    ],
)
def test_a_value_that_is_wrong_is_refused_and_the_file_is_left_alone(config, key, value, told):
    config.write("# mine\n")
    assert config("set", key, value) == 3
    assert config.out == ""
    assert config.err.startswith(f"command line: {told}")
    assert config.file.read_text() == "# mine\n"


def test_set_tells_which_variable_stands_over_it(config):
    assert config("set", "default_backend", "codex", CLINVK_BACKEND="gemini") == 0
    assert config.err == "CLINVK_BACKEND in the environment stands over it\n"


def test_set_may_mend_a_file_whose_only_fault_it_replaces(config):
    config.write("server:\n  port: x\n")
    assert config("set", "server.port", "3000") == 0
    config.write("server:\n  port: x\n  prot: 1\n")
    assert config("set", "server.port", "3000") == 3
    assert config.err.count("\n") == 2


def test_what_is_set_is_read_as_the_same_number(config):
    assert config("set", "session.retention_days", "0.00001") == 0
    assert config("get", "session.retention_days") == 0, config.err
    assert float(config.out) == 0.00001


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_not_written(config, make):
    config.home.mkdir()
    make(config.file)
    assert config("set", "server.port", "3000") == 1
    assert (config.out, config.err) == ("", f"clinvk: cannot write {config.file}: it is no regular file\n")
    assert not config.file.is_file()


def test_of_many_that_set_at_once_none_loses_its_value(config):
    keys = [f"server.{name}_timeout_secs" for name in ("request", "read", "write", "idle")]
    with ThreadPoolExecutor() as threads:
        calls = [threads.submit(Program(config.home), "set", key, "7") for key in keys]
        assert [call.result() for call in calls] == [0] * len(keys)
    found = yaml.safe_load(config.file.read_text())["server"]
    assert set(found) == {key.partition(".")[2] for key in keys}
    assert list(config.home.iterdir()) == [config.file]


def test_whoever_sets_reads_only_when_the_one_before_has_written(config):
    """The others wait for the folder's lock; what was written meanwhile is there in the end."""
    config.write("server:\n  port: 1\n")
    with ThreadPoolExecutor() as threads:
        with alone(config.file):
            call = threads.submit(config, "set", "server.host", "a")
            with pytest.raises(TimeoutError):
                call.result(timeout=1.0)
            config.write("server:\n  port: 2\n")
        assert call.result() == 0
    assert config.file.read_text() == "server:\n  port: 2\n  host: a\n"


def test_a_file_that_cannot_be_written_is_told_and_code_1(config, tmp_path):
    (tmp_path / "home").touch()
    assert config("set", "server.port", "3000") == 1
    assert config.err.startswith(f"clinvk: cannot write {config.file}: ")


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
