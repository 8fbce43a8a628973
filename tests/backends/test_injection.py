"""What comes with a request is text to every backend: it is never a flag, a line of the protocol, or a rule."""

import json
import tomllib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinvk.backends.base import Installation, Site
from clinvk.backends.registry import default_registry
from clinvk.domain.group import PREVIOUS, continued
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

BACKENDS = {name: default_registry().get(name) for name in default_registry().names()}
UUID = "3660d789-b763-4698-bb4b-c5cd024dfe7a"
SITE = Site(Installation(("/opt/cli",), "1.0"), "/srv/site")
SPECS = {name: RunSpec(name, "a prompt", "/srv/project") for name in BACKENDS}

FOR_ALL = [
    "", " ", "=", "=--effort", "-", "--", "---effort=high", "a word", "@file",
    "-c", "-cmodel=x", "-p", "-y", "-s", "-e", "-m=x",
    "--effort high", " --effort=high", "--effort=high\0--yolo", "--effort\n=high", "--effort\0", "--effort\n",
    "--EFFORT=high", "--effor=high", "--eff=high", "--tool=x", "--ext=none", "--dis=x", "--include=/",
    "\u2013\u2013effort=high", "\u2014effort=high", "\u2212\u2212effort=high", "\u2010\u2010effort=high",
    "\uff0d\uff0deffort=high", "--effort\u00a0=high", "--effort\u200b=high", "\ufeff--effort=high",
    "--no-safe-mode", "--no-extensions", "--extensions.x=1", "--extensions[]=x", "--__proto__.x=1",
    "'--effort=high'", '"--effort=high"', "$(--effort=high)", "%2d%2deffort=high",
]  # fmt: skip
"""No flag of any list, however like one it looks."""

OF_CLAUDE = [
    "--dangerously-skip-permissions", "--allow-dangerously-skip-permissions", "--permission-prompt-tool=x",
    "--permission-mode=bypassPermissions", "--settings={}", "--setting-sources=project",
    "--mcp-config={}", "--add-dir=/",
    "--allowedTools=Bash", "--allowed-tools=Bash", "--disallowed-tools=x", "--print", "--input-format=text",
    "--output-format=text", "--resume=x", "--continue", "--fork-session", "--session-id=x", "--from-pr=1",
    "--system-prompt=x", "--append-system-prompt=x", "--agents={}", "--agent=x", "--plugin-dir=/x", "--model=x",
    "--bare", "--debug-file=/x", "--file=/x", "--ide", "--chrome", "--worktree=x", "--tmux", "--max-turns=99",
    "--no-session-persistence", "--include-hook-events", "--replay-user-messages", "--json-schema={}",
]  # fmt: skip
OF_CODEX = [
    "--config=sandbox_mode=danger-full-access", "--config", "--enable=web_search", "--sandbox=danger-full-access",
    "--ask-for-approval=never", "--full-auto", "--dangerously-bypass-approvals-and-sandbox", "--yolo", "--cd=/",
    "--add-dir=/", "--profile=x", "--listen=ws://x", "--remote=x", "--search", "--image=/x", "--oss", "--model=x",
    "--disable=hooks", "--disable=exec_policy", "--disable=apps=true", "--disable=apps,hooks", "--disable=apps\n",
    "--disable=apps --enable=x", '--disable=x"\nsandbox_mode="danger-full-access', "--disable=", "--disable",
    "--effort=high\n", "--effort=high low", "--effort=-x", "--effort=HIGH", "--effort='x'", "--summary={}",
    "--service-tier=a.b", "--effort=\u0430uto", "--effort==high",
]  # fmt: skip
OF_GEMINI = [
    "--yolo", "--approval-mode=yolo", "--sandbox=false", "--sandbox-image=x", "--prompt=x",
    "--prompt-interactive=x", "--output-format=text", "--policy=/x", "--admin-policy=/x",
    "--allowed-tools=run_shell_command", "--model=x",
    "--allowed-mcp-server-names=x", "--resume=latest", "--session-id=x", "--list-sessions", "--delete-session=1",
    "--acp", "--experimental-acp", "--debug", "--skip-trust", "--worktree=x", "--raw-output", "--screen-reader",
    "--accept-raw-output-risk", "--include_directories=/", "--includeDirectories=/", "--extensions",
    "--extensions=", "--include-directories=", "--include-directories",
]  # fmt: skip
ATTACKS = {"claude": OF_CLAUDE, "codex": OF_CODEX, "gemini": OF_GEMINI, "demo": OF_CLAUDE + OF_CODEX + OF_GEMINI}

HOSTILE = [
    "--dangerously-skip-permissions", "-c", "--", "-", "=", "a b", "'", '"', "`id`", "$(id)", "${HOME}", ";", "\n",
    "x\n--yolo", "x\r\n{\"type\":\"prompt\"}", "\u2028", "\u2029x", "\x85", "\x1b[31m", "\u202e", "{{previous}}",
    '"}\n{"method":"turn/start"}', "a\\", "\\n", "%s", "é", "\U0001f600",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
    st.builds(lambda text: "-" + text, st.text("-=abc \n'\"", max_size=10)),
)
FLAGS = [(name, flag) for name, backend in BACKENDS.items() for flag in backend.traits.extra_flags]
NAMED = pytest.mark.parametrize("name", BACKENDS)
FEW = settings(max_examples=40)
MODES = [(approval, sandbox) for approval in ApprovalMode for sandbox in SandboxMode]


def argv(name, **asked):
    return BACKENDS[name].command(replace(SPECS[name], **asked), SITE).argv


def written(name, **asked):
    """What a new child is told on its stdin before it has answered anything, line by line."""
    spec = replace(SPECS[name], **asked)
    dialogue = BACKENDS[name].dialogue(spec)
    dialogue.open()
    dialogue.begin("t", spec)
    return dialogue.outgoing().data


@NAMED
def test_what_is_on_no_list_is_refused_wherever_it_stands(name):
    backend = BACKENDS[name]
    good = tuple(f"{each}=none" for each in backend.traits.extra_flags if each in {"--extensions", "--effort"})
    places = [f"/extra/{len(good)}", f"/extra/{len(good) + 1}"]
    for flag in FOR_ALL + ATTACKS[name]:
        alone, among = replace(SPECS[name], extra=(flag,)), replace(SPECS[name], extra=(*good, flag, flag))
        assert {fault.path for fault in backend.faults(alone)} == {"/extra/0"}, flag
        assert {fault.path for fault in backend.faults(among)} == {*places}, flag


@NAMED
@FEW
@given(flag=st.one_of(TEXTS, st.builds("--{}={}".format, TEXTS, TEXTS)))
def test_a_flag_of_any_text_is_refused_or_is_one_of_the_list(name, flag):
    backend = BACKENDS[name]
    if flag.partition("=")[0] not in backend.traits.extra_flags:
        assert backend.faults(replace(SPECS[name], extra=(flag,)))


@pytest.mark.parametrize(
    "flag", [(name, flag) for name in BACKENDS for flag in BACKENDS[name].traits.extra_flags], ids="=".join
)
@FEW
@given(value=TEXTS)
def test_the_value_of_a_flag_stays_with_its_flag(flag, value):
    name, flag = flag
    extra = (f"{flag}={value}",)
    if BACKENDS[name].faults(replace(SPECS[name], extra=extra)):
        return
    added = [each for each in argv(name, extra=extra) if each not in argv(name)]
    own = {"--disable": [f"--config=features.{value}=false"]} if name == "codex" else {flag: list(extra)}
    assert added == own.get(flag, [])
    assert len(argv(name, extra=extra)) == len(argv(name)) + len(added)


@NAMED
@FEW
@given(text=TEXTS)
def test_no_text_of_a_request_is_an_argument_but_a_model_behind_its_flag(name, text):
    told = {"prompt": text, "system_prompt": text, "metadata": {text: text}, "session_id": text}
    plain = argv(name)
    assert argv(name, **told) == plain
    assert argv(name, **told, replace_system_prompt=True) == plain
    with_model = argv(name, model=text)
    assert with_model in (
        plain,
        *(((*plain[:at], f"--model={text}", *plain[at:])) for at in range(1, len(plain) + 1)),
    )


@NAMED
@FEW
@given(modes=st.sampled_from(MODES), folder=TEXTS)
def test_no_workdir_is_an_argument_but_behind_its_flag(name, modes, folder):
    asked = {"approval_mode": modes[0], "sandbox_mode": modes[1]}
    folder = "/" + folder
    command = BACKENDS[name].command(replace(SPECS[name], workdir=folder, **asked), SITE)
    assert command.cwd == folder
    plain = argv(name, **asked, workdir="/w")
    assert command.argv == tuple(f"--add-dir={folder}" if each == "--add-dir=/w" else each for each in plain)


@NAMED
@FEW
@given(text=TEXTS)
def test_no_text_begins_a_line_of_the_protocol(name, text):
    told = {"prompt": text, "system_prompt": text, "model": text}
    for more in ({}, {"replace_system_prompt": True}, {"workdir": "/" + text}):
        data, plain = written(name, **told, **more), written(name, system_prompt="x")
        lines = data.decode().splitlines()  # at whatever any reader may hold for the end of a line
        assert len(lines) == len(plain.splitlines())
        for line in lines:
            assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_an_id_of_a_conversation_is_one_or_is_refused(name):
    backend = BACKENDS[name]
    assert backend.faults(replace(SPECS[name], resume=UUID)) == []
    for resume in [*HOSTILE, "", "latest", "../x", f"{UUID}\n", UUID.upper(), f" {UUID}", f"{UUID}/x"]:
        faults = backend.faults(replace(SPECS[name], resume=resume))
        assert [fault.path for fault in faults] == ["/session_id"], resume
        assert backend.stored(resume) == backend.residue(resume) == (), resume


@FEW
@given(tool=st.one_of(TEXTS, st.builds("run_shell_command({})".format, TEXTS)))
def test_a_tool_of_gemini_is_a_name_in_one_rule_or_is_refused(tool):
    spec = replace(SPECS["gemini"], allowed_tools=(tool,))
    if BACKENDS["gemini"].faults(spec):
        return
    (rules,) = BACKENDS["gemini"].command(spec, SITE).files.values()
    (rule,) = tomllib.loads(rules)["rule"]
    assert (rule["decision"], set(rule)) == (
        "allow",
        {"toolName", "decision", "priority"} | ({"commandPrefix"} if "(" in tool else set()),
    )
    named = rule["toolName"] + (f"({rule['commandPrefix']})" if "commandPrefix" in rule else "")
    assert named == tool


@FEW
@given(tools=st.lists(TEXTS, min_size=1, max_size=4))
def test_the_tools_of_claude_are_one_argument(tools):
    allowed = f"--allowedTools={','.join(tools)}"
    assert [each for each in argv("claude", allowed_tools=tuple(tools)) if each not in argv("claude")] == [allowed]


@pytest.mark.parametrize(
    ("prompt", "answer", "told"),
    [
        (f"a {PREVIOUS} b", PREVIOUS, f"a {PREVIOUS} b"),
        (f"{PREVIOUS}{PREVIOUS}", "{{", "{{{{"),
        ("{{pre{{previous}}vious}}", "", "{{previous}}"),
        ("{previous} {{ previous }} {{Previous}}", "no", "{previous} {{ previous }} {{Previous}}"),
        (f"{{0}} %s $x {PREVIOUS}", "{0} %(x)s ${y} \\1 \\g<0>", "{0} %s $x {0} %(x)s ${y} \\1 \\g<0>"),
        (f"{PREVIOUS}", "--yolo", "--yolo"),
    ],
)  # fmt: skip
def test_only_the_placeholder_of_a_step_is_replaced_and_only_once(prompt, answer, told):
    step = replace(
        SPECS["demo"], prompt=prompt, system_prompt=PREVIOUS, model=PREVIOUS, metadata={PREVIOUS: PREVIOUS}
    )
    assert continued(step, answer) == replace(step, prompt=told)


@FEW
@given(before=TEXTS, after=TEXTS, answer=TEXTS)
def test_an_answer_stands_in_a_prompt_as_it_is(before, after, answer):
    if PREVIOUS not in before + after:
        step = replace(SPECS["demo"], prompt=before + PREVIOUS + after)
        assert continued(step, answer).prompt == before + answer + after
