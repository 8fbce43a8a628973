"""What parallel, chain and compare have in common: many runs, one answer. And how such a group is stopped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clinvk.api import answering
from clinvk.api.bookkeeping import who
from clinvk.api.handler import Handler
from clinvk.api.native import translate
from clinvk.api.operation import Form, Start
from clinvk.api.problems import invalid
from clinvk.domain.errors import GroupNotFound
from clinvk.domain.group import GroupSpec
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import Stop, StopCause
from clinvk.domain.wire import to_wire
from clinvk.supervisor.group import Group
from clinvk.supervisor.tasks import first_of
from clinvk.telemetry.audit import Action, Details

Make = Callable[[str], GroupSpec]
"""The runs of a request, for the group of that id."""
Tell = Callable[[list[dict[str, Any]]], Mapping[str, Any]]
"""What an answer says beside its results, which it may label."""


class GroupRun:
    """A group as the operation of one request: `clinvk.api.operation.Operation`."""

    def __init__(self, group: Group, tell: Tell) -> None:
        self._group = group
        self._tell = tell
        self.id = group.id
        self.log = group.log
        self.finished = group.finished
        self.owners, self.stop = group.owners, group.stop
        self.child_start = None  # each run of it tells its own

    def answer(self) -> dict[str, Any]:
        """The outcome of every run, in the order asked."""
        results = [translate.to_result(member) for member in self._group.members]
        told = self._tell(results)
        milliseconds = round(self.finished.result().seconds * 1000)
        notices = list(dict.fromkeys(notice for result in results for notice in result.get("notices", ())))
        return {
            "group_id": self.id,
            **told,
            "total_duration_ms": milliseconds,
            "results": results,
            **({"notices": notices} if notices else {}),
        }


def check_amount(call: Handler, items: Sequence[object], path: str) -> None:
    """Raises a problem where there are more than the server takes at once."""
    most = call.services.group_habits.max_tasks
    if len(items) > most:
        raise invalid(path, f"has {len(items)} items", f"at most {most} (parallel.max_tasks)")


async def serve(call: Handler, make: Make, tell: Tell) -> None:
    """Run what `make` makes of the request: answered whole, streamed, or only shown."""
    habits = call.services.group_habits
    if call.body.get("dry_run", habits.dry_run):
        await _show(call, make(""))
        return

    form = translate.to_form(call.body.get("output_format", habits.output_format))

    async def start(group_id: str) -> GroupRun:
        spec = replace(make(group_id), keeps_answers=form is Form.WHOLE)
        group = await call.services.groups.start(group_id, spec, call)
        call.services.audit.note(Action.GROUP_START, group_id, who(call.origin), Details(runs=len(spec.specs)))
        return GroupRun(group, tell)

    await answering.answer(call, await answering.begin(call, Start("grp", start), form), form)


async def _show(call: Handler, spec: GroupSpec) -> None:
    supervisor = call.services.supervisor
    await supervisor.vet(spec)
    commands = [(each.backend, await supervisor.command(each)) for each in spec.specs]
    results = [{"backend": backend, "command": to_wire(command)} for backend, command in commands]
    call.reply({"dry_run": True, "results": results})


async def cancel(call: Handler) -> None:
    """Ask for the end of all its runs, and of what they left.

    200 once they have ended, 202 while they are stopping.
    """
    group_id, wait = call.path["id"], call.query.get("wait", 0)
    lingering = await call.services.monitor.runs(RunQuery(group_id=group_id, lingering=True))
    for run in lingering.runs:
        call.services.books.stop_run(run.id, StopCause.CLIENT, who(call.origin))
    try:
        group = call.services.groups.find(group_id)
    except GroupNotFound:
        await _tell_of_ended(call, group_id)
        return
    group.stop(Stop(StopCause.CLIENT))
    call.services.audit.note(Action.GROUP_STOP, group_id, who(call.origin))
    if wait:
        await first_of(group.finished, call.gone, timeout=wait)
    if not call.gone.done():
        ended = group.finished.done()
        told = {"group_id": group_id, "ended": ended, "live": group.live, "total": group.begun}
        call.reply(told, 200 if ended else 202)


async def _tell_of_ended(call: Handler, group_id: str) -> None:
    kept = await call.services.monitor.runs(RunQuery(group_id=group_id, limit=1))
    if not kept.total:
        raise GroupNotFound(group_id)
    call.reply({"group_id": group_id, "ended": True, "live": 0, "total": kept.total})
