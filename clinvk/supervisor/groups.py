"""The groups of runs that are under way."""

from clinvk.clock import Clock
from clinvk.domain.errors import GroupNotFound
from clinvk.domain.group import GroupSpec
from clinvk.supervisor.group import Around, Group
from clinvk.supervisor.supervisor import Supervisor


class Groups:
    """Takes groups and finds them again until they end."""

    def __init__(self, supervisor: Supervisor, clock: Clock) -> None:
        self._supervisor = supervisor
        self._around = Around(supervisor.start, self._slots, clock)
        self._live: dict[str, Group] = {}

    async def start(self, group_id: str, spec: GroupSpec, owner: object) -> Group:
        """Take a group, each of whose runs names it in its origin.

        Nothing was started where this raises InvalidInput, Forbidden, BackendNotFound, QueueFull or ShuttingDown.
        """
        await self._supervisor.admit(spec)
        group = Group(group_id, spec, self._around, owner)
        self._live[group_id] = group
        self._supervisor.spawn(self._drive(group), name=f"group {group_id}")
        return group

    def find(self, group_id: str) -> Group:
        """One that is under way. Raises GroupNotFound."""
        try:
            return self._live[group_id]
        except KeyError:
            raise GroupNotFound(group_id) from None

    def _slots(self, label: str | None) -> int:
        return self._supervisor.limits.at_once_of(label)

    async def _drive(self, group: Group) -> None:
        try:
            await group.drive()
        finally:
            del self._live[group.id]
