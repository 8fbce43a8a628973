"""What codex keeps of a conversation, and its own way to delete it."""

from typing import Final

from clinvk.backends.base import Command, Installation, Place, Residue, is_uuid

HOME: Final = (Place("CODEX_HOME"), Place("HOME", ".codex"))


def snapshot(session_id: str) -> tuple[Residue, ...]:
    """What codex notes of the user's shell, before it runs a command in it; it stays if codex ends meanwhile."""
    return (Residue(f"shell_snapshots/{session_id}.*", places=HOME),) if is_uuid(session_id) else ()


def stored(session_id: str) -> tuple[Residue, ...]:
    """The files; the same is in databases that all conversations share. A user may have archived it."""
    if not is_uuid(session_id):
        return ()
    name = f"rollout-*-{session_id}.jsonl"
    folders = ("sessions/*/*/*", "archived_sessions")
    said = (Residue(f"{folder}/{name}", session_id, HOME) for folder in folders)
    lock = Residue(f"thread-writer-locks/{session_id}.lock", places=HOME)  # codex, killed as it wrote, leaves it
    return (*said, lock, *snapshot(session_id))


def deletion(session_id: str, installation: Installation) -> Command | None:
    """Deletes the file, and what two databases hold. With plugins it would leave the beginnings of a fetch."""
    if not is_uuid(session_id):
        return None
    return Command((*installation.argv, "delete", "--force", "--disable=plugins", session_id), "/")
