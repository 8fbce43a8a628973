"""Where each value comes from: defaults, the file, the environment, flags."""

import dataclasses
from pathlib import Path

import pytest

from clinvk import settings
from clinvk.backends.registry import default_registry
from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, Places, Settings, changes, effective, load, places
from clinvk.settings.keys import Keys
from clinvk.settings.loading import VARIABLES

SCHEMAS = Schemas()
DOCUMENT = SCHEMAS.documents[settings.SCHEMA]["properties"]
BACKEND = DOCUMENT["backends"]["additionalProperties"]["properties"]
SECTIONS = {
    "unified_flags": settings.UnifiedFlags,
    "session": settings.SessionSettings,
    "output": settings.OutputSettings,
    "parallel": settings.ParallelSettings,
    "pool": settings.PoolSettings,
    "server": settings.ServerSettings,
}


def same(value):
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("section", SECTIONS)
def test_without_a_file_everything_is_as_the_schema_says(tmp_path, section):
    held = getattr(load(SCHEMAS, tmp_path, None, {}), section)
    for name in DOCUMENT[section]["properties"]:
        assert same(getattr(held, name)) == DOCUMENT[section]["properties"][name]["default"], name


def test_without_a_file_backends_are_as_the_schema_says_or_say_nothing(tmp_path):
    held = load(SCHEMAS, tmp_path, None, {})
    assert held.default_backend == DOCUMENT["default_backend"]["default"]
    for backend in held.backends.values():
        for name in BACKEND:
            assert same(getattr(backend, name)) == BACKEND[name].get("default"), name


def test_every_backend_there_is_has_its_settings(tmp_path):
    assert tuple(load(SCHEMAS, tmp_path, None, {}).backends) == default_registry().names()


def test_every_setting_of_the_schema_has_its_field_and_every_field_its_setting():
    def fields(kind):
        return {field.name for field in dataclasses.fields(kind)}

    for section, kind in SECTIONS.items():
        assert fields(kind) == set(DOCUMENT[section]["properties"]), section
        assert all("default" in part for part in DOCUMENT[section]["properties"].values()), section
    assert fields(settings.BackendSettings) == set(BACKEND)
    assert fields(Settings) == set(DOCUMENT) | {"home", "file", "found", "api_keys"}


def test_the_key_of_every_variable_is_one_and_each_real_cli_has_one_for_its_model():
    keys = Keys(SCHEMAS)
    assert all(keys.at(steps) for steps in VARIABLES.values())
    models = {steps[1] for steps in VARIABLES.values() if steps[-1] == "model"}
    assert models == set(default_registry().names()) - {"demo"}


def test_a_server_is_reached_from_this_machine_alone_unless_told_otherwise(tmp_path):
    assert load(SCHEMAS, tmp_path, None, {}).server.host == "127.0.0.1"


@pytest.mark.parametrize(
    "text",
    ["", "\n", "# nothing\n", "---\n", "{}", "null", "~", "\ufeff# a mark of order\n", "server:\n",
     "backends:\n  claude:\n    env:\n  demo:\n", "unified_flags:\n\nsession:\n# end\n"],
)  # fmt: skip
def test_a_file_that_says_nothing_is_a_good_one(configured, tmp_path, text):
    nothing = load(SCHEMAS, tmp_path / "home", None, {})
    said = configured(text)
    assert (said.found, nothing.found) == (True, False)
    assert dataclasses.replace(said, file=nothing.file, found=False) == nothing


def test_the_file_in_the_home_is_read_where_there_is_one(tmp_path):
    (tmp_path / "config.yaml").write_text("server:\n  port: 3000\n")
    assert load(SCHEMAS, tmp_path, None, {}).server.port == 3000


def test_a_file_that_was_named_is_read_in_place_of_the_one_in_the_home(tmp_path, configured):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text("server:\n  port: 3000\n  host: '::1'\n")
    held = configured("server:\n  port: 4000\n")
    assert (held.server.port, held.server.host) == (4000, "127.0.0.1")


def test_a_home_that_is_no_folder_has_no_file(tmp_path):
    (tmp_path / "home").touch()
    assert load(SCHEMAS, tmp_path / "home", None, {}).server.port == 8080


def test_flags_stand_over_the_environment_over_the_file_over_the_defaults(configured):
    text = "default_backend: gemini\nserver:\n  port: 3000\n  host: '::1'\nbackends:\n  claude:\n    model: a\n"
    environment = {"CLINVK_BACKEND": "codex", "CLINVK_CLAUDE_MODEL": "b", "CLINVK_GEMINI_MODEL": "c"}
    held = configured(text, {"server.port": 4000, "server.host": None, "backends.claude.model": "d"}, environment)
    assert (held.server.port, held.server.host, held.server.max_queued_runs) == (4000, "::1", 256)
    assert (held.default_backend, held.backends["gemini"].model) == ("codex", "c")
    assert (held.backends["claude"].model, held.backends["codex"].model) == ("d", None)


def test_an_empty_variable_is_none_but_for_that_of_the_keys(configured, refused):
    nothing = dict.fromkeys(VARIABLES, "")
    held = configured("backends:\n  claude:\n    model: a\n", {}, nothing)
    assert (held.backends["claude"].model, held.default_backend) == ("a", "claude")
    assert "is set, but holds no key" in refused("", {}, {"CLINVK_API_KEYS": ""})


def test_keys_are_taken_from_the_environment_and_shown_to_nobody(configured):
    held = configured("", {}, {"CLINVK_API_KEYS": "a-key-of-more-than-sixteen"})
    assert held.api_keys == "a-key-of-more-than-sixteen"
    assert held.api_keys not in repr(held)
    assert configured("").api_keys == ""


def test_zero_is_a_port_like_any_other(configured):
    assert configured("server:\n  port: 3000\n", {"server.port": 0}).server.port == 0


def test_a_backend_that_has_to_be_there_is_told_from_one_that_may_be(configured):
    held = configured(
        "backends:\n  demo:\n    enabled: true\n  codex:\n    enabled: false\n  gemini: {}\n"
    ).backends
    assert [held[name].enabled for name in ("demo", "codex", "gemini", "claude")] == [True, False, None, None]


def test_a_backend_is_set_up_by_path_environment_and_tools(configured):
    demo = configured(
        "backends:\n  demo:\n    path: /opt/a b/cli\n    env: {A_1: '1', _b: ''}\n    pass_env: [KEY]\n"
        "    allowed_tools: [Read, 'Bash(ls:*)']\n    replace_system_prompt: true\n    max_concurrent: 2\n"
    ).backends["demo"]
    assert (demo.path, demo.env, demo.pass_env) == ("/opt/a b/cli", {"A_1": "1", "_b": ""}, ("KEY",))
    assert (demo.allowed_tools, demo.replace_system_prompt) == (("Read", "Bash(ls:*)"), True)
    assert demo.max_concurrent == 2


def test_a_whole_number_may_be_written_with_a_point(configured):
    held = configured("server:\n  port: 3000.0\n  read_timeout_secs: 1.5\n  allowed_hosts: [a.example]\n")
    assert (held.server.port, type(held.server.port)) == (3000, int)
    assert (held.server.read_timeout_secs, held.server.allowed_hosts) == (1.5, ("a.example",))


def test_what_looks_like_a_date_is_text(configured):
    assert configured("backends:\n  demo:\n    model: 2024-01-01\n").backends["demo"].model == "2024-01-01"
    assert configured("backends:\n  demo:\n    model: =\n").backends["demo"].model == "="


def test_aliases_and_merge_keys_bring_in_what_they_stand_for(configured):
    text = (
        "backends:\n  claude: &all\n    max_concurrent: 2\n    env: {A: '1'}\n"
        "  codex:\n    <<: *all\n    max_concurrent: 3\n  gemini: *all\n"
        "  demo:\n    <<: [{model: x}, {model: y}, *all]\n"
    )
    held = configured(text).backends
    assert [held[name].max_concurrent for name in ("claude", "codex", "gemini", "demo")] == [2, 3, 2, 2]
    assert [held[name].env for name in ("codex", "gemini", "demo")] == [{"A": "1"}] * 3
    assert held["demo"].model == "x"


def test_settings_are_frozen(tmp_path):
    held = load(SCHEMAS, tmp_path, None, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.server.port = 1


@pytest.mark.parametrize("example", SCHEMAS.documents[settings.SCHEMA]["examples"])
def test_every_example_of_the_schema_is_a_configuration(configured, example):
    assert configured(str(example)).server.port == example["server"]["port"]  # what Python prints is YAML too


def test_no_setting_is_read_from_anywhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("CLINVK_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("CLINVK_BACKEND", "codex")
    held = load(SCHEMAS, tmp_path, None, {})
    assert (held.home, held.default_backend) == (tmp_path, "claude")


def test_the_flag_names_the_file_before_the_environment_does_and_that_before_the_home():
    environment = {"CLINVK_CONFIG": "/b.yaml", "CLINVK_HOME": "/home-of-ours"}
    assert places(Path("/a.yaml"), environment).file == Path("/a.yaml")
    assert places(None, environment).file == Path("/b.yaml")
    assert places(None, {"CLINVK_HOME": "/h", "CLINVK_CONFIG": ""}) == Places(Path("/h"), None)
    assert places(None, {"CLINVK_HOME": "/h"}).file == Path("/h/config.yaml")


def test_the_home_is_below_the_users_own_unless_it_is_named(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert places(None, {}).home == Path("/home/someone/.clinvk")


def test_a_user_without_a_home_is_told_so(monkeypatch):
    def none():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", none)
    with pytest.raises(BadSettings, match="HOME has no value; expected a folder, there or in CLINVK_HOME"):
        places(None, {})


def test_every_value_tells_its_origin(file):
    file.write_text("server:\n  port: 1\n  host: a\nbackends:\n  claude:\n    env:\n      A: '1'\n")
    environment = {"CLINVK_CODEX_MODEL": "x"}
    found = effective(SCHEMAS, Places(file.parent, file), {"server.port": 2}, environment)
    told = {
        ("server", "port"): "--port",
        ("server", "host"): f"{file}:3",
        ("server", "read_timeout_secs"): "default",
        ("backends", "claude", "env", "A"): f"{file}:7",
        ("backends", "codex", "model"): "environment CLINVK_CODEX_MODEL",
        ("backends", "codex"): "environment CLINVK_CODEX_MODEL",
        ("backends", "gemini"): "default",
    }
    assert {steps: found.origin(steps) for steps in told} == told


def test_changes_are_named_by_their_keys(configured):
    before = configured("server:\n  port: 1\nbackends:\n  claude:\n    model: a\n    env: {A: '1'}\n")
    after = configured(
        "server:\n  port: 1\n  max_queued_runs: 1\nbackends:\n  codex:\n    model: a\n"
        "  claude:\n    env: {A: '2'}\n"
        "default_backend: codex\n"
    )
    assert changes(before, before) == []
    assert changes(before, after) == [
        "default_backend",
        "backends.claude.model",
        "backends.claude.env",
        "backends.codex.model",
        "server.max_queued_runs",
    ]
