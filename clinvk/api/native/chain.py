"""POST /api/v1/chain: prompts one after the other, each with the answer of the one before it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clinvk.api.handler import Handler
from clinvk.api.native import group, translate
from clinvk.api.problems import invalid
from clinvk.domain.group import PREVIOUS, GroupKind, GroupSpec

if TYPE_CHECKING:
    from clinvk.api.schema_types import ChainRequest, Step


async def create(call: Handler) -> None:
    """Run the steps in order; the answer has their results."""
    body: ChainRequest = call.body
    steps = body["steps"]
    group.check_amount(call, steps, "/steps")
    if PREVIOUS in steps[0]["prompt"]:
        raise invalid(
            "/steps/0/prompt", f"speaks of {PREVIOUS}", "a prompt that stands alone: no step is before it"
        )
    await group.serve(call, lambda group_id: _spec(call, body, group_id), lambda results: _tell(results, steps))


def _spec(call: Handler, body: "ChainRequest", group_id: str) -> GroupSpec:
    steps = _with_folders(body["steps"]) if body.get("pass_working_dir") else body["steps"]
    specs = tuple(
        translate.to_member(step, replace(call.origin, group_id=group_id, step=number), call.services)
        for number, step in enumerate(steps, 1)
    )
    return GroupSpec(
        kind=GroupKind.CHAIN,
        specs=specs,
        places=tuple(f"/steps/{number}" for number in range(len(specs))),
        at_once=1,
        stop_on_failure=body.get("stop_on_failure", False),
    )


def _with_folders(steps: "list[Step]") -> "list[Step]":
    """The steps, each that names no folder in that of the one before it."""
    passed: list[Step] = []
    for step in steps:
        before = passed[-1] if passed else step
        inherits = "workdir" not in step and "workdir" in before
        passed.append({**step, "workdir": before["workdir"]} if inherits else step)
    return passed


def _tell(results: list[dict[str, Any]], steps: "list[Step]") -> dict[str, int]:
    for result, step in zip(results, steps, strict=True):
        if "name" in step:
            result["name"] = step["name"]
    failed = [result["step"] for result in results if result["exit_code"] != 0]
    return {
        "total_steps": len(results),
        "completed_steps": len(results) - len(failed),
        "failed_step": failed[0] if failed else 0,
    }
