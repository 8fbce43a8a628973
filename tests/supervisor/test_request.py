"""What a run was asked for with, told once more: as a body of the native API, and as a command for a shell."""

import json
import shlex
import shutil
import subprocess
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.api.native import translate
from clinvk.api.services import Habits
from clinvk.domain.run import Stop, StopCause
from clinvk.domain.spec import ApprovalMode, Origin, RunSpec, SandboxMode
from clinvk.schemas import Schemas
from clinvk.supervisor import request
from tests.supervisor.kept import fill, mend, taken

PLAIN = RunSpec("demo", "hello", "/project", ephemeral=False)
ARGUMENT_BYTES = (128 << 10) - 1
CHECKER = Schemas().checker("native/prompt-request")

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
argument = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)
positive = st.none() | st.integers(1, 2**31 - 1)
specs = st.builds(
    RunSpec,
    backend=argument,
    prompt=text.filter(bool),
    workdir=argument.map("/{}".format),
    model=st.none() | argument,
    ephemeral=st.booleans(),
    approval_mode=st.sampled_from(ApprovalMode),
    sandbox_mode=st.sampled_from(SandboxMode),
    max_tokens=positive,
    max_turns=positive,
    system_prompt=st.none() | text,
    extra=st.lists(argument, max_size=5).map(tuple),
    metadata=st.dictionaries(text, text, max_size=3),
    timeout_secs=st.none() | st.floats(0.001, 31_536_000),
)


def sent(curl):
    """URL and body as curl gets them from a shell; the words that are not the user's are checked."""
    program, url, header, media_type, data, body = shlex.split(curl)
    assert (program, header, media_type, data) == ("curl", "-H", "Content-Type: application/json", "-d")
    return url, json.loads(body)


@given(specs)
def test_the_body_of_any_run_is_a_valid_request_for_the_same(spec):
    body = json.loads(json.dumps(request.body(spec)))
    assert CHECKER.faults(body) == []
    assert translate.to_spec(body, spec.origin, "/elsewhere", Habits()) == spec


@given(specs)
def test_what_the_settings_say_by_now_changes_nothing_that_a_request_can_say(spec):
    settings = Habits(ApprovalMode.NONE, SandboxMode.FULL)
    assert translate.to_spec(request.body(spec), spec.origin, "/elsewhere", settings) == spec


@given(specs)
def test_a_shell_hands_on_every_character(spec):
    url, body = sent(request.as_curl(request.kept(spec)))
    assert url == "http://127.0.0.1:8080/api/v1/prompt"
    assert body == json.loads(json.dumps(request.body(spec)))


def test_a_request_says_no_more_than_it_has_to():
    assert request.body(PLAIN) == {
        "backend": "demo",
        "prompt": "hello",
        "workdir": "/project",
        "approval_mode": "default",
        "sandbox_mode": "default",
    }


def test_flags_of_the_settings_are_not_sent_since_every_request_gets_them():
    habits = Habits(extra=("--preset", "--again"))
    spec = replace(PLAIN, extra=("--preset", "--again", "--again"), preset_flags=2)
    assert request.body(spec)["extra"] == ("--again",)
    assert "extra" not in request.body(replace(spec, extra=habits.extra))


def test_a_turn_that_went_on_with_its_session_names_it_and_one_that_began_it_does_not():
    first = replace(PLAIN, session_id="ses_1")
    assert "session_id" not in request.body(first)
    assert request.body(replace(first, resume="its-own", fresh_if_lost=True))["session_id"] == "ses_1"


def test_the_address_is_the_one_that_the_client_called():
    spec = replace(PLAIN, origin=Origin(base_url="http://[::1]:3000"))
    assert sent(request.as_curl(request.kept(spec)))[0] == "http://[::1]:3000/api/v1/prompt"


def test_no_key_and_nothing_of_the_cli_is_in_it():
    spec = replace(PLAIN, origin=Origin(key_label="a-label"), resume="its-own", allowed_tools=("Bash",))
    told = request.kept(spec)
    assert not [word for word in ("a-label", "its-own", "Bash", "Authorization") if word in told]


def test_what_is_copied_reads_as_it_runs():
    deceiving = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\x9b\x7f\u2028\U000e0041"
    spec = replace(PLAIN, prompt=f"a{deceiving}b é 日本 👩\u200d🚀", metadata={deceiving: deceiving})
    curl = request.as_curl(request.kept(spec))
    assert not set(deceiving) & set(curl)
    assert "\\u202e" in curl
    assert "é 日本 👩\u200d🚀" in curl
    assert sent(curl)[1] == request.body(spec)


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_body_that_is_too_long_for_an_argument_stands_in_a_here_document(more):
    hostile = replace(PLAIN, prompt="€$`'\"\\\nEND\n!")
    room = ARGUMENT_BYTES + more - len(msgspec.json.encode(request.body(hostile)))
    spec = replace(hostile, prompt=hostile.prompt + "x" * room)
    curl = request.as_curl(request.kept(spec))
    assert ("<<'END'" in curl) == (more > 0)
    show = 'curl() { if [ "$4" = -d ]; then /usr/bin/env printf "%s\\n" "$5"; else cat; fi; }\n'
    shown = subprocess.run(["sh"], input=(show + curl).encode(), capture_output=True, check=True)
    assert (json.loads(shown.stdout), shown.stderr) == (request.body(spec), b"")
    assert len(shown.stdout) == ARGUMENT_BYTES + more + 1


@pytest.mark.parametrize(
    ("options", "is_kept"), [(None, False), ({"store_content": False}, False), ({"store_content": True}, True)]
)
async def test_a_run_has_its_request_while_it_lives_and_after_its_end_where_that_is_kept(
    new_stage, keep, options, is_kept
):
    stage = new_stage(keeping=None if options is None else await keep(**options))
    run = await stage.start("bound wait", prompt="p" * 1000)
    live = (await stage.supervisor.history.find(run.handle.id)).request_as_curl
    assert live == request.as_curl(request.kept(run.handle.run.spec))
    assert sent(live)[1]["prompt"] == "p" * 1000
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()
    ended = (await stage.supervisor.history.find(run.handle.id)).request_as_curl
    assert ended == (live if is_kept else None)


async def test_a_run_that_the_store_never_took_has_its_request_as_long_as_it_is_owed(new_stage, keep):
    keeping = await keep()
    stage = new_stage(keeping=keeping)
    await fill(keeping)
    run = await stage.start(prompt="p" * 1000)
    await run.end()
    assert stage.supervisor.history.owes
    assert "p" * 1000 in (await stage.supervisor.history.find(run.handle.id)).request_as_curl
    await mend(keeping)


async def test_the_request_goes_with_the_run(kept):
    run = await taken(kept)
    store = kept.supervisor.sessions.store
    assert (await store.run(run.handle.id)).request
    await kept.supervisor.keeper.delete(run.handle.run.spec.session_id)
    rows = await store._read(lambda db: db.execute("SELECT request FROM runs").fetchall())
    assert rows == []


def test_flags_of_the_settings_are_known_from_those_of_the_request():
    spec = translate.to_spec(
        {**request.body(PLAIN), "extra": ["--own"]}, Origin(), "/", Habits(extra=("--preset",))
    )
    assert (spec.extra, request.body(spec)["extra"]) == (("--preset", "--own"), ("--own",))
