"""The command line: what it takes, and what it says of what it does not take."""

import logging

import pytest

from clinvk import __version__, cli


@pytest.fixture
def root_logger():
    """The root logger, given back as it was: the commands make it theirs."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def usage(arguments):
    """The exit code that argparse ends the program with."""
    with pytest.raises(SystemExit) as ended:
        cli.run(arguments)
    return ended.value.code


def test_the_version_is_the_packages(capsys):
    assert usage(["--version"]) == 0
    assert capsys.readouterr().out == f"clinvk {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "required: COMMAND"),
        (["sreve"], "invalid choice: 'sreve'"),
        (["serve", "--port", "x"], "argument --port/-p: invalid int value: 'x'"),
        (["serve", "--log-level", "loud"], "argument --log-level: invalid choice: 'loud'"),
        (["serve", "--log-format", "xml"], "argument --log-format: invalid choice: 'xml'"),
        (["serve", "--por", "1"], "unrecognized arguments: --por 1"),
        (["serve", "extra"], "unrecognized arguments: extra"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_told_on_standard_error(capsys, arguments, told):
    assert usage(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: clinvk")
    assert told in captured.err


def test_help_tells_of_every_flag(capsys):
    assert usage(["serve", "--help"]) == 0
    told = capsys.readouterr().out
    for flag in ("--host", "--port", "--config", "--log-level", "--log-format", "--log-content"):
        assert flag in told


@pytest.mark.usefixtures("root_logger")
class TestWrongConfiguration:
    """Exit code 3, and one line a fault; nothing has been started."""

    def refused(self, capsys, *arguments):
        assert cli.run(["serve", "--log-format", "json", *arguments]) == 3
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    def test_a_file_with_a_fault(self, tmp_path, capsys):
        file = tmp_path / "c.yaml"
        file.write_text("server:\n  prot: 1\n")
        said = f"clinvk: {file}:2:3: server.prot is not a known key; expected perhaps 'server.port'\n"
        assert self.refused(capsys, "--config", str(file)) == said

    def test_a_file_with_several_faults(self, tmp_path, capsys):
        file = tmp_path / "c.yaml"
        file.write_text("server:\n  prot: 1\n  port: x\n")
        told = self.refused(capsys, "--config", str(file)).splitlines()
        assert [line.partition(" server")[0] for line in told] == [f"clinvk: {file}:2:3:", f"clinvk: {file}:3:9:"]

    def test_a_file_that_is_not_there(self, tmp_path, capsys):
        file = tmp_path / "nowhere.yaml"
        said = f"clinvk: {file}: the file cannot be read: No such file or directory; expected a file of YAML\n"
        assert self.refused(capsys, "--config", str(file)) == said

    def test_a_flag_that_makes_no_sense(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setenv("CLINVK_HOME", str(tmp_path))
        said = "clinvk: command line: --port 70000 is too large; expected at most 65535\n"
        assert self.refused(capsys, "--port", "70000") == said

    def test_a_variable_that_makes_no_sense(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setenv("CLINVK_HOME", str(tmp_path))
        monkeypatch.setenv("CLINVK_API_KEYS", "313 37")
        told = self.refused(capsys)
        assert told.startswith("clinvk: environment: CLINVK_API_KEYS holds a key, number 1, that has")
        assert "313" not in told

    def test_the_file_that_the_environment_names(self, tmp_path, capsys, monkeypatch):
        file = tmp_path / "env.yaml"
        file.write_text("[]")
        monkeypatch.setenv("CLINVK_CONFIG", str(file))
        assert self.refused(capsys) == f"clinvk: {file}:1:1: the file is a list; expected a section of keys\n"

    def test_the_file_in_the_home_that_the_environment_names(self, tmp_path, capsys, monkeypatch):
        (tmp_path / "config.yaml").write_text("server: 1")
        monkeypatch.setenv("CLINVK_HOME", str(tmp_path))
        monkeypatch.delenv("CLINVK_CONFIG", raising=False)
        assert "config.yaml:1:9: server is a number, 1" in self.refused(capsys)

    def test_the_flag_stands_over_the_environment(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setenv("CLINVK_CONFIG", str(tmp_path / "env.yaml"))
        assert "flag.yaml" in self.refused(capsys, "--config", str(tmp_path / "flag.yaml"))
