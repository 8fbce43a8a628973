"""POST /api/v1/compare: one prompt, with several backends."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clinvk.api.handler import Handler
from clinvk.api.native import group, translate
from clinvk.domain.group import GroupKind, GroupSpec

if TYPE_CHECKING:
    from clinvk.api.schema_types import CompareRequest


async def create(call: Handler) -> None:
    """Run the prompt with every backend; the answer has their results in the order asked."""
    body: CompareRequest = call.body
    told = {"prompt": body["prompt"], "backends": body["backends"]}
    await group.serve(call, lambda group_id: _spec(call, body, group_id), lambda _: told)


def _spec(call: Handler, body: "CompareRequest", group_id: str) -> GroupSpec:
    origin = replace(call.origin, group_id=group_id)
    asked: list[dict[str, Any]] = [{**body, "backend": backend} for backend in body["backends"]]
    return GroupSpec(
        kind=GroupKind.COMPARE,
        specs=tuple(translate.to_member(each, origin, call.services) for each in asked),
        places=("",) * len(asked),
        at_once=1 if body.get("sequential") else len(asked),
    )
