"""POST /api/v1/parallel: many prompts, side by side."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clinvk.api.handler import Handler
from clinvk.api.native import group, translate
from clinvk.domain.group import GroupKind, GroupSpec

if TYPE_CHECKING:
    from clinvk.api.schema_types import ParallelRequest


async def create(call: Handler) -> None:
    """Run every task; the answer has their results in the order asked."""
    body: ParallelRequest = call.body
    group.check_amount(call, body["tasks"], "/tasks")
    await group.serve(call, lambda group_id: _spec(call, body, group_id), _tell)


def _spec(call: Handler, body: "ParallelRequest", group_id: str) -> GroupSpec:
    services, habits = call.services, call.services.group_habits
    specs = tuple(
        translate.to_member(task, replace(call.origin, group_id=group_id, task=number), services)
        for number, task in enumerate(body["tasks"])
    )
    return GroupSpec(
        kind=GroupKind.PARALLEL,
        specs=specs,
        places=tuple(f"/tasks/{number}" for number in range(len(specs))),
        at_once=body.get("max_parallel", habits.at_once),
        stop_on_failure=body.get("fail_fast", habits.fail_fast),
    )


def _tell(results: list[dict[str, Any]]) -> dict[str, int]:
    completed = sum(result["exit_code"] == 0 for result in results)
    return {"total_tasks": len(results), "completed": completed, "failed": len(results) - completed}
