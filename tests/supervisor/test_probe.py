"""The probe: real programs, real processes, and what is remembered of them."""

import asyncio
import os

import pytest

from clinvk import __version__, processes
from clinvk.backends.base import Installation
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry
from clinvk.domain.errors import BackendNotFound
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.probe import Probe
from tests.supervisor.bench import CURE, DEADLINE, TESTED, Bench, NativeBackend, SomeBackend


@pytest.fixture
async def bench(tmp_path, monkeypatch, task_factory):
    if task_factory == "eager":
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    bench = Bench(tmp_path.resolve())
    bench.path.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(bench.path), os.environ["PATH"]]))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield bench
    for probe in bench.probes:
        await probe.close()
    assert bench.descendants._families == {}


async def looked(probe, *names):
    async with asyncio.timeout(DEADLINE):
        await probe.look(*names)


async def heard_from(fifo):
    """What a program of ours has to say into `fifo`, once it says it."""
    async with asyncio.timeout(DEADLINE):
        return await asyncio.to_thread(fifo.read_text)


async def test_what_comes_with_clinvk_is_always_there(bench):
    probe = bench.probe(DemoBackend())
    await looked(probe)
    assert probe.found("demo") == Installation((), __version__)
    assert (probe.reason("demo"), probe.told()) == (None, [])


async def test_an_installed_cli_is_found_with_its_version(bench):
    program = bench.program("echo 'warning: unused' >&2; echo cli 1.5.0")
    probe = bench.probe()
    assert (probe.found("some"), probe.told()) == (None, [])
    assert probe.reason("some") == "some is still being looked for"
    await looked(probe)
    assert probe.found("some") == Installation((str(program),), "1.5.0")
    assert probe.reason("some") is None
    assert probe.told() == [f"some 1.5.0 ({program})"]
    assert bench.questions == ["--version"]


async def test_what_is_not_installed_is_told_with_the_cure_and_found_once_it_is(bench):
    probe = bench.probe()
    await looked(probe)
    assert probe.found("some") is None
    assert probe.reason("some") == f"some is not installed ({CURE})"
    assert probe.told() == [f"some: not installed ({CURE})"]
    bench.program("echo cli 1.5.0")
    await looked(probe)
    assert probe.found("some").version == "1.5.0"


async def test_what_disappears_is_missed_by_the_next_look(bench):
    program = bench.program("echo cli 1.5.0")
    probe = bench.probe()
    await looked(probe)
    program.unlink()
    assert probe.found("some")
    await looked(probe)
    assert (probe.found("some"), probe.reason("some")) == (None, f"some is not installed ({CURE})")


async def test_a_version_is_asked_for_once_and_again_after_an_upgrade_in_place(bench):
    bench.program("echo cli 1.5.0")
    probe = bench.probe()
    for _ in range(3):
        await looked(probe)
    assert bench.questions == ["--version"]
    bench.program("echo cli 1.6.0")
    for _ in range(3):
        await looked(probe)
    assert probe.found("some").version == "1.6.0"
    assert bench.questions == ["--version"] * 2


async def test_a_configured_path_is_used_and_a_wrong_one_is_told(bench, tmp_path):
    bench.program("echo cli 1.5.0")
    mine = bench.program("echo cli 1.6.0", tmp_path / "mine")
    probe = bench.probe(configured={"some": str(mine), "other": "/nowhere"})
    await looked(probe)
    assert probe.found("some") == Installation((str(mine),), "1.6.0")
    mine.unlink()
    await looked(probe)
    assert probe.found("some") is None
    assert probe.reason("some") == f"some is not usable: its configured path '{mine}' is not there"


async def test_an_npm_package_is_never_asked(bench, tmp_path):
    modules = tmp_path.resolve() / "lib" / "node_modules"
    wrapper = bench.program("exit 1", modules / "some-cli" / "cli.js")
    native = bench.program("exit 1", modules / "some-cli-here" / "native")
    (bench.path / "some-cli").symlink_to(wrapper)
    (wrapper.parent / "package.json").write_text('{"name": "some-cli", "version": "1.5.0"}')
    probe = bench.probe()
    await looked(probe)
    assert probe.found("some") == Installation((str(native),), "1.5.0")
    (wrapper.parent / "package.json").write_text('{"name": "some-cli", "version": "1.6.0"}')
    await looked(probe)
    assert probe.found("some").version == "1.6.0"
    assert bench.questions == []


@pytest.mark.parametrize(
    ("version", "tried"),
    [("1.0", True), ("1.0.0", True), ("1.99.3-rc.9", True), ("2.0", False), ("2.0.0-rc.1", False),
     ("0.99.9", False), ("10.0", False)],
)  # fmt: skip
async def test_a_version_that_nobody_has_tried_is_used_and_told(bench, version, tried):
    program = bench.program(f"echo cli {version}")
    probe = bench.probe()
    await looked(probe)
    assert probe.found("some").version == version
    doubt = f"in a version that nobody has tried; {TESTED}"
    assert probe.reason("some") == (None if tried else f"some is {doubt}")
    assert probe.told() == [f"some {version} ({program})" + ("" if tried else f": {doubt}")]


@pytest.mark.parametrize(
    "says", ["", "echo 1.5.0", "printf '\\377\\000'", "head -c 300000 /dev/zero; echo cli 1.5.0"]
)
async def test_a_program_that_tells_no_version_is_used_and_told(bench, says):
    program = bench.program(says)
    probe = bench.probe()
    await looked(probe)
    await looked(probe)
    assert probe.found("some") == Installation((str(program),), None)
    assert probe.reason("some") == f"some is not telling its version; {TESTED}"
    assert probe.told() == [f"some ({program}): not telling its version; {TESTED}"]
    assert bench.questions == ["--version"]


@pytest.mark.parametrize(
    ("says", "told"),
    [("echo cli 1.5.0; echo 'no native binary' >&2; exit 1", "no native binary"),
     ("exit 3", "exit 3"), ("kill -9 $$", "exit SIGKILL")],
)  # fmt: skip
async def test_a_program_that_fails_is_not_usable_and_tried_again(bench, says, told):
    program = bench.program(says)
    probe = bench.probe()
    await looked(probe)
    assert probe.found("some") is None
    assert probe.reason("some") == f"some is not usable: '{program} --version' fails: {told}"
    await looked(probe)
    assert bench.questions == ["--version"] * 2


async def test_a_program_that_cannot_be_started_is_not_usable(bench):
    bench.program("").write_text("no program at all")
    probe = bench.probe()
    await looked(probe)
    assert probe.found("some") is None
    assert probe.reason("some").startswith("some is not usable: The CLI could not be started: Exec format error")


async def test_a_program_that_hangs_is_used_without_a_version_and_asked_again(bench, tmp_path):
    program = bench.program(f"test -e '{tmp_path}/awake' || exec tail -f /dev/null; echo cli 1.5.0")
    probe = bench.probe(answer_secs=0.1)
    await looked(probe)
    assert probe.found("some") == Installation((str(program),), None)
    assert probe.reason("some") == f"some is not telling its version; {TESTED}"
    assert bench.descendants.look() == {}
    (tmp_path / "awake").touch()  # the machine may only have been busy
    probe._answer_secs = DEADLINE
    await looked(probe)
    assert probe.found("some").version == "1.5.0"


async def test_a_program_that_leaves_something_running_is_cleaned_up_after(bench, tmp_path):
    pids = tmp_path / "pids"
    bench.program(f"setsid tail -f /dev/null & echo $! >'{pids}'; echo cli 1.5.0")
    probe = bench.probe()
    await looked(probe)
    assert probe.found("some").version == "1.5.0"
    assert processes.read(int(pids.read_text())) is None


async def test_the_program_sees_what_its_runs_will_see_and_no_input(bench, monkeypatch, tmp_path):
    seen = tmp_path / "seen"
    monkeypatch.setenv("SOME_HOME", "known to the backend")
    monkeypatch.setenv("OTHER_SECRET", "of somebody else")
    bench.program(f"{{ env; cat; pwd; }} >'{seen}'; echo cli 1.5.0")
    probe = bench.probe(variables={"some": {"ADDED": "by the user"}})
    await looked(probe)
    lines = seen.read_text().splitlines()
    assert {"CLINVK_RUN=version-some", "TERM=dumb", "SOME_HOME=known to the backend", "ADDED=by the user"} <= {
        *lines
    }
    assert lines[-1] == "/"
    assert not [line for line in lines if line.startswith("OTHER_SECRET")]


async def test_a_path_that_is_set_for_a_backend_is_the_one_that_is_searched(bench, tmp_path):
    bench.program("echo cli 1.5.0")
    other = bench.program("echo cli 1.6.0", tmp_path.resolve() / "other" / "some-cli")
    probe = bench.probe(variables={"some": {"PATH": str(other.parent)}})
    await looked(probe)
    assert probe.found("some") == Installation((str(other),), "1.6.0")


async def test_who_stops_waiting_does_not_stop_the_look(bench, tmp_path):
    gate, asked = tmp_path / "gate", tmp_path / "waits"
    os.mkfifo(gate)
    os.mkfifo(asked)
    bench.program(f"echo now >'{asked}'; cat '{gate}'; echo cli 1.5.0")
    probe = bench.probe()
    impatient = asyncio.create_task(probe.look())
    await heard_from(asked)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert probe.found("some") is None
    patient = asyncio.create_task(probe.look("some"))
    await asyncio.sleep(0)  # it joins the look that is under way
    await asyncio.to_thread(gate.write_text, "go\n")
    async with asyncio.timeout(DEADLINE):
        await patient
    assert probe.found("some").version == "1.5.0"
    assert bench.questions == ["--version"]


async def test_looks_at_several_go_on_at_once(bench, tmp_path):
    backends = [SomeBackend("one"), SomeBackend("two")]
    fifos = [tmp_path / "to-one", tmp_path / "to-two"]
    for fifo in fifos:
        os.mkfifo(fifo)
    # Each needs the other: one after the other they would wait for ever.
    bench.program(f"echo x >'{fifos[1]}'; cat '{fifos[0]}'; echo cli 1.1", bench.path / "one-cli")
    bench.program(f"cat '{fifos[1]}'; echo x >'{fifos[0]}'; echo cli 1.2", bench.path / "two-cli")
    probe = bench.probe(*backends)
    await looked(probe)
    assert [probe.found(name).version for name in ("one", "two")] == ["1.1", "1.2"]


async def test_only_the_named_are_looked_for(bench):
    probe = bench.probe(SomeBackend("one"), SomeBackend("two"))
    await looked(probe, "two")
    assert probe.told() == [f"two: not installed ({CURE})"]


async def test_closing_ends_what_is_being_asked_and_all_that_it_started_and_every_later_look(bench, tmp_path):
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    bench.program(f"setsid tail -f /dev/null & echo $$ $! >'{pids}'; wait")
    probe = bench.probe()
    look = asyncio.create_task(probe.look())
    told = await heard_from(pids)
    async with asyncio.timeout(DEADLINE):
        await probe.close()
        await look
    assert [pid for pid in map(int, told.split()) if processes.read(pid)] == []
    assert probe.found("some") is None
    await looked(probe)
    assert len(bench.questions) == 1


async def test_a_disk_that_does_not_answer_holds_nobody_but_the_look(bench, tmp_path):
    package = tmp_path.resolve() / "node_modules" / "some-cli"
    bench.program("exit 1", package / "native")
    os.mkfifo(package / "package.json")  # who reads it waits until somebody writes
    (bench.path / "some-cli").symlink_to(package / "native")
    probe = bench.probe(NativeBackend())
    look = asyncio.create_task(probe.look())
    for _ in range(10):  # were it on the loop, we would not come back from here
        await asyncio.sleep(0)
    await asyncio.to_thread((package / "package.json").write_text, '{"version": "1.5.0"}')
    async with asyncio.timeout(DEADLINE):
        await look
    assert probe.found("some").version == "1.5.0"


def test_a_backend_that_there_is_not_is_said_to_be_none():
    probe = Probe(Registry([DemoBackend()]), {}, Descendants())
    for ask in (probe.found, probe.reason):
        with pytest.raises(BackendNotFound):
            ask("some")
