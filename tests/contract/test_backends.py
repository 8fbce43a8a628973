"""What holds of every backend, over everything its CLI was ever recorded to write.

A backend joins by its recordings, which scripts/record-transcripts makes: `<case>.json` says what was asked,
when it was interrupted, and how the child ended; `.stdout` and `.stdin` are the bytes that went either way.
They are given whole, in every chunking, cut off anywhere, and with nonsense in between.
"""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinvk.backends.base import Installation, Site
from clinvk.domain.events import Notice
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec
from clinvk.domain.wire import to_wire
from tests.contract.invariants import check
from tests.contract.transcript import ALL, REGISTRY, TURN, WORKDIR, split

SITE = Site(Installation(("/opt/cli",), "1.0.0"), "/home/dev/tmp")
EXAMPLES = settings(max_examples=10)

every_transcript = pytest.mark.parametrize("transcript", ALL, ids=str)
every_backend = pytest.mark.parametrize("backend", [REGISTRY.get(name) for name in REGISTRY.names()])


@every_backend
def test_every_backend_has_recordings(backend):
    assert backend.name in {transcript.backend.name for transcript in ALL}


@every_transcript
def test_a_recording_keeps_the_invariants(transcript):
    check(transcript.whole)


@every_transcript
def test_what_was_written_to_the_cli_is_written_again(transcript):
    """Line by line, so that each of our lines has the recorded cause."""
    said, written = transcript.replay(split(transcript.stdout))
    assert written == transcript.stdin
    assert said == transcript.whole


@EXAMPLES
@given(data=st.data())
@every_transcript
def test_any_chunking_says_the_same(transcript, data):
    places = st.integers(0, len(transcript.stdout))
    cuts = sorted({0, *data.draw(st.lists(places, max_size=30)), len(transcript.stdout)})
    assert transcript.replay([transcript.stdout[a:b] for a, b in pairwise(cuts)])[0] == transcript.whole


@every_transcript
def test_byte_by_byte_says_the_same(transcript):
    start = transcript.stdout[:8192]
    chunks = [start[at : at + 1] for at in range(len(start))]
    assert transcript.replay([*chunks, transcript.stdout[8192:]])[0] == transcript.whole


@every_transcript
def test_a_last_line_without_its_end_is_heard_at_the_exit(transcript):
    assert transcript.replay([transcript.stdout.removesuffix(b"\n")])[0] == transcript.whole


@every_transcript
def test_a_turn_that_has_ended_stays_ended(transcript):
    check(transcript.replay([transcript.stdout, transcript.stdout])[0])


@EXAMPLES
@given(data=st.data())
@every_transcript
def test_cut_off_anywhere_it_says_the_beginning_and_keeps_the_invariants(transcript, data):
    end = data.draw(st.integers(0, len(transcript.stdout)))
    said, _ = transcript.replay([transcript.stdout[:end]])
    check(said)
    # The last words may differ: half a line, and blocks closed because the child is gone.
    lines = transcript.stdout.count(b"\n", 0, end)
    whole_lines = b"".join(line + b"\n" for line in transcript.stdout.split(b"\n")[:lines])
    _, heard, _ = transcript.converse([whole_lines])
    assert said[: len(heard)] == heard == transcript.whole[: len(heard)]


@EXAMPLES
@given(data=st.data(), line=st.sampled_from([b"no message", b'{"half": ', b"[1, 2]", b"\xff\xfe", b"{}"]))
@every_transcript
def test_a_line_nobody_knows_is_a_notice_and_changes_nothing_else(transcript, data, line):
    lines = transcript.stdout.split(b"\n")
    at = data.draw(st.integers(transcript.told["interrupted_after"] or 0, len(lines) - 1))
    said, _ = transcript.replay([b"\n".join([*lines[:at], line, *lines[at:]])])
    check(said)
    understood, notices = by_understanding(said)
    before, notices_before = by_understanding(transcript.whole)
    assert (understood, len(notices)) == (before, len(notices_before) + 1)


def by_understanding(said):
    """What was understood, and the notices."""
    notices = [one for one in said if isinstance(one.output, Notice)]
    return [one for one in said if not isinstance(one.output, Notice)], notices


@EXAMPLES
@given(data=st.data(), noise=st.binary(max_size=20))
@every_transcript
def test_no_damage_to_the_bytes_can_make_it_raise(transcript, data, noise):
    at = data.draw(st.integers(0, len(transcript.stdout)))
    until = data.draw(st.integers(at, min(at + 20, len(transcript.stdout))))
    check(transcript.replay([transcript.stdout[:at] + noise + transcript.stdout[until:]])[0])


@every_backend
def test_a_prompt_is_no_part_of_the_command(backend):
    spec = RunSpec(backend.name, "a prompt nobody shall see", WORKDIR)
    command = backend.command(spec, SITE)
    everything = [*command.argv, *command.env.values(), *command.files.values()]
    assert "a prompt nobody shall see" not in " ".join(everything)
    assert command.cwd == WORKDIR


@every_backend
def test_a_backend_keeps_no_state(backend):
    spec, another = RunSpec(backend.name, "hello", WORKDIR), RunSpec(backend.name, "again", WORKDIR)
    before = backend.command(spec, SITE), backend.key(spec)
    backend.dialogue(another).begin(TURN, another)
    assert (backend.command(spec, SITE), backend.key(spec)) == before
    assert hash(backend.key(spec)) == hash(backend.key(another))


@every_backend
def test_every_ladder_has_steps_and_gives_each_some_time(backend):
    for ladder in (backend.traits.stop, backend.traits.retire):
        assert ladder
        assert all(0 < rung.grace <= 30 for rung in ladder)


@every_backend
@pytest.mark.parametrize(
    "exit_",
    [Exit(0), Exit(1, None, "words\n"), Exit(None, "SIGKILL"), Exit(70), Exit(255, None, "\ufffd" * 9)],
    ids=str,
)
def test_an_explanation_is_a_sentence_or_nothing(backend, exit_):
    error = backend.explain(exit_)
    assert error is None or (error.message[:1].isupper() and orjson.dumps(to_wire(error)))


@every_backend
def test_a_full_dialogue_takes_no_more_turns(backend):
    spec = RunSpec(backend.name, "hello", WORKDIR)
    dialogue = backend.dialogue(spec)
    dialogue.open()
    for number in range(dialogue.capacity):
        assert dialogue.fit(spec)
        dialogue.begin(f"turn {number}", spec)
    assert dialogue.fit(spec) is None
    dialogue.exited(Exit(0))
    assert dialogue.fit(spec) is None
