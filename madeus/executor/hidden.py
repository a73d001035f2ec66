"""Hidden values after a resume: the journal has only their names, the hosts still have the output they came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from madeus.executor.action.base import Context
from madeus.executor.action.execute import execute
from madeus.executor.errors import ExecutorError, WorldError
from madeus.executor.journal.events import AttemptState
from madeus.executor.scope import Scopes
from madeus.executor.secrets import Vault
from madeus.executor.transport.pool import Transports
from madeus.model import Secret
from madeus.semantics import Configuration

if TYPE_CHECKING:
    from madeus.executor.reconcile import Recorded
    from madeus.executor.session import Session


class HiddenValueLost(WorldError):
    """A value that must not be written to the journal is no longer on the host that produced it."""

    def __init__(self, name: str, port: str, reason: str) -> None:
        super().__init__(
            f"the value that {name} produced for {port} is secret, so it is not in the journal, and it could not be read "
            f"from the host again: {reason}",
            "begin a new run",
        )
        self.name, self.port, self.reason = name, port, reason


async def recover_hidden(
    session: Session, recorded: Recorded, scopes: Scopes, vault: Vault, transports: Transports
) -> None:
    """Read every hidden value that the run still needs from the results on the hosts.

    Raises:
        HiddenValueLost: a result is gone.
        HostError: a host cannot be reached.
    """
    conf = recorded.agenda.configuration
    wanted: dict[tuple[int, int], list[str]] = {}
    for name in _hidden_names(conf, recorded):
        parts = name.split(" ")
        if len(parts) == 4 and parts[0] == "output" and not vault.knows(name):
            wanted.setdefault((int(parts[1]), int(parts[2])), []).append(name)
    for (fired, position), names in sorted(wanted.items()):
        component, transition_name, count = recorded.firings[fired]
        state = conf.components[component]
        transition = session.system.tables[state.type].kind.transition[transition_name]
        action = transition.actions[position]
        done = [
            a for a in session.attempts if a.fired == fired and a.action == position and a.state is AttemptState.DONE
        ]
        host = scopes.host(component)
        context = Context(
            host=host,
            transport=transports.of(host),
            scope=scopes.of(conf, component, transition),
            base=Path(session.base),
            step=(component, transition_name, count),
            index=position,
            boot_id=done[-1].boot if done else None,
        )
        label = f"{component}.{transition_name}"
        try:
            result = await execute(action, context, session.registry, resume=True, first=done[-1].number if done else 1)
        except ExecutorError as error:
            raise HiddenValueLost(label, names[0].split(" ")[3], error.message) from error
        for name in names:
            vault.hide(name, result.outputs[name.split(" ")[3]])


def _hidden_names(conf: Configuration, recorded: Recorded) -> Iterator[str]:
    values = [*conf.data.values()]
    values += [v for state in conf.components.values() for _, produced in state.held for _, v in produced]
    values += [v for begun in recorded.begun.values() for known in begun.known.values() for _, v in known.outputs]
    return iter(sorted({value.name for value in values if isinstance(value, Secret)}))
