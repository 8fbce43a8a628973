"""From one request of a dialect to its answer: the run is started, or only shown, and told in its voice."""

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from clinvk.api import answering
from clinvk.api.dialects import delivery
from clinvk.api.dialects.ask import IGNORED, Ask, Ground, to_spec
from clinvk.api.dialects.models import Chosen
from clinvk.api.dialects.speech import Speech
from clinvk.api.dialects.voice import Voice
from clinvk.api.handler import Handler
from clinvk.api.operation import Form, Operation, Start
from clinvk.api.replay import Told
from clinvk.api.services import Habits
from clinvk.domain import ids
from clinvk.domain.errors import InvalidInput
from clinvk.domain.events import RunFinished, TextDelta
from clinvk.domain.run import RunState
from clinvk.domain.run import Start as ChildStart
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.log import EventLog

_MOST_NAMED: Final = 64
_NAME: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)

MakeVoice = Callable[[str, int], Voice]
"""A voice for the answer of that id, less its beginning, created at that second of the epoch."""


async def answer(call: Handler, ask: Ask, chosen: Chosen, make: MakeVoice, places: Mapping[str, str]) -> None:
    """Run what is asked for and answer with it. `places` says what the dialect calls the fields of a prompt."""
    services = call.services
    habits = services.habits.get(chosen.backend, Habits())
    efforts = services.supervisor.registry.get(chosen.backend).traits.efforts
    spec = to_spec(ask, chosen, call.origin, Ground(services.default_workdir, habits, efforts))
    _name_ignored(call, ask, efforts)
    try:
        shown = ask.dry_run or habits.dry_run
        run = await (_shown(call, spec) if shown else _begun(call, spec))
    except InvalidInput as error:
        raise InvalidInput([replace(each, path=_placed(each.path, places)) for each in error.faults]) from None
    voice = make(run.id.partition("_")[2], int(ids.born(run.id)))
    speech = Speech(ask.stops, reasoning=ask.reasoning)
    await delivery.answer(call, run, speech, voice, stream=ask.stream)


class _Run:
    """A run as an operation: all that is told of it stands in its log."""

    def __init__(self, handle: RunHandle) -> None:
        self._handle = handle
        self.id = handle.id
        self.log = handle.log
        self.finished: asyncio.Future[Any] = handle.finished
        self.owners, self.stop = handle.owners, handle.stop

    @property
    def child_start(self) -> ChildStart | None:
        return self._handle.child_start

    def answer(self) -> dict[str, Any]:
        """Nothing beside the log."""
        return {}


async def _begun(call: Handler, spec: RunSpec) -> Operation:
    async def begin(run_id: str) -> _Run:
        return _Run(await call.services.supervisor.start(spec, call, run_id=run_id))

    # Streamed or whole, it is told from the log: that is what a key has to find again.
    return await answering.begin(call, Start("run", begin), Form.STREAM)


async def _shown(call: Handler, spec: RunSpec) -> Operation:
    """What its CLI would be started with, as the text of a run that has ended."""
    command = await call.services.supervisor.command(spec)
    log = EventLog(call.services.clock, {})
    log.append(TextDelta("command", shlex.join(command.argv)))
    log.append(RunFinished(RunState.COMPLETED, 0, 0.0, Usage()))
    log.close()
    return Told(call.services.new_id("dry"), log, {})


def _name_ignored(call: Handler, ask: Ask, efforts: tuple[str, ...]) -> None:
    unheard = () if ask.effort is None or ask.effort in efforts else (ask.effort_field,)
    # They are the client's words, and it may call a field whatever it likes.
    named = [name for name in (*ask.ignored, *unheard) if _NAME.fullmatch(name)][:_MOST_NAMED]
    if named:
        call.tell(IGNORED, ", ".join(named))


def _placed(path: str, places: Mapping[str, str]) -> str:
    field = path.split("/")[1] if path else ""
    return places.get(field, path)
