"""How the demo child is started and understood."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clinvk.backends.base import Installation, Site, Step
from clinvk.backends.demo.backend import DemoBackend
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec

SPEC = RunSpec("demo", "a secret prompt", "/home/dev/project", model="m", system_prompt="s")

SITE = Site(Installation(()), "/home/dev/tmp")


@pytest.fixture
def backend():
    return DemoBackend()


def test_the_child_is_this_python_on_the_program_in_the_workdir(backend):
    command = backend.command(SPEC, SITE)
    assert command.argv[:3] == (sys.executable, "-I", "-S")
    assert (Path(command.argv[3]) / "__main__.py").is_file()
    assert (command.cwd, command.env) == ("/home/dev/project", {})


def test_each_child_has_a_dialogue_of_its_own(backend):
    assert backend.dialogue(SPEC) is not backend.dialogue(SPEC)


def test_only_the_workdir_is_fixed_when_a_child_starts(backend):
    assert backend.key(SPEC) == backend.key(RunSpec("demo", "another", SPEC.workdir))
    assert backend.key(SPEC) != backend.key(RunSpec("demo", "another", "/elsewhere"))


def test_it_is_asked_to_stop_before_it_is_made_to(backend):
    assert [rung.step for rung in backend.traits.stop] == [Step.INTERRUPT, Step.CLOSE_STDIN, Step.SIGTERM]
    assert [rung.step for rung in backend.traits.retire] == [Step.CLOSE_STDIN, Step.SIGTERM]


def test_a_crash_is_explained_with_its_last_words(backend):
    said = "The demo backend crashed in the middle of a turn; send the prompt again"
    error = backend.explain(Exit(70, None, "first\nlast words\n"))
    assert error == RunError(ErrorCode.BACKEND_EXITED, f"{said}: last words")
    assert backend.explain(Exit(70)) == RunError(ErrorCode.BACKEND_EXITED, said)


@pytest.mark.parametrize("exit_", [Exit(0), Exit(1, None, "words"), Exit(None, "SIGKILL")])
def test_other_exits_are_nothing_special(backend, exit_):
    assert backend.explain(exit_) is None


def test_it_comes_with_clinvk_keeps_nothing_and_takes_no_flags(backend):
    assert backend.executable is None
    assert backend.residue("demo-1") == ()
    assert backend.faults(SPEC) == []
    assert [fault.path for fault in backend.faults(replace(SPEC, extra=("--fast", "--loose")))] == [
        "/extra/0",
        "/extra/1",
    ]
