"""The settings that hold, and what is done when they are read again."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable

from clinvk import guardian, settings, tls, wiring
from clinvk.api.services import Services
from clinvk.domain.access import Keyring
from clinvk.settings import Settings
from clinvk.supervisor.tasks import Tasks
from clinvk.telemetry.audit import Action

_log = logging.getLogger("clinvk.config")


class Reload:
    """Lays new settings over a running server. Runs that are under way keep what they started with."""

    def __init__(
        self,
        held: Settings,
        load: Callable[[], Settings],
        keys: Callable[[Settings], Awaitable[Keyring]],
        services: Services,
    ) -> None:
        """`load` and `keys` give what is configured by now; raise BadSettings."""
        self.held = held
        """What holds now; of what only a start can take, what the server was started with."""
        self._load = load
        self._keys = keys
        self._services = services
        self._tasks = Tasks()
        self._turn = asyncio.Lock()

    def ask(self) -> "asyncio.Task[None]":
        """Have the configuration read again, in the background; the log tells what came of it."""
        return self._tasks.spawn(self._again(), name="reload")

    async def close(self) -> None:
        """Nothing changes any more after this."""
        await self._tasks.cancel()

    async def _again(self) -> None:
        async with self._turn:
            self._services.audit.reopen()  # whatever becomes of the settings: it may have been moved
            file = self.held.file
            if file.exists() and not file.is_file():  # a pipe would keep us waiting, at our end too
                _refuse(f"{file} is no file that can be read again")
                return
            try:
                fresh = await asyncio.to_thread(self._load)  # who knows what disk it is on
                keyring = await self._keys(fresh)
                server = self.held.server
                secure = await asyncio.to_thread(tls.context, server.tls_cert_file, server.tls_key_file)
            except (settings.BadSettings, tls.NoTls) as error:
                _refuse(str(error))  # a key that was to go must not be taken for gone: it is told
                return
            if self.held.found and not fresh.found:  # moved by mistake, more likely than a wish for every default
                _refuse(f"{file} is not there any more; an empty file asks for the defaults")
                return
            changed = settings.changes(self.held, fresh)
            keys = _told_of_keys(self._services.keyring, keyring)
            self.held = _startable(self.held, fresh)
            if keyring:
                guardian.close_to_others()
            self._services.keyring = keyring
            self._services.tls = secure
            await self._apply()
            self._services.books.server(Action.SERVER_RELOAD, str(fresh.file))
            _log.info("reloaded %s%s: %s", fresh.file, "" if fresh.found else " (not there)", _told(changed, keys))

    async def _apply(self) -> None:
        services, supervisor = self._services, self._services.supervisor
        limits = wiring.limits(self.held, services.keyring, log_content=supervisor.limits.log_content)
        supervisor.registry.disable(wiring.disabled(self.held))
        supervisor.sessions.options = wiring.session_options(self.held)
        supervisor.keeper.wake()  # how long sessions are kept may have changed
        services.bounds = wiring.bounds(self.held.server)
        services.habits = wiring.habits(self.held)
        services.models = wiring.models(self.held)
        services.group_habits = wiring.group_habits(self.held)
        services.rates.limit = wiring.rate_limit(self.held.server)
        services.metrics = wiring.metrics(self.held.server, services.metrics)
        services.visitors.allow(self.held.server.console_enabled)
        services.visitors.check(services.keyring)
        await supervisor.adjust(limits)


def _refuse(faults: str) -> None:
    for fault in faults.splitlines():
        _log.error("not reloaded, everything stays as it was: %s", fault)


def _startable(held: Settings, fresh: Settings) -> Settings:
    """`fresh`, but for what a running server cannot take."""
    fixed = {name: getattr(held.server, name) for name in (key.partition(".")[2] for key in settings.RESTART)}
    return dataclasses.replace(fresh, server=dataclasses.replace(fresh.server, **fixed))


def _told(changed: list[str], keys: list[str]) -> str:
    live = [key for key in changed if key not in settings.RESTART]
    fixed = [key for key in changed if key in settings.RESTART]
    parts = [f"changed {', '.join(live)}"] if live else []
    parts += keys
    parts += [f"needs a restart: {', '.join(fixed)}"] if fixed else []
    return "; ".join(parts) or "nothing changed"


def _told_of_keys(old: Keyring, new: Keyring) -> list[str]:
    """What became of the keys, by their labels."""
    before, after = ({one.label: (known, one) for known, one in ring.grants.items()} for ring in (old, new))
    sets = {
        "added": after.keys() - before.keys(),
        "changed": {label for label in after.keys() & before.keys() if after[label] != before[label]},
        "removed": before.keys() - after.keys(),
    }
    return [f"API keys {what}: {', '.join(sorted(labels))}" for what, labels in sets.items() if labels]
