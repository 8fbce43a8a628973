"""What gemini keeps of a conversation."""

from clinvk.backends.base import Residue, is_uuid
from clinvk.backends.gemini.command import OWN_CONVERSATION, STORE


def stored(session_id: str) -> tuple[Residue, ...]:
    """The conversation, the shadow of it that a resume makes, and the empty one that a start makes."""
    if not is_uuid(session_id):
        return ()
    return (
        # Named by no more than the beginning of the id.
        Residue(f"*/chats/session-*-{session_id[:8]}.jsonl", session_id, STORE),
        Residue(f"*/chats/session-*-_{session_id[:7]}.jsonl", f'"sessionId":" {session_id}"', STORE),
        Residue(f"*/chats/session-*-{OWN_CONVERSATION}?.jsonl", f'"sessionId":"{OWN_CONVERSATION}', STORE),
        *_kept_for(session_id),
        *_kept_for(f"_{session_id}"),
    )


def _kept_for(session: str) -> tuple[Residue, ...]:
    """What is kept beside a conversation in folders and files that are named after it."""
    return (
        Residue(f"*/chats/{session}/", places=STORE),
        Residue(f"*/logs/session-{session}.jsonl", places=STORE),
        Residue(f"*/tool-outputs/session-{session}/", places=STORE),
        Residue(f"*/{session}/", places=STORE),
    )
