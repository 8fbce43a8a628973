"""GET /anthropic/v1/models, and one of them: the names that can be asked for."""

from collections.abc import Sequence
from typing import Any, Final

from clinvk.api import problems
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem

_PAGE: Final = 20
"""How many are told where the client does not say."""
_CREATED: Final = "2024-01-01T00:00:00Z"  # clients want a day, and nobody knows it


async def list_models(call: Handler) -> None:
    """A page of them."""
    names = call.services.models.listed(call.services.supervisor.registry.names())
    call.reply(page(names, call.query))


async def get_model(call: Handler) -> None:
    """Any name that is known, be it listed or not: a rule may be for many."""
    name = call.path["model"]
    if not call.services.models.knows(name, call.services.supervisor.registry.names()):
        raise Problem(
            Kind.MODEL_NOT_FOUND,
            f"No model is called '{name}' here: GET /anthropic/v1/models lists what can be asked for",
        )
    call.reply(_told(name))


def page(names: Sequence[str], query: dict[str, Any]) -> dict[str, Any]:
    """Those after `after_id` and before `before_id`, `limit` at most: the nearest to where it was asked from.

    Raises Problem where one of them is no name that is listed.
    """
    start = _place(names, query, "after_id") + 1 if "after_id" in query else 0
    end = _place(names, query, "before_id") if "before_id" in query else len(names)
    found, limit = names[start:end], query.get("limit", _PAGE)
    backwards = "before_id" in query and "after_id" not in query
    shown = found[-limit:] if backwards else found[:limit]
    return {
        "data": [_told(name) for name in shown],
        "has_more": len(shown) < len(found),
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def _place(names: Sequence[str], query: dict[str, Any], field: str) -> int:
    if query[field] not in names:
        raise problems.invalid(f"?{field}", "is no model that is listed", "the id of one")
    return names.index(query[field])


def _told(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _CREATED,
        "lifecycle": "active",
        "capabilities": None,
        "max_input_tokens": None,
        "max_tokens": None,
    }
