"""What each CLI keeps of a conversation is deleted with it, wherever the CLI lives, and nothing else is."""

import pytest

from clinvk.backends.base import Installation
from clinvk.backends.registry import default_registry
from clinvk.supervisor import residue, stamps

REGISTRY = default_registry()
UUID = "0275709f-d70f-4a05-b03b-a0495b28b953"
OTHER = "11111111-d70f-4a05-b03b-a0495b28b953"
NEIGHBOUR = "0275709f-0000-4a05-b03b-a0495b28b953"
IDS = {"demo": ("demo-0275709fd70f4a05", "demo-11111111d70f4a05", "demo-0275709fd70f4a06")}

HOMES = {
    "claude": ("CLAUDE_CONFIG_DIR", ".claude", ""),
    "codex": ("CODEX_HOME", ".codex", ""),
    "gemini": ("GEMINI_CLI_HOME", "", ".gemini/"),
    "demo": ("HOME", "", ".clinvk-demo/"),
}
"""The variable that says where its folder is, where that is below HOME without it, and what follows either."""

FILES = {
    "claude": [
        "projects/-home-dev-project/{id}.jsonl",
        "projects/-home-dev-project/{id}/subagents/agent-a1b2.meta.json",
        "projects/-home-dev-project/{id}/tool-results/b1.txt",
        "session-env/{id}/hook-0.sh",
        "file-history/{id}/0a1b@v1",
        "tasks/{id}/1.json",
        "debug/{id}.txt",
    ],
    "codex": [
        "sessions/2026/11/21/rollout-2026-11-21T07-22-05-{id}.jsonl",
        "archived_sessions/rollout-2026-11-21T07-22-05-{id}.jsonl",
        "thread-writer-locks/{id}.lock",
        "shell_snapshots/{id}.tmp-1795364447177358910",
    ],
    "gemini": [
        "tmp/project/chats/session-2026-11-21T07-22-{id:.8}.jsonl",
        "tmp/project/chats/session-2026-11-21T07-22-_{id:.7}.jsonl",
        "tmp/project/chats/{id}/0a1b2c3d.jsonl",
        "tmp/project/logs/session-{id}.jsonl",
        "tmp/project/tool-outputs/session-_{id}/run_shell_command_1.txt",
        "tmp/project/{id}/plans/plan.md",
    ],
    "demo": ["{id}.json", "{id}.json.4711"],
}
SHARED = {
    "claude": ["projects/-home-dev-project/memory/MEMORY.md", "history.jsonl", "settings.json", ".claude.json"],
    "codex": ["state_5.sqlite", "history.jsonl", "config.toml"],
    "gemini": ["tmp/project/.project_root", "tmp/project/logs.json", "settings.json"],
    "demo": [],
}

every_backend = pytest.mark.parametrize("name", HOMES)
every_file = pytest.mark.parametrize(("name", "path"), [(name, path) for name in FILES for path in FILES[name]])


def ids(name):
    """The conversation, another, and one whose id begins as that of the first."""
    return IDS.get(name, (UUID, OTHER, NEIGHBOUR))


def write(folder, path, conversation):
    file = folder / path.format(id=conversation)
    file.parent.mkdir(parents=True, exist_ok=True)
    blank = " " * ("-_" in path)  # as clinvk has gemini load it
    file.write_text(f'{{"sessionId":"{blank}{conversation}"}}\n')
    return file


def home(name, tmp_path, moved):
    """The CLI's folder, and what of the environment says so."""
    variable, usual, inside = HOMES[name]
    outer = tmp_path / "moved" if moved else tmp_path / usual
    return outer / inside, {"HOME": str(tmp_path)} | ({variable: str(outer)} if moved else {})


@pytest.mark.parametrize("moved", [False, True])
@every_file
def test_what_a_conversation_leaves_is_deleted_with_its_folders(tmp_path, name, path, moved):
    folder, variables = home(name, tmp_path, moved)
    mine, *_ = ids(name)
    file = write(folder, path, mine)
    assert residue.remove(REGISTRY.get(name).stored(mine), variables) == residue.Removed(1)
    assert not file.exists()
    assert not list(tmp_path.rglob(f"*{mine}*"))


@every_backend
def test_other_conversations_and_what_is_shared_stay(tmp_path, name):
    folder, variables = home(name, tmp_path, moved=False)
    mine, *others = ids(name)
    kept = [write(folder, path, other) for path in FILES[name] for other in others]
    kept += [write(folder, path, mine) for path in SHARED[name]]
    assert residue.remove(REGISTRY.get(name).stored(mine), variables) == residue.Removed()
    assert all(file.exists() for file in kept)


def test_the_empty_conversations_that_gemini_begins_go_too(tmp_path):
    folder, variables = home("gemini", tmp_path, moved=False)
    empty = write(folder, "tmp/project/chats/session-2026-11-21T07-22-{id:.8}.jsonl", "clinvk-0a1b2c")
    users = write(folder, "tmp/project/chats/session-2026-11-21T07-22-{id:.7}x.jsonl", "clinvk-0a1b2c")
    users.write_text('{"sessionId":"another"}')
    assert residue.remove(REGISTRY.get("gemini").stored(UUID), variables) == residue.Removed(1)
    assert [empty.exists(), users.exists()] == [False, True]


@every_backend
def test_a_conversation_is_told_by_its_own_files_and_by_no_others(tmp_path, name):
    """Those of gemini's empty conversations come and go with the children of others, even its own shadow."""
    folder, variables = home(name, tmp_path, moved=False)
    mine, another, _ = ids(name)
    said = write(folder, FILES[name][0], mine)
    for path in FILES[name]:
        for other in (another, "clinvk-0a1b2c"):
            write(folder, path, other)
    if name == "gemini":
        write(folder, "tmp/project/chats/session-2026-11-21T07-23-_{id:.7}.jsonl", mine)
    stored = REGISTRY.get(name).stored(mine)
    assert stamps.of_conversation(mine, stored, variables) == {str(said): stamps.stamp(str(said))}


@every_backend
@pytest.mark.parametrize(
    "wrong", ["", ".", "*", "../x", "0275709f", "demo-*", "demo-0275709FD70F4A05", UUID.upper()]
)
def test_what_is_no_id_names_nothing(name, wrong):
    backend = REGISTRY.get(name)
    assert (backend.stored(wrong), backend.residue(wrong)) == ((), ())
    assert backend.deletion(wrong, Installation(("/opt/cli",))) is None


@every_backend
def test_what_is_left_of_a_conversation_that_was_not_to_be_kept_is_among_what_is_kept_of_others(name):
    backend = REGISTRY.get(name)
    mine, *_ = ids(name)
    assert set(backend.residue(mine)) <= set(backend.stored(mine))


def test_what_codex_noted_of_the_shell_goes_also_where_nothing_is_kept(tmp_path):
    folder, variables = home("codex", tmp_path, moved=False)
    mine, other, _ = ids("codex")
    noted, others = (write(folder, "shell_snapshots/{id}.1795364447177358910.sh", each) for each in (mine, other))
    assert residue.remove(REGISTRY.get("codex").residue(mine), variables) == residue.Removed(1)
    assert [noted.exists(), others.exists()] == [False, True]


@pytest.mark.parametrize("name", ["claude", "gemini", "demo"])
def test_only_codex_has_more_than_files_of_a_conversation(name):
    assert REGISTRY.get(name).deletion(ids(name)[0], Installation(("/opt/cli",))) is None
