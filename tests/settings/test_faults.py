"""How a configuration that cannot be used is told: file, line, column, key, and what would be right."""

import pytest

from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, load

SCHEMAS = Schemas()
SECTIONS = "one of default_backend, unified_flags, backends, session, output, parallel, pool, linger, server"
LINES = "expected 'key: value' lines, those of one section indented alike"
VARIABLE = "the name of an environment variable that is none of clinvk's own, CLINVK_…"
KEYS = "expected keys of visible ASCII, separated by commas, or the variable unset"
BACKENDS = "expected one of claude, codex, gemini, demo"

WRONG = [
    # Keys that there are not.
    ("server:\n  prot: 1\n", "2:3: server.prot is not a known key; expected perhaps 'server.port'"),
    ("# one\nsevrer: {}\n", "2:1: sevrer is not a known key; expected perhaps 'server'"),
    ("Server:\n  port: 1\n", "1:1: Server is not a known key; expected perhaps 'server'"),
    ("port: 3000\n", "1:1: port is not a known key; expected perhaps 'server.port'"),
    (f"{'x' * 300}: 1\n", f"1:1: {'x' * 59}… is not a known key; expected {SECTIONS}"),
    (f"backends:\n  {'x' * 300}: 1\n", f"2:3: backends.{'x' * 59}… is not a backend; {BACKENDS}"),
    ("zzz: 1\n", f"1:1: zzz is not a known key; expected {SECTIONS}"),
    ("1: 2\n", f"1:1: 1 is not a known key; expected {SECTIONS}"),
    ("output:\n  zzz: 1\n",
     "2:3: output.zzz is not a known key; expected one of format, show_tokens, show_timing, color in output"),
    ("backends:\n  demo:\n    enabeld: 1\n",
     "3:5: backends.demo.enabeld is not a known key; expected perhaps 'backends.demo.enabled'"),
    ("backends:\n  demo:\n    env:\n      A=B: '1'\n",
     "4:7: backends.demo.env.A=B is not a known key; expected " + VARIABLE),
    ('"a\\nb": 1\n', f'1:1: "a\\nb" is not a known key; expected {SECTIONS}'),
    # Backends that there are not.
    ("backends:\n  cluade: {}\n", "2:3: backends.cluade is not a backend; expected perhaps 'claude'"),
    ("backends:\n  nothing: 1\n", f"2:3: backends.nothing is not a backend; {BACKENDS}"),
    ("default_backend: code\n", "1:18: default_backend \"code\" is not a backend; expected perhaps 'codex'"),
    ("default_backend: gpt\n", f'1:18: default_backend "gpt" is not a backend; {BACKENDS}'),
    # Values of another kind.
    ("server:\n\n  port: x\n", '3:9: server.port is text, "x"; expected a whole number'),
    ("server:\n  port: 80.5\n", "2:9: server.port is a number, 80.5; expected a whole number"),
    ("server:\n  port: true\n", "2:9: server.port is true; expected a whole number"),
    ("server:\n  port: [1]\n", "2:9: server.port is a list; expected a whole number"),
    ("server:\n  port: {a: 1}\n", "2:9: server.port is a section; expected a whole number"),
    ("server:\n  port: 2024-01-01\n", '2:9: server.port is text, "2024-01-01"; expected a whole number'),
    ("server:\n  read_timeout_secs: 5s\n", '2:22: server.read_timeout_secs is text, "5s"; expected a number'),
    ("session:\n  auto_resume: 1\n", "2:16: session.auto_resume is a number, 1; expected true or false"),
    ("server:\n  host: 8080\n",
     '2:9: server.host is a number, 8080; expected text, so put it into quotes: "8080"'),
    ("server:\n  host: [a]\n", "2:9: server.host is a list; expected text"),
    ("server:\n  allowed_hosts: a\n", '2:18: server.allowed_hosts is text, "a"; expected a list, such as [a, b]'),
    ("server:\n  allowed_hosts:\n    - a\n    - 1\n",
     '4:7: server.allowed_hosts.1 is a number, 1; expected text, so put it into quotes: "1"'),
    ("server: 1\n", "1:9: server is a number, 1; expected a section of keys"),
    ("- a\n", "1:1: the file is a list; expected a section of keys"),
    ("[]\n", "1:1: the file is a list; expected a section of keys"),
    ("false\n", "1:1: the file is false; expected a section of keys"),
    ("just text\n", '1:1: the file is text, "just text"; expected a section of keys'),
    # Values that are not there.
    ("server:\n  port:\n", "2:8: server.port has no value; expected a whole number"),
    ("server:\n  allowed_hosts:\n",
     "2:17: server.allowed_hosts has no value; expected a list, such as [a, b]"),
    ("unified_flags:\n  approval_mode: ~\n",
     "2:18: unified_flags.approval_mode has no value; expected one of default, auto, none, always"),
    # Values out of bounds, or of a form.
    ("server:\n  port: 65536\n", "2:9: server.port 65536 is too large; expected at most 65535"),
    ("server:\n  port: -1\n", "2:9: server.port -1 is too small; expected at least 0"),
    ("server: {host: ''}\n", '1:16: server.host "" is too short; expected some text'),
    ("server:\n  read_timeout_secs: 0\n",
     "2:22: server.read_timeout_secs 0 is too small; expected more than 0"),
    ("server:\n  read_timeout_secs: .inf\n",
     "2:22: server.read_timeout_secs is no number that can be used; expected a plain number"),
    ("server:\n  read_timeout_secs: .nan\n",
     "2:22: server.read_timeout_secs is no number that can be used; expected a plain number"),
    ("server:\n  idle_timeout_secs: 31536001\n",
     "2:22: server.idle_timeout_secs 31536001 is too large; expected at most 31536000"),
    ("server:\n  max_queued_runs: 1000001\n",
     "2:20: server.max_queued_runs 1000001 is too large; expected at most 1000000"),
    ("unified_flags:\n  sandbox_mode: readonly\n",
     '2:17: unified_flags.sandbox_mode "readonly" is none of its values;'
     " expected one of default, read-only, workspace, full"),
    ("unified_flags:\n  sandbox_mode: yes\n",
     "2:17: unified_flags.sandbox_mode is true; expected one of default, read-only, workspace, full"),
    ("server:\n  allowed_hosts: ['http://a.example']\n",
     '2:19: server.allowed_hosts.0 "http://a.example" has the wrong form;'
     " expected the name of a host alone, without http:// and port"),
    ("backends:\n  demo:\n    path: ~/bin/cli\n",
     '3:11: backends.demo.path "~/bin/cli" has the wrong form; expected an absolute path'),
    ("backends:\n  demo:\n    allowed_tools: ['']\n",
     '3:21: backends.demo.allowed_tools.0 "" is too short; expected some text'),
    ("backends:\n  demo:\n    model: ''\n", '3:12: backends.demo.model "" is too short; expected some text'),
    # What a backend cannot do.
    ("backends:\n  codex:\n    allowed_tools: [Read]\n",
     "3:20: backends.codex.allowed_tools is refused: codex allows no tool by its name;"
     " expected an approval mode instead"),
    ("backends:\n  demo:\n    extra_flags: [--x]\n",
     "3:19: backends.demo.extra_flags.0 is refused: '--x' may not be passed on;"
     " expected flags of the allow-list: none for this backend"),
    # What no CLI may see, and what gopass would take for an option.
    ("backends:\n  demo:\n    pass_env: [CLINVK_API_KEYS]\n",
     '3:16: backends.demo.pass_env.0 "CLINVK_API_KEYS" has the wrong form; expected ' + VARIABLE),
    ("backends:\n  demo:\n    env: {CLINVK_API_KEYS: x}\n",
     "3:11: backends.demo.env.CLINVK_API_KEYS is not a known key; expected " + VARIABLE),
    ("server:\n  api_keys_gopass_path: --version\n",
     '2:25: server.api_keys_gopass_path "--version" has the wrong form; expected the path of a secret in gopass'),
    # What YAML makes of it.
    ("server:\n  port: 1\n  port: 2\n",
     "3:3: server.port stands here a second time; expected it once: line 2 has it"),
    ("server:\n\tport: 1\n", "2:1: the file is indented by a tab; expected spaces: YAML takes nothing else"),
    ("server:\n  port: 1\n\thost: x\n",
     "3:1: the file is indented by a tab; expected spaces: YAML takes nothing else"),
    ("a: b: c\n", f"1:5: the file is not YAML: mapping values are not allowed here; {LINES}"),
    ("server:\n port: 1\n  host: x\n",
     f"3:7: the file is not YAML: mapping values are not allowed here; {LINES}"),
    ("server: [", f"1:10: the file is not YAML: expected the node content, but found '<stream end>'; {LINES}"),
    ('server:\n  host: "a\n',
     "3:1: the file is not YAML: found unexpected end of stream while scanning a quoted scalar"
     f" that begins on line 2; {LINES}"),
    ("---\nserver: {}\n---\nserver: {}\n", f"3:1: the file is not YAML: found another document; {LINES}"),
    ("*nowhere\n", f"1:1: the file is not YAML: found undefined alias 'nowhere'; {LINES}"),
    ("&a [*a]\n", "1:1: the file has an alias of what holds it; expected aliases of what is already complete"),
    ("server:\n  <<: 3\n", "2:7: server.<< brings in what has no keys; expected an alias of a section"),
    ("server:\n  <<: {port: 1}\n  <<: {port: 2}\n",
     "3:7: server.<< stands here a second time; expected it once, with a list"),
    ("? [a]\n: b\n", "1:3: the file has a key that is not text; expected a name before each ':'"),
    ("server:\n  host: a\x00\n", "2:10: the file has the character U+0000; expected text that can be printed"),
    ("server:\n  host: !!python/none\n", "2:9: server.host is tagged !!python/none; expected a plain value"),
    ("server:\n  host: !!bool x\n",
     "2:9: server.host is no truth value that can be used; expected a plain truth value"),
    ("server:\n  port: !!int x\n",
     "2:9: server.port is no number that can be used; expected a plain number"),
    ("server:\n  port: !!int ''\n",
     "2:9: server.port is no number that can be used; expected a plain number"),
    ("server:\n  port: " + "9" * 5000, "2:9: server.port is no number that can be used; expected a plain number"),
    ("[" * 100_000, "1:1: the file is nested too deeply; expected sections of keys"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said.split(";")[0][:70] for _, said in WRONG])
def test_what_is_wrong_is_told_with_file_line_column_key_and_what_would_be_right(refused, file, text, said):
    assert refused(text) == f"{file}:{said}"


def test_a_fault_below_a_name_without_end_has_its_place_too(refused, file):
    _, said = refused(f"backends:\n  {'x' * 300}:\n    model: 1\n").splitlines()
    key = f"backends.{'x' * 59}….model"
    assert said == f'{file}:3:12: {key} is a number, 1; expected text, so put it into quotes: "1"'


def test_aliases_that_make_a_page_into_a_library_are_refused(refused, file):
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert refused("\n".join(lines)).endswith(
        ": the file is too large with all its aliases; expected at most 100000 values"
    )


def test_every_fault_of_a_file_is_told_in_the_order_of_its_lines(refused, file):
    text = "server:\n  port: x\n  hots: y\n  port: 3\nbackends:\n  demo: []\n  cluade:\noutput:\n  format: x\n"
    told = refused(text).splitlines()
    assert [line.removeprefix(f"{file}:").partition(" ")[0] for line in told] == [
        "2:9:",
        "3:3:",
        "4:3:",
        "6:9:",
        "7:3:",
        "9:11:",
    ]


def test_the_faults_of_all_sources_are_told_at_once(refused):
    told = refused("zzz: 1\n", {"server.port": -1}, {"CLINVK_BACKEND": "x"}).splitlines()
    assert [line.split(":")[0] for line in told[1:]] == ["environment", "command line"]
    assert len(told) == 3


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("backends:\n  demo:\n    env:\n      A: '1'\n      KEY: 31337\n", "5:12"),
        ('backends:\n  demo:\n    env:\n      KEY: "31337\\0"\n', "4:12"),
        ("backends:\n  demo:\n    env:\n      KEY: [31337]\n", "4:12"),
        ("backends:\n  demo:\n    env:\n      KEY: '31337\n", None),
        ("backends:\n  demo:\n    env:\n      KEY: 31337: 1\n", None),
    ],
)
def test_what_may_be_a_secret_is_never_repeated(refused, file, text, where):
    told = refused(text)
    assert "31337" not in told
    assert where is None or told.startswith(f"{file}:{where}: backends.demo.env.KEY ")


@pytest.mark.parametrize(("data", "place"), [(b"\xff\xfe", "1:1"), (b"server:\n  host: \xc3\xa9\xe9\n", "2:10")])
def test_what_is_no_text_is_told_with_its_place(refused, file, data, place):
    assert refused(data) == f"{file}:{place}: the file is not UTF-8; expected text in UTF-8"


def test_a_file_that_was_named_must_be_there(tmp_path):
    def said(file):
        with pytest.raises(BadSettings) as error:
            load(SCHEMAS, tmp_path, file, {})
        return str(error.value)

    file = tmp_path / "nowhere.yaml"
    assert said(file) == f"{file}: the file cannot be read: No such file or directory; expected a file of YAML"
    assert said(tmp_path) == f"{tmp_path}: the file cannot be read: Is a directory; expected a file of YAML"


def test_a_file_that_cannot_be_read_is_told_with_the_file(tmp_path):
    (tmp_path / "config.yaml").symlink_to("/proc/self/mem")  # there, and not even root may read its beginning
    with pytest.raises(BadSettings, match=r"config\.yaml: the file cannot be read: Input/output error"):
        load(SCHEMAS, tmp_path, None, {})


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"server.port": 70000}, "command line: --port 70000 is too large; expected at most 65535"),
        ({"server.host": ""}, 'command line: --host "" is too short; expected some text'),
    ],
)
def test_a_flag_that_makes_no_sense_is_told_as_such(refused, flags, said):
    assert refused("", flags) == said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CLINVK_BACKEND": "cluade"}, "CLINVK_BACKEND \"cluade\" is not a backend; expected perhaps 'claude'"),
        ({"CLINVK_BACKEND": "x"}, f'CLINVK_BACKEND "x" is not a backend; {BACKENDS}'),
        ({"CLINVK_CODEX_MODEL": "\udcff"},
         "CLINVK_CODEX_MODEL cannot be printed; expected text in UTF-8, on one line"),
        ({"CLINVK_API_KEYS": "31337 1"},
         "CLINVK_API_KEYS holds a key, number 1, that has a character that no header may hold,"
         f" such as a blank or an umlaut; {KEYS}"),
        ({"CLINVK_API_KEYS": ""}, f"CLINVK_API_KEYS is set, but holds no key; {KEYS}"),
        ({"CLINVK_API_KEYS_GOPASS_PATH": "-o"},
         'CLINVK_API_KEYS_GOPASS_PATH "-o" has the wrong form; expected the path of a secret in gopass'),
    ],
)  # fmt: skip
def test_a_variable_that_makes_no_sense_is_told_by_its_name(refused, variables, said):
    assert refused("", {}, variables) == f"environment: {said}"


def test_a_variable_that_is_too_long_is_not_repeated_whole(refused):
    told = refused("", {}, {"CLINVK_CODEX_MODEL": "x" * 257})
    assert told.startswith('environment: CLINVK_CODEX_MODEL "xxx')
    assert told.endswith(" is too long; expected at most 256 characters")
    assert len(told) < 200


def test_a_backend_that_is_disabled_may_be_set_up_in_any_way(configured):
    held = configured("backends:\n  codex:\n    enabled: false\n    allowed_tools: [Read]\n")
    assert held.backends["codex"].allowed_tools == ("Read",)
