"""What a transition does on its host: a list of actions, uninterpreted here."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.model.value import Value

ENTRY_POINTS = "madeus.actions"
"""Group of the entry points by which installed packages bring kinds of actions."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a transition, as written: ``run "apt-get update" timeout 5min -> version``.

    The kinds are an open registry of the executor; the model only keeps the words.
    """

    kind: str
    """Name of the action: ``run``, ``template``, ``wait_tcp``..."""

    arguments: tuple[Value, ...] = ()
    """Positional values, in order."""

    options: tuple[tuple[str, Value], ...] = ()
    """Named values, in order; a flag has the value ``True``."""

    outputs: tuple[str, ...] = ()
    """Data provide ports of the component that receive what the action captures."""

    def option(self, name: str, default: Value | None = None) -> Value | None:
        """Value of the option called name, or default."""
        for key, value in self.options:
            if key == name:
                return value
        return default
