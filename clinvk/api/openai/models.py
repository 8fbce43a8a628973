"""GET /openai/v1/models: the names that can be asked for."""

from typing import Any, Final

from clinvk.api.dialects.models import Chosen
from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem

_CREATED: Final = 1_704_067_200  # 2024-01-01; clients want some number


async def list_models(call: Handler) -> None:
    """Backends, then the models and aliases of the settings."""
    names = call.services.models.listed(call.services.supervisor.registry.names())
    call.reply({"object": "list", "data": [_model(name) for name in names]})


async def get_model(call: Handler) -> None:
    """One name, listed or not: whatever a rule makes a backend of that is enabled."""
    name = call.path["model"]
    models = call.services.models
    if not models.knows(name, call.services.supervisor.registry.names()):
        raise _unknown(name, models.choose(name))
    call.reply(_model(name))


def _unknown(name: str, chosen: Chosen) -> Problem:
    backend = chosen.backend
    is_off = f"its backend '{backend}' is not enabled"
    why = is_off if chosen.matched else f"a request for it is given to '{backend}'"
    return Problem(Kind.MODEL_NOT_FOUND, f"There is no model '{name}': {why}. GET /openai/v1/models lists names")


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "clinvoker"}
