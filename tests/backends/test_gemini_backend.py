"""The gemini backend: its command, its rules, what it refuses, leaves behind, and what its exits mean."""

import tomllib
from pathlib import Path

import pytest

from clinvk.backends.base import Installation, Site
from clinvk.backends.gemini.backend import GeminiBackend
from clinvk.domain.approvals import decide
from clinvk.domain.errors import ErrorCode, Fault, RunError
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.run import Exit
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode
from clinvk.supervisor import residue

BACKEND = GeminiBackend()
SITE = Site(Installation(("/opt/gemini",), "0.61.0"), "/run/clinvk/child_7")
UUID = "0275709f-d70f-4a05-b03b-a0495b28b953"
PAGE = Path(__file__).parents[2] / "docs/backends/gemini.md"


def spec(**fields):
    return RunSpec("gemini", "hello", "/project", **fields)


def command(**fields):
    return BACKEND.command(spec(**fields), SITE)


def rules(**fields):
    """The rules that gemini is given, the strongest first."""
    text = command(**fields).files.get("approvals.toml", "")
    return sorted(tomllib.loads(text).get("rule", []), key=lambda rule: -rule["priority"])


def decision(tool, annotations=None, **fields):
    """What the rules say of a call of `tool`, in the way of gemini's engine; None where they say nothing."""
    for rule in rules(**fields):
        named = rule["toolName"] if isinstance(rule["toolName"], list) else [rule["toolName"]]
        hinted = rule.get("toolAnnotations", {}).items() <= (annotations or {}).items()
        if hinted and any(
            name in {"*", tool} or (name[-1] == "*" and tool.startswith(name[:-1])) for name in named
        ):
            return rule["decision"]
    return None


def test_a_plain_run_leaves_all_to_the_users_own_settings():
    plain = command()
    assert plain.argv == ("/opt/gemini", "--acp", "--session-id=clinvk-child-7")
    assert plain.env == {"GEMINI_CLI_NO_RELAUNCH": "1", "NO_BROWSER": "true"}
    assert (plain.cwd, plain.files) == ("/project", {})


def test_its_own_conversation_is_named_after_the_childs_folder():
    site = Site(SITE.installation, "/run/clinvk/Child.X_7")
    assert BACKEND.command(spec(), site).argv[2] == "--session-id=clinvk-Child-X-7"


def test_its_own_conversation_goes_with_the_child_and_no_other_does(tmp_path):
    chats = tmp_path / ".gemini/tmp/project/chats"
    chats.mkdir(parents=True)
    mine, others = (
        chats / "session-2026-11-21T07-22-clinvk-c.jsonl",
        chats / "session-2026-11-21T07-23-clinvk-c.jsonl",
    )
    mine.write_text('{"sessionId":"clinvk-child-7","projectHash":"0a1b"}\n')
    others.write_text('{"sessionId":"clinvk-child-70","projectHash":"0a1b"}\n')
    assert residue.remove(command().leaves, {"HOME": str(tmp_path)}) == residue.Removed(1)
    assert [mine.exists(), others.exists()] == [False, True]


def test_a_model_and_flags_of_the_allow_list_are_passed_on():
    argv = command(model="gemini-2.5-pro", extra=("--extensions=none",)).argv
    assert argv[-2:] == ("--model=gemini-2.5-pro", "--extensions=none")


def test_a_system_prompt_in_place_of_geminis_own_is_a_file():
    replaced = command(system_prompt="You are a cat.", replace_system_prompt=True)
    assert replaced.files == {"system.md": "You are a cat."}
    assert replaced.env["GEMINI_SYSTEM_MD"] == "/run/clinvk/child_7/system.md"
    assert "cat" not in " ".join(replaced.argv)


@pytest.mark.parametrize("replace", [False, True])
def test_nothing_of_a_system_prompt_added_to_geminis_own_is_in_the_command(replace):
    added = command(system_prompt=None if replace else "Be brief.", replace_system_prompt=replace)
    assert (added.files, "GEMINI_SYSTEM_MD" in added.env) == ({}, False)


def test_no_sandbox_is_asked_for_by_the_environment():
    assert command(sandbox_mode=SandboxMode.FULL).env["GEMINI_SANDBOX"] == "false"


MODES = [(approval, sandbox) for approval in ApprovalMode for sandbox in SandboxMode]


@pytest.mark.parametrize(("approval", "sandbox"), MODES)
def test_gemini_asks_unless_both_modes_leave_it_to_the_user(approval, sandbox):
    argv = command(approval_mode=approval, sandbox_mode=sandbox).argv
    free = approval is ApprovalMode.DEFAULT and sandbox in {SandboxMode.DEFAULT, SandboxMode.FULL}
    assert ("--approval-mode=default" in argv) is not free
    ruled = approval is ApprovalMode.ALWAYS or sandbox in {SandboxMode.READ_ONLY, SandboxMode.WORKSPACE}
    assert ("--admin-policy=/run/clinvk/child_7/approvals.toml" in argv) is ruled


ACTIONS = {"read_file": "read", "write_file": "edit", "replace": "edit", "run_shell_command": "execute"}


def outcome(tool, path, approval, sandbox):
    """Whether a call is made: what the rules deny is not, what they ask about is decided by us."""
    ruled = decision(tool, approval_mode=approval, sandbox_mode=sandbox)
    if ruled != "ask_user":
        return {"deny": False, None: None}[ruled]
    return decide(approval, sandbox, ApprovalAsked("1", tool, ACTIONS[tool], (path,)), "/project").allowed


@pytest.mark.parametrize(("approval", "sandbox"), MODES)
def test_no_mode_can_be_got_around_whatever_the_users_own_rules_allow(approval, sandbox):
    always = approval is ApprovalMode.ALWAYS
    confined = sandbox in {SandboxMode.READ_ONLY, SandboxMode.WORKSPACE}
    edits = sandbox is SandboxMode.WORKSPACE and approval in {ApprovalMode.AUTO, ApprovalMode.NONE}
    left = None if not always else False
    assert outcome("read_file", "/project/a", approval, sandbox) is left
    for tool in ("write_file", "replace"):
        assert outcome(tool, "/project/a", approval, sandbox) is (edits if confined and not always else left)
        assert outcome(tool, "/etc/a", approval, sandbox) is (False if confined else left)
    assert outcome("run_shell_command", "/project/a", approval, sandbox) is (False if confined else left)


@pytest.mark.parametrize("tool", ["mcp_files_write", "discovered_tool_x", "invoke_agent", "enter_plan_mode"])
@pytest.mark.parametrize(("approval", "sandbox"), MODES)
def test_what_asks_nobody_is_denied_where_it_would_have_to_ask(approval, sandbox, tool):
    strict = approval is ApprovalMode.ALWAYS or sandbox in {SandboxMode.READ_ONLY, SandboxMode.WORKSPACE}
    assert decision(tool, approval_mode=approval, sandbox_mode=sandbox) == ("deny" if strict else None)


@pytest.mark.parametrize("sandbox", [SandboxMode.READ_ONLY, SandboxMode.WORKSPACE])
def test_a_tool_of_others_that_only_reads_is_no_danger_to_a_sandbox(sandbox):
    reads = {"readOnlyHint": True}
    assert decision("mcp_files_read", reads, sandbox_mode=sandbox) == "ask_user"
    asked = decision("mcp_files_read", reads, sandbox_mode=sandbox, approval_mode=ApprovalMode.ALWAYS)
    assert asked == "deny"


def test_a_command_that_gemini_thinks_safe_is_asked_for_only_by_a_rule_with_a_pattern():
    (shell,) = [
        rule for rule in rules(approval_mode=ApprovalMode.ALWAYS) if rule["toolName"] == "run_shell_command"
    ]
    assert (shell["argsPattern"], shell["decision"]) == (".", "ask_user")


def test_allowed_tools_are_allowed_below_all_that_has_to_hold():
    tools = ("write_file", "run_shell_command(git log)", "mcp_files_read")
    assert rules(allowed_tools=tools) == [
        {"toolName": "write_file", "decision": "allow", "priority": 100},
        {"toolName": "run_shell_command", "commandPrefix": "git log", "decision": "allow", "priority": 100},
        {"toolName": "mcp_files_read", "decision": "allow", "priority": 100},
    ]
    for strict in ({"sandbox_mode": SandboxMode.READ_ONLY}, {"approval_mode": ApprovalMode.ALWAYS}):
        assert decision("write_file", allowed_tools=tools, **strict) in {"deny", "ask_user"}


def test_what_a_command_begins_with_may_be_in_any_letters():
    (rule,) = rules(allowed_tools=("run_shell_command(echo \u00e9\U0001f408)",))
    assert rule["commandPrefix"] == "echo \u00e9\U0001f408"


@pytest.mark.parametrize(
    "tool", ["", "a b", 'x"]', "read_file(a)", "run_shell_command()", 'run_shell_command(")', "*"]
)
def test_a_name_that_is_no_tool_is_a_fault(tool):
    expected = "names of tools, and `run_shell_command(git log)` for what a command begins with"
    assert BACKEND.faults(spec(allowed_tools=("glob", tool))) == [
        Fault("/allowed_tools", f"'{tool}' names no tool", expected)
    ]


def test_flags_beyond_the_allow_list_and_ids_that_are_none_are_faults():
    faults = BACKEND.faults(spec(extra=("--extensions=a", "--yolo"), resume="latest"))
    assert [fault.path for fault in faults] == ["/extra/1", "/session_id"]
    assert BACKEND.faults(spec(extra=("--include-directories=/srv",), resume=UUID)) == []
    assert BACKEND.faults(spec(allowed_tools=("glob", "run_shell_command", "run_shell_command(git log)"))) == []


FIXED = [
    {"model": "m"},
    {"system_prompt": "x", "replace_system_prompt": True},
    {"approval_mode": ApprovalMode.AUTO},
    {"sandbox_mode": SandboxMode.FULL},
    {"allowed_tools": ("glob",)},
    {"extra": ("--extensions=none",)},
]


@pytest.mark.parametrize("fields", FIXED, ids=lambda fields: next(iter(fields)))
def test_a_child_is_not_shared_by_what_is_fixed_at_its_start(fields):
    assert BACKEND.key(spec(**fields)) != BACKEND.key(spec())


def test_a_child_may_be_shared_by_what_is_not():
    assert BACKEND.key(spec(system_prompt="added", resume=UUID, max_turns=3)) == BACKEND.key(spec())


@pytest.mark.parametrize(
    ("exit_", "code", "words"),
    [
        (
            Exit(41, None, "Please set an Auth method"),
            ErrorCode.NOT_AUTHENTICATED,
            "gemini is not logged in, or its key is refused; run `gemini` once and choose a login, "
            "or set GEMINI_API_KEY: Please set an Auth method",
        ),
        (
            Exit(55, None, "no trust"),
            ErrorCode.UNTRUSTED_FOLDER,
            "Gemini does not trust the working directory; trust it in gemini, "
            "or set GEMINI_CLI_TRUST_WORKSPACE=true: no trust",
        ),
        (
            Exit(52, None, "bad settings"),
            ErrorCode.BACKEND_EXITED,
            "Gemini cannot start with its settings; mend ~/.gemini/settings.json: bad settings",
        ),
        (
            Exit(44, None, "no docker"),
            ErrorCode.BACKEND_EXITED,
            "Gemini cannot start with its sandbox; mend ~/.gemini/settings.json: no docker",
        ),
        (
            Exit(1, None, "ECONNREFUSED"),
            ErrorCode.NETWORK,
            "The model's provider cannot be reached; look at the network and the proxy: ECONNREFUSED",
        ),
        (
            Exit(1, None, "status 401"),
            ErrorCode.NOT_AUTHENTICATED,
            "gemini is not logged in, or its key is refused; run `gemini` once and choose a login, "
            "or set GEMINI_API_KEY: status 401",
        ),
    ],
)
def test_an_exit_that_tells_something_is_explained(exit_, code, words):
    assert BACKEND.explain(exit_) == RunError(code, words)


@pytest.mark.parametrize("exit_", [Exit(0, None, "ECONNREFUSED"), Exit(1, None, "oops"), Exit(None, "SIGKILL")])
def test_an_exit_that_tells_nothing_is_not(exit_):
    assert BACKEND.explain(exit_) is None


def rows(heading):
    """The first cells of the table under `heading` in the documentation."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [line.split("|")[1].strip().strip("`") for line in lines]


def test_the_documentation_lists_every_flag_and_every_variable():
    assert rows("Extra flags") == list(BACKEND.traits.extra_flags)
    assert rows("Environment") == list(BACKEND.traits.environment)


def test_the_documentation_names_the_versions_that_were_tested():
    first, below = BACKEND.executable.tested
    assert f"at least {first}, below {below}" in PAGE.read_text()


@pytest.mark.parametrize("flag", ["--extensions", "--include-directories", "--extensions="])
def test_a_flag_without_its_value_would_take_the_next_word_for_it(flag):
    (fault,) = GeminiBackend().faults(RunSpec("gemini", "p", "/w", extra=(flag,)))
    name = flag.rstrip("=")
    assert fault == Fault("/extra/0", f"'{name}' lacks its value", f"{name}=VALUE")
