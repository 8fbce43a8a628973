"""The native prompt request ⇄ what the supervisor knows. Pure."""

from typing import Any

from clinvk.api.schema_types import PromptRequest
from clinvk.api.services import Habits
from clinvk.domain.judge import Judgement
from clinvk.domain.run import Run
from clinvk.domain.spec import ApprovalMode, Origin, RunSpec, SandboxMode
from clinvk.domain.wire import to_wire


def to_spec(body: PromptRequest, origin: Origin, default_workdir: str, habits: Habits) -> RunSpec:
    """`body`, already checked, as a RunSpec. What it does not say is as `habits` have it.

    A turn of a session that names no folder works in the session's: `workdir` is empty until then.
    """
    elsewhere = "" if "session_id" in body else default_workdir
    return RunSpec(
        backend=body["backend"],
        prompt=body["prompt"],
        workdir=body.get("workdir", elsewhere),
        model=body.get("model"),
        session_id=body.get("session_id"),
        ephemeral=body.get("ephemeral", False),
        approval_mode=ApprovalMode(body.get("approval_mode", habits.approval_mode)),
        sandbox_mode=SandboxMode(body.get("sandbox_mode", habits.sandbox_mode)),
        max_tokens=body.get("max_tokens", habits.max_tokens),
        max_turns=body.get("max_turns", habits.max_turns),
        system_prompt=body.get("system_prompt", habits.system_prompt),
        replace_system_prompt=habits.replace_system_prompt,
        allowed_tools=habits.allowed_tools,
        extra=(*habits.extra, *body.get("extra", ())),
        metadata=body.get("metadata", {}),
        timeout_secs=body.get("timeout_secs"),
        origin=origin,
    )


def to_answer(run: Run, judgement: Judgement, output: str) -> dict[str, Any]:
    """The finished run as the native API tells it."""
    answer: dict[str, Any] = {
        "run_id": run.id,
        "backend": run.spec.backend,
        "exit_code": judgement.code,
        "duration_ms": max(0, round(((run.finished_at or run.created_at) - run.created_at) * 1000)),
        "output": output,
        "token_usage": to_wire(run.usage),
    }
    if run.spec.session_id:
        answer["session_id"] = run.spec.session_id
    if run.continuation:
        answer["continuation"] = run.continuation
    if run.spec.model:
        answer["model"] = run.spec.model
    if judgement.error:
        answer["error"] = judgement.error.message
    if run.notices:
        answer["notices"] = run.notices
    return answer
