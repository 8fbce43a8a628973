"""clinvk config set: one value changed, and nothing else."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from clinvk.settings.editing import alone
from tests.commands.conftest import Program


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
        ("server.tls_cert_file", "/a.pem", "server.tls_cert_file stands alone; expected server.tls_key_file"),
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
