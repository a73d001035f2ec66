"""Which kinds of action there are: the built-in ones and those of installed packages.

A package adds one by an entry point of the group ``madeus.actions`` that names a subclass of `ActionKind`::

    [project.entry-points."madeus.actions"]
    consul_kv = "acme.deploy:ConsulKv"
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module, metadata

from madeus.diagnostics.suggest import nearest
from madeus.executor.action.base import ActionKind, Description
from madeus.executor.errors import UnknownAction, WorldError
from madeus.model.action import ENTRY_POINTS

_BUILT_IN = {
    "run": "madeus.executor.action.run:Run",
    "script": "madeus.executor.action.script:Script",
    "copy": "madeus.executor.action.copy:Copy",
    "template": "madeus.executor.action.template:Template",
    "service": "madeus.executor.action.service:Service",
    "package": "madeus.executor.action.package:Package",
    "wait_tcp": "madeus.executor.action.wait_tcp:WaitTcp",
    "wait_http": "madeus.executor.action.wait_http:WaitHttp",
    "python": "madeus.executor.action.python:Python",
}


class ActionPluginError(WorldError):
    """An installed package's action does not load, or is no action."""

    def __init__(self, name: str, target: str, reason: str) -> None:
        super().__init__(
            f"the action `{name}` ({target}) does not load: {reason}", "repair or remove the package that brings it"
        )
        self.name, self.target, self.reason = name, target, reason


class Registry:
    """Kinds of action by name; each is loaded at its first use."""

    def __init__(self, targets: Iterable[tuple[str, str]]) -> None:
        self._targets = dict(targets)
        self._kinds: dict[str, ActionKind] = {}

    @classmethod
    def installed(cls) -> Registry:
        """The built-in kinds and those of installed packages; a package cannot replace a built-in one."""
        found = {entry.name: entry.value for entry in metadata.entry_points(group=ENTRY_POINTS)}
        return cls({**found, **_BUILT_IN}.items())

    @property
    def names(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted({*self._targets, *self._kinds}))

    def add(self, kind: ActionKind) -> None:
        """Register a kind under its own name, in place of any other: for programs that use the library, and tests."""
        self._kinds[kind.describe().name] = kind

    def get(self, name: str) -> ActionKind:
        """The kind of that name.

        Raises:
            UnknownAction: there is none.
            ActionPluginError: its package is broken.
        """
        kind = self._kinds.get(name)
        if kind is None:
            if name not in self._targets:
                raise UnknownAction(name, nearest(name, self.names), self.names)
            kind = self._kinds[name] = _load(name, self._targets[name])
        return kind

    def describe(self) -> list[Description]:
        """How every kind is written, by name."""
        return [self.get(name).describe() for name in self.names]


def _load(name: str, target: str) -> ActionKind:
    module, _, attribute = target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
        kind = found() if isinstance(found, type) else found
    except Exception as error:  # whatever a stranger's module does while it is imported
        raise ActionPluginError(name, target, f"{type(error).__name__}: {error}") from error
    if not isinstance(kind, ActionKind):
        raise ActionPluginError(name, target, "it is not a subclass of ActionKind")
    return kind
