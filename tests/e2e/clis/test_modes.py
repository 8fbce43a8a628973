"""Each approval mode with each sandbox mode, for reading, writing and commands: as the docs say it."""

import json
import re
from itertools import product
from pathlib import Path

import pytest

from clinvk.domain.spec import ApprovalMode, SandboxMode
from tests import clis, ndjson

ROOT = Path(__file__).parents[3]
COLUMNS = ("read in", "read out", "write in", "write out", "echo", "touch")
HEADER = f"| approval | sandbox | {' | '.join(COLUMNS)} |"


def table(backend):
    """The first such table of docs/backends/<backend>.md: what is done, by approval and sandbox mode."""
    page = (ROOT / "docs" / "backends" / f"{backend}.md").read_text()
    rows = page.partition(HEADER)[2].strip().partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {
        pair: dict(zip(COLUMNS, done, strict=True))
        for approvals, sandboxes, *done in cells
        for pair in product(named(approvals, ApprovalMode), named(sandboxes, SandboxMode))
    }


def named(cell, modes):
    """The modes that a cell names; `any` are all."""
    return list(modes) if cell == "any" else [modes(name) for name in re.findall(r"`([a-z-]+)`", cell)]


CELLS = [(backend, modes) for backend in clis.NAMES for modes in table(backend)]


@pytest.mark.parametrize("backend", clis.NAMES)
def test_the_docs_tell_every_pair_of_modes(backend):
    assert set(table(backend)) == set(product(ApprovalMode, SandboxMode))


def act(world, folders, backend, modes):
    """What is done of all there is to do, one after the other in one run."""
    workdir, outside = folders
    (outside / "other.txt").write_text("read this")
    steps = (
        f"tool=read path={workdir}/README.md",
        f"tool=read path={outside}/other.txt",
        f"tool=write path={workdir}/made.txt",
        f"tool=write path={outside}/made.txt",
        "tool=shell cmd=echo%20%61-harmless-word",
        "tool=shell cmd=touch%20ran.txt",
    )
    approval, sandbox = modes
    asked = f"{workdir.name}:"
    prompt = f"{asked} " + " ".join(f"[[{step}]]" for step in steps)
    stream = world.stream(backend, prompt, workdir=str(workdir), approval_mode=approval, sandbox_mode=sandbox)
    events = list(ndjson.events(stream))
    assert events[-1]["state"] == "completed", events[-1]
    heard = world.body(world.requests(asked)[-1])  # not every CLI tells us what its tools said
    done = (
        "read me" in heard,
        "read this" in heard,
        (workdir / "made.txt").exists(),
        (outside / "made.txt").exists(),
        re.search("(?<!echo )a-harmless-word", heard) is not None,
        (workdir / "ran.txt").exists(),
    )
    return dict(zip(COLUMNS, ["yes" if did else "no" for did in done], strict=True))


def name_of(value):
    return value if isinstance(value, str) else "-".join(value)


@pytest.fixture
def folders(workdir, tmp_path_factory):
    """The workdir, and one that is none of its business."""
    return workdir, tmp_path_factory.mktemp("outside")


@pytest.mark.parametrize(("backend", "modes"), CELLS, ids=name_of)
def test_what_is_done_is_what_the_docs_say(world, folders, backend, modes):
    assert act(world, folders, backend, modes) == table(backend)[modes]


@pytest.mark.parametrize("approval", ["none", "default"])
def test_the_users_own_settings_do_not_loosen_read_only(serve, folders, backend, approval):
    done = act(serve(loose=True), folders, backend, (approval, "read-only"))
    assert (done["write in"], done["write out"], done["touch"]) == ("no", "no", "no")


@pytest.mark.parametrize("approval", ["none", "default"])
def test_nor_workspace(serve, folders, backend, approval):
    done = act(serve(loose=True), folders, backend, (approval, "workspace"))
    confined = table(backend)[ApprovalMode.NONE, SandboxMode.WORKSPACE]
    assert (done["write out"], done["touch"]) == ("no", confined["touch"])


def test_nor_always(serve, folders, backend):
    done = act(serve(loose=True), folders, backend, ("always", "full"))
    assert set(done.values()) == {"no"}


def test_though_what_is_not_forbidden_follows_them(serve, folders, backend):
    """Or they were not read at all, and the tests above say nothing."""
    assert act(serve(loose=True), folders, backend, ("default", "default"))["touch"] == "yes"


@pytest.mark.parametrize("modes", [("none", "workspace"), ("auto", "default")], ids=name_of)
def test_a_link_out_of_the_workdir_is_no_way_out(serve, folders, backend, modes):
    """However wide the user's own settings are, where the modes are to confine edits."""
    workdir, outside = folders
    (workdir / "link").symlink_to(outside)
    world = serve(loose=modes == ("none", "workspace"))
    approval, sandbox = modes
    prompt = f"[[tool=write path={workdir}/link/made.txt]] [[tool=write path={workdir}/made.txt]]"
    fields = {"workdir": str(workdir), "approval_mode": approval, "sandbox_mode": sandbox}
    world.ask(backend, f"{workdir.name}: {prompt}", **fields)
    assert not (outside / "made.txt").exists()
    assert (workdir / "made.txt").exists()


def test_a_workdir_that_is_a_link_can_be_worked_in(world, folders, backend):
    workdir, elsewhere = folders
    link = elsewhere / "link"
    link.symlink_to(workdir)
    prompt = f"{workdir.name}: [[tool=write path={link}/made.txt]]"
    world.ask(backend, prompt, workdir=str(link), approval_mode="auto", sandbox_mode="workspace")
    assert (workdir / "made.txt").exists()


@pytest.mark.parametrize("modes", [("always", "read-only"), ("none", "workspace")], ids=name_of)
def test_what_a_repository_brings_along_runs_nothing(serve, workdir, backend, modes):
    world = serve(loose=True)
    planted = plant(workdir)
    config = (world.home / ".codex" / "config.toml").read_bytes()
    approval, sandbox = modes
    answer = world.ask(backend, "hello", workdir=str(workdir), approval_mode=approval, sandbox_mode=sandbox)
    assert answer["exit_code"] == 0
    world.nothing_left()
    assert [path.name for path in planted if path.exists()] == []
    assert (world.home / ".codex" / "config.toml").read_bytes() == config, "nor is it trusted for good"


def plant(workdir):
    """Hooks, helpers and servers in a folder; the files that they would make."""
    made = {name: workdir / f"{name}-ran" for name in ("hook", "helper", "claude-server", "codex-server")}
    (workdir / ".claude").mkdir()
    hook = {"hooks": [{"type": "command", "command": f"touch {made['hook']}"}]}
    helper = f"touch {made['helper']}; echo sk-test-dummy"
    settings = {"hooks": {"SessionStart": [hook]}, "apiKeyHelper": helper}
    (workdir / ".claude" / "settings.json").write_text(json.dumps(settings))
    server = {"command": "touch", "args": [str(made["claude-server"])]}
    (workdir / ".mcp.json").write_text(json.dumps({"mcpServers": {"server": server}}))
    (workdir / ".codex").mkdir()
    table = f'[mcp_servers.server]\ncommand = "touch"\nargs = ["{made["codex-server"]}"]\n'
    (workdir / ".codex" / "config.toml").write_text(table)
    return list(made.values())
