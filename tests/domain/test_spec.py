"""What is asked for is plain data."""

import copy
import dataclasses
import json

import pytest

from clinvk.domain.spec import ApprovalMode, Dialect, Origin, RunSpec, SandboxMode


def test_a_spec_needs_a_backend_a_prompt_and_a_workdir():
    spec = RunSpec("demo", "hello", "/project")
    assert (spec.approval_mode, spec.sandbox_mode) == (ApprovalMode.DEFAULT, SandboxMode.DEFAULT)
    assert (spec.resume, spec.ephemeral, spec.extra, spec.metadata) == (None, True, (), {})
    assert spec.origin == Origin(Dialect.NATIVE)


def test_specs_share_no_metadata():
    assert RunSpec("demo", "a", "/").metadata is not RunSpec("demo", "b", "/").metadata


def test_a_spec_never_changes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunSpec("demo", "hello", "/project").prompt = "other"


def test_an_abridged_spec_has_the_beginning_of_its_texts_and_all_else():
    spec = RunSpec("demo", "p" * 401, "/project", model="m", system_prompt="s" * 401)
    abridged = dataclasses.replace(spec, prompt="p" * 400, system_prompt="s" * 400)
    assert spec.abridged() == abridged
    assert abridged.abridged() == abridged
    assert RunSpec("demo", "short", "/").abridged() == RunSpec("demo", "short", "/")


def test_a_spec_could_be_sent_elsewhere():
    spec = RunSpec(
        "demo", "hello", "/project", extra=("--a",), metadata={"k": "v"}, origin=Origin(group_id="grp_1")
    )
    assert json.loads(json.dumps(dataclasses.asdict(spec)))["origin"]["group_id"] == "grp_1"
    assert copy.deepcopy(spec) == spec


def test_a_run_may_write_unless_a_mode_forbids_it_to_every_cli():
    harmless = {
        (approval, sandbox)
        for approval in ApprovalMode
        for sandbox in SandboxMode
        if not RunSpec("demo", "hello", "/", approval_mode=approval, sandbox_mode=sandbox).may_write
    }
    assert harmless == {(approval, "read-only") for approval in ApprovalMode} | {
        ("always", sandbox) for sandbox in SandboxMode
    }
