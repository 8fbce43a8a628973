"""/api/v1/sessions: the conversations that are kept."""

from clinvk.api.bookkeeping import who
from clinvk.api.handler import Handler
from clinvk.domain.paging import DEFAULT_PAGE, SessionQuery
from clinvk.domain.session import SessionStatus


async def list_sessions(call: Handler) -> None:
    """Sessions, the last used first."""
    status = call.query.get("status")
    query = SessionQuery(
        backend=call.query.get("backend"),
        status=SessionStatus(status) if status else None,
        limit=call.query.get("limit", DEFAULT_PAGE),
        offset=call.query.get("offset", 0),
        cursor=call.query.get("cursor"),
    )
    call.reply(await call.services.monitor.sessions(query))


async def get_session(call: Handler) -> None:
    """One session, by its id or the beginning of it."""
    call.reply(await call.services.monitor.session(call.path["id"]))


async def delete_session(call: Handler) -> None:
    """Forget a session, its runs, and what the CLI keeps of it."""
    left = await call.services.books.delete_session(call.path["id"], who(call.origin))
    call.reply({"deleted": True, "id": call.path["id"]} | ({"notices": left} if left else {}))
