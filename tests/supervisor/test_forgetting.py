"""A CLI's own copy of a conversation is deleted: by the CLI where it can, and what is left by us."""

import os

import pytest

from clinvk.backends.base import Command, Place, Residue
from clinvk.supervisor.forgetting import Forgetting
from clinvk.supervisor.residue import Removed
from tests.supervisor.bench import DEADLINE, Bench, SomeBackend

ID = "53a20f8f-727b-47f3-b345-32fcc49e0852"
FAILED = "some could not delete all that it holds of the conversation"


class Keeper(SomeBackend):
    """One whose CLI has files of a conversation, and a way to delete more."""

    def stored(self, session_id):
        return (Residue(f"{session_id}*", session_id, (Place("SOME_HOME"), Place("HOME", ".some"))),)

    def deletion(self, session_id, installation):
        return Command((*installation.argv, "delete", session_id), "/")


class Plain(Keeper):
    """One whose CLI has files, and that is all."""

    def deletion(self, session_id, installation):
        return None


@pytest.fixture
async def bench(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{bench.path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("SOME_HOME", raising=False)
    yield bench
    for probe in bench.probes:
        await probe.close()


@pytest.fixture
def file(tmp_path):
    """The one file of the conversation."""
    file = tmp_path / "home" / ".some" / ID
    file.parent.mkdir(parents=True)
    file.write_text(ID)
    return file


async def forget(bench, backend=None, variables=None, secs=DEADLINE):
    backend = backend or Keeper()
    probe = bench.probe(backend)
    await probe.look()
    return await Forgetting(probe, bench.descendants, secs).forget(backend, ID, variables or {})


async def test_the_cli_deletes_it_and_is_told_by_its_id(bench, file):
    bench.program(f"[ $1 = delete ] && rm '{file}'; echo 'cli 1.0'")
    assert await forget(bench) == Removed()
    assert bench.questions == ["--version", f"delete {ID}"]
    assert not file.exists()


async def test_what_the_cli_leaves_is_deleted_after_it(bench, file):
    bench.program("echo 'cli 1.0'")
    assert await forget(bench) == Removed(1)
    assert not file.exists()


async def test_a_cli_without_a_way_of_its_own_is_not_started(bench, file):
    bench.program("echo 'cli 1.0'")
    assert await forget(bench, Plain()) == Removed(1)
    assert bench.questions == ["--version"]


async def test_a_cli_that_fails_is_told_and_the_files_are_deleted_all_the_same(bench, file):
    bench.program("[ $1 != delete ] || { echo 'a' >&2; echo 'no such table' >&2; exit 1; }; echo 'cli 1.0'")
    assert await forget(bench) == Removed(1, (f"{FAILED}: no such table",))
    assert not file.exists()


async def test_a_cli_that_fails_as_it_knows_no_such_conversation_is_no_fault(bench):
    bench.program("[ $1 != delete ] || exit 1; echo 'cli 1.0'")
    assert await forget(bench) == Removed()


async def test_a_cli_that_does_not_end_is_ended_and_told(bench, file):
    bench.program("[ $1 != delete ] || exec sleep 86400; echo 'cli 1.0'")
    assert await forget(bench, secs=0.2) == Removed(1, (f"{FAILED}: it took more than 0.2 s",))


async def test_a_cli_that_cannot_be_started_is_told(bench, file):
    backend = Keeper()
    program = bench.program("echo 'cli 1.0'")
    probe = bench.probe(backend)
    await probe.look()
    program.unlink()
    removed = await Forgetting(probe, bench.descendants).forget(backend, ID, {})
    assert removed.files == 1
    assert removed.left[0].startswith(f"{FAILED}: The CLI could not be started: No such file")


async def test_a_cli_that_is_not_installed_is_told_and_its_files_are_deleted(bench, file):
    assert await forget(bench) == Removed(1, (f"{FAILED}: it is not installed",))


async def test_files_are_looked_for_where_the_cli_is_told_to_keep_them(bench, file, tmp_path):
    bench.program("[ $1 != delete ] || echo $SOME_HOME >&2; echo 'cli 1.0'")
    moved = tmp_path / "moved" / ID
    moved.parent.mkdir()
    moved.write_text(ID)
    assert await forget(bench, variables={"SOME_HOME": str(moved.parent)}) == Removed(1)
    assert [file.exists(), moved.exists()] == [True, False]
