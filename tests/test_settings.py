"""Settings: where each value comes from, and how a wrong one is told."""

import dataclasses
from pathlib import Path

import pytest

from clinvk.schemas import Schemas
from clinvk.settings import SCHEMA, BackendSettings, BadSettings, ServerSettings, load

SCHEMAS = Schemas()
DOCUMENT = SCHEMAS.documents[SCHEMA]
SERVER = DOCUMENT["properties"]["server"]["properties"]
BACKEND = DOCUMENT["properties"]["backends"]["additionalProperties"]["properties"]

KNOWN = "expected a field of the schema: unified_flags, backends, server"


@pytest.fixture
def configured(tmp_path):
    """Loads settings from a file that says this."""

    def make(text, flags=None):
        file = tmp_path / "some.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(SCHEMAS, tmp_path / "home", file, flags or {})

    return make


def refused(load_it):
    """What is said of a configuration that cannot be used."""
    with pytest.raises(BadSettings) as error:
        load_it()
    return str(error.value)


def test_without_a_file_everything_is_as_the_schema_says(tmp_path):
    settings = load(SCHEMAS, tmp_path, None, {})
    for name, part in SERVER.items():
        value = getattr(settings.server, name)
        assert (list(value) if isinstance(value, tuple) else value) == part["default"], name
    unified = DOCUMENT["properties"]["unified_flags"]["properties"]
    assert settings.command_timeout_secs == unified["command_timeout_secs"]["default"]
    assert (settings.home, settings.backends) == (tmp_path, {})


def test_a_server_is_reached_from_this_machine_alone_unless_told_otherwise(tmp_path):
    assert load(SCHEMAS, tmp_path, None, {}).server.host == "127.0.0.1"


def test_every_setting_of_the_schema_has_its_field_and_every_field_its_setting():
    assert {field.name for field in dataclasses.fields(ServerSettings)} == set(SERVER)
    assert {field.name for field in dataclasses.fields(BackendSettings)} == set(BACKEND)
    assert all("default" in part for part in SERVER.values())


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "{}", "null", "~", "\ufeff# a mark of order\n"]
)
def test_a_file_that_says_nothing_is_a_good_one(configured, text):
    assert configured(text).server.port == 8080


def test_the_file_in_the_home_is_read_where_there_is_one(tmp_path):
    (tmp_path / "config.yaml").write_text("server:\n  port: 3000\n")
    assert load(SCHEMAS, tmp_path, None, {}).server.port == 3000


def test_a_file_that_was_named_is_read_in_place_of_the_one_in_the_home(tmp_path, configured):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text("server:\n  port: 3000\n  host: '::1'\n")
    settings = configured("server:\n  port: 4000\n")
    assert (settings.server.port, settings.server.host) == (4000, "127.0.0.1")


def test_a_home_that_is_no_folder_has_no_file(tmp_path):
    (tmp_path / "home").touch()
    assert load(SCHEMAS, tmp_path / "home", None, {}).server.port == 8080


def test_flags_stand_over_the_file_and_the_file_over_the_defaults(configured):
    settings = configured("server:\n  port: 3000\n  host: '::1'\n", {"port": 4000, "host": None})
    assert (settings.server.port, settings.server.host) == (4000, "::1")
    assert settings.server.max_queued_runs == 256


def test_zero_is_a_port_like_any_other(configured):
    assert configured("server:\n  port: 3000\n", {"port": 0}).server.port == 0


def test_backends_have_bounds_of_their_own(configured):
    settings = configured("backends:\n  demo:\n    max_concurrent: 2\n  other:\n    enabled: false\n")
    assert settings.backends == {
        "demo": BackendSettings(max_concurrent=2),
        "other": BackendSettings(enabled=False),
    }


def test_a_backend_is_set_up_by_path_environment_and_tools(configured):
    settings = configured(
        "backends:\n  demo:\n    path: /opt/a b/cli\n    env: {A_1: '1', _b: ''}\n    pass_env: [KEY]\n"
        "    allowed_tools: [Read, 'Bash(ls:*)']\n    replace_system_prompt: true\n"
        "  other:\n    allowed_tools: []\n"
    )
    demo = settings.backends["demo"]
    assert (demo.path, demo.env, demo.pass_env) == ("/opt/a b/cli", {"A_1": "1", "_b": ""}, ("KEY",))
    assert (demo.allowed_tools, demo.replace_system_prompt) == (("Read", "Bash(ls:*)"), True)
    assert settings.backends["other"].allowed_tools == ()
    assert BackendSettings().allowed_tools is None


def test_a_whole_number_may_be_written_with_a_point(configured):
    settings = configured("server:\n  port: 3000.0\n  read_timeout_secs: 1.5\n  allowed_hosts: [a.example]\n")
    assert (settings.server.port, type(settings.server.port)) == (3000, int)
    assert (settings.server.read_timeout_secs, settings.server.allowed_hosts) == (1.5, ("a.example",))


def test_settings_are_frozen(tmp_path):
    settings = load(SCHEMAS, tmp_path, None, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.server.port = 1


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("server:\n  prot: 1\n", 2, "server.prot is not a known field; expected perhaps 'port'"),
        ("# one\nsevrer: {}\n", 2, "sevrer is not a known field; expected perhaps 'server'"),
        ("zzz: 1\n", 1, f"zzz is not a known field; {KNOWN}"),
        ("backends:\n  demo:\n    enabeld: 1\n", 3,
         "backends.demo.enabeld is not a known field; expected perhaps 'enabled'"),
        ("server:\n\n  port: x\n", 3, 'server.port "x" has the wrong type; expected an integer'),
        ("server:\n  port: 80.5\n", 2, "server.port 80.5 has the wrong type; expected an integer"),
        ("server:\n  port: 65536\n", 2, "server.port 65536 is too large; expected at most 65535"),
        ("server:\n  port: -1\n", 2, "server.port -1 is too small; expected at least 0"),
        ("server:\n  port: true\n", 2, "server.port true has the wrong type; expected an integer"),
        ("server: {host: ''}\n", 1, 'server.host "" is too short; expected some text'),
        ("server:\n  read_timeout_secs: 0\n", 2, "server.read_timeout_secs 0 is too small; expected more than 0"),
        ("server:\n  read_timeout_secs: .inf\n", 2,
         "server.read_timeout_secs null has the wrong type; expected a number"),
        ("server:\n  host: 2024-01-01\n  port: 2024-01-01\n", 3,
         'server.port "2024-01-01" has the wrong type; expected an integer'),
        ("server:\n  allowed_hosts:\n    - a\n    - 1\n", 4,
         "server.allowed_hosts.1 1 has the wrong type; expected a string"),
        ("backends:\n  demo:\n    path: ~/bin/cli\n", 3,
         'backends.demo.path "~/bin/cli" has the wrong form; expected an absolute path'),
        ("backends:\n  demo:\n    env:\n      A: '1'\n      DEBUG: 1\n", 5,
         "backends.demo.env.DEBUG 1 has the wrong type; expected a string"),
        ("backends:\n  demo:\n    env:\n      A=B: '1'\n", 4,
         "backends.demo.env.A=B is not a known field; expected a field of the schema"),
        ('backends:\n  demo:\n    env:\n      A: "\\0"\n', 4,
         'backends.demo.env.A "\\u0000" has the wrong form; expected text that matches ^[^\\u0000]*$'),
        ("backends:\n  demo:\n    allowed_tools: ['']\n", 3,
         'backends.demo.allowed_tools.0 "" is too short; expected some text'),
        ("server:\n", 1, "server null has the wrong type; expected an object"),
        ("1: 2\n", 1, f"1 is not a known field; {KNOWN}"),
        ("- a\n", 1, 'the file ["a"] has the wrong type; expected an object'),
        ("[]\n", 1, "the file [] has the wrong type; expected an object"),
        ("false\n", 1, "the file false has the wrong type; expected an object"),
        ("0\n", 1, "the file 0 has the wrong type; expected an object"),
        ("just text\n", 1, 'the file "just text" has the wrong type; expected an object'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_key_and_what_would_be_right(configured, tmp_path, text, line, said):
    assert refused(lambda: configured(text)) == f"{tmp_path}/some.yaml:{line}: {said}"


def test_every_fault_of_a_file_is_told_on_a_line_of_its_own(configured):
    said = refused(lambda: configured("server:\n  port: x\n  hots: y\nbackends:\n  demo: []\n")).splitlines()
    assert len(said) == 3
    assert {line.split(": ")[1].split()[0] for line in said} == {"server.port", "server.hots", "backends.demo"}


@pytest.mark.parametrize(
    "text",
    ["server: [", "server:\n\tport: 1\n", "a: b: c\n", "*nowhere\n", "&a [*a]\n", "? [a]\n: b\n", "a: \x00\n",
     "x: !!python/none\n", "x: !!bool x\n", "x: !!timestamp x\n", "x: !!float x\n", "x: 2024-13-45\n",
     "? 2024-01-01\n: x\n", "---\na: 1\n---\nb: 2\n", "x: " + "9" * 5000, "[" * 100_000],
)  # fmt: skip
def test_what_is_no_yaml_that_we_understand_is_told_with_the_file_in_one_line(configured, tmp_path, text):
    said = refused(lambda: configured(text))
    assert said.startswith(f"{tmp_path}/some.yaml: ")
    assert "\n" not in said


def test_what_is_no_text_is_told_with_the_file(configured, tmp_path):
    assert refused(lambda: configured(b"\xff\xfe")) == f"{tmp_path}/some.yaml: is not UTF-8"


def test_a_file_that_was_named_must_be_there(tmp_path):
    file = tmp_path / "nowhere.yaml"
    assert refused(lambda: load(SCHEMAS, tmp_path, file, {})) == f"{file}: No such file or directory"
    assert refused(lambda: load(SCHEMAS, tmp_path, tmp_path, {})) == f"{tmp_path}: Is a directory"


def test_a_file_that_cannot_be_read_is_told_with_the_file(tmp_path):
    (tmp_path / "config.yaml").symlink_to("/proc/self/mem")  # there, and not even root may read its beginning
    assert refused(lambda: load(SCHEMAS, tmp_path, None, {})) == f"{tmp_path}/config.yaml: Input/output error"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"port": 70000}, "command line: port 70000 is too large; expected at most 65535"),
        ({"host": ""}, 'command line: host "" is too short; expected some text'),
    ],
)
def test_a_flag_that_makes_no_sense_is_told_as_such(tmp_path, flags, said):
    assert refused(lambda: load(SCHEMAS, tmp_path, None, flags)) == said


@pytest.mark.parametrize("example", DOCUMENT["examples"])
def test_every_example_of_the_schema_is_a_configuration(configured, example):
    settings = configured(str(example))  # what Python prints is YAML too
    assert settings.server.port == example["server"]["port"]


def test_no_setting_is_read_from_anywhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("CLINVK_HOME", str(tmp_path / "elsewhere"))
    assert load(SCHEMAS, Path(tmp_path), None, {}).home == tmp_path
