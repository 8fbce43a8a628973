"""The native prompt request ⇄ what the supervisor knows. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from clinvk.api.operation import Form
from clinvk.api.services import Habits, Services
from clinvk.domain.judge import Judgement
from clinvk.domain.run import Run, StopCause
from clinvk.domain.spec import ApprovalMode, Origin, RunSpec, SandboxMode
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire
from clinvk.supervisor import view
from clinvk.supervisor.group import Member
from clinvk.views import RunView

if TYPE_CHECKING:
    from clinvk.api.schema_types import PromptRequest

_CANCELLED: Final = "cancelled"


def to_spec(body: "PromptRequest", origin: Origin, default_workdir: str, habits: Habits) -> RunSpec:
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
        preset_flags=len(habits.extra),
        metadata=body.get("metadata", {}),
        timeout_secs=body.get("timeout_secs"),
        linger_secs=body.get("linger_secs"),
        origin=origin,
    )


def to_member(body: Mapping[str, Any], origin: Origin, services: Services) -> RunSpec:
    """The run of one prompt of many: it stands alone, and nothing is kept of it but itself."""
    habits = services.habits.get(body["backend"], Habits())
    alone = cast("PromptRequest", {**body, "ephemeral": True})
    return to_spec(alone, origin, services.default_workdir, habits)


def to_form(output_format: str) -> Form:
    """Whether the answer or the events are wanted."""
    return Form.STREAM if output_format == "stream-json" else Form.WHOLE


def to_answer(run: Run, output: str) -> dict[str, Any]:
    """A run that has ended as the native API tells it."""
    return to_answer_of(view.of(run, 0, run.created_at), output)


def to_answer_of(seen: RunView, output: str) -> dict[str, Any]:
    """The same, from what readers see of the run."""
    answer: dict[str, Any] = {
        "run_id": seen.id,
        "backend": seen.backend,
        "exit_code": Judgement(seen.state).code,
        "duration_ms": seen.duration_ms or 0,
        "output": output,
        "token_usage": to_wire(seen.token_usage),
    }
    if seen.session_id:
        answer["session_id"] = seen.session_id
    if seen.continuation:
        answer["continuation"] = seen.continuation
    if seen.model:
        answer["model"] = seen.model
    if seen.error:
        answer["error"] = seen.error.message
    if seen.notices:
        answer["notices"] = seen.notices
    return answer


def to_result(member: Member) -> dict[str, Any]:
    """How one run of a group ended, or why there is none; and which of its tasks or steps it is."""
    origin = member.spec.origin
    place = {name: which for name, which in (("task", origin.task), ("step", origin.step)) if which is not None}
    return {**place, **_outcome(member)}


def _outcome(member: Member) -> dict[str, Any]:
    if member.handle is None:
        return {
            "backend": member.spec.backend,
            **({"model": member.spec.model} if member.spec.model else {}),
            "exit_code": 1 if member.refusal else -1,
            "duration_ms": 0,
            "output": "",
            "token_usage": to_wire(Usage()),
            "error": member.refusal or _CANCELLED,
        }
    run = member.handle.run
    with_its_group = run.stop and run.stop.cause is StopCause.GROUP
    return to_answer(run, member.answer.output) | ({"error": _CANCELLED} if with_its_group and run.error else {})
