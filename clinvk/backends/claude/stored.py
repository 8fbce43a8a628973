"""What claude keeps of a conversation."""

from typing import Final

from clinvk.backends.base import Place, Residue, is_uuid

HOME: Final = (Place("CLAUDE_CONFIG_DIR"), Place("HOME", ".claude"))


def stored(session_id: str) -> tuple[Residue, ...]:
    """The transcript, and what is named after it. `projects` is by working directory, which may be gone."""
    if not is_uuid(session_id):
        return ()
    return (
        Residue(f"projects/*/{session_id}.jsonl", session_id, HOME),
        Residue(f"projects/*/{session_id}/", places=HOME),  # sub-agents, and what tools said at length
        Residue(f"session-env/{session_id}/", places=HOME),
        Residue(f"file-history/{session_id}/", places=HOME),
        Residue(f"tasks/{session_id}/", places=HOME),
        Residue(f"debug/{session_id}.txt", places=HOME),
    )
