"""What ``${name}`` means to the actions of a transition: parameters, ports, secrets, the host, the instance."""

from __future__ import annotations

from collections.abc import Mapping

from madeus.executor.action.base import Masked, RuntimeValue
from madeus.executor.action.interpolate import references
from madeus.executor.errors import InterpolationError
from madeus.executor.inventory import Host, Inventory
from madeus.executor.secrets import Vault
from madeus.model import Action, ComponentType, Multiplicity, PortKind, Secret, Transition, UsePort, Value
from madeus.semantics import Configuration, System


class Scopes:
    """Scopes of the instances of a system."""

    def __init__(self, system: System, inventory: Inventory, secrets: Mapping[str, str], vault: Vault) -> None:
        self._system, self._inventory, self._vault = system, inventory, vault
        self._secrets: dict[str, RuntimeValue] = {name: Masked(value) for name, value in secrets.items()}
        self._fixed: dict[str, dict[str, RuntimeValue]] = {}
        self._hosts: dict[str, Host] = {}

    def host(self, component: str) -> Host:
        """The host of an instance. Raises UnknownHost."""
        found = self._hosts.get(component)
        if found is None:
            found = self._hosts[component] = self._inventory.resolve(self._system.instances[component].host)
        return found

    def layered(self, component: str) -> bool:
        """Whether an instance lives in the layered root of its host."""
        return self._system.instances[component].layered

    def fixed(self, component: str) -> dict[str, RuntimeValue]:
        """What does not change while an instance exists."""
        scope = self._fixed.get(component)
        if scope is None:
            host = self.host(component)
            scope = {
                **dict(self._system.instances[component].arguments),
                **self._secrets,
                **{f"host.{name}": value for name, value in host.variables},
                "host.name": host.name,
                "host.address": host.address or host.name,
                "instance.name": component,
            }
            for name, value in scope.items():
                if isinstance(value, Secret) and value.name in self._secrets:
                    scope[name] = self._secrets[value.name]
            self._fixed[component] = scope
        return scope

    def of(self, conf: Configuration, component: str, transition: Transition) -> Mapping[str, RuntimeValue]:
        """The scope of a transition's actions when it fires.

        A data use port that takes several connections (``any``, ``all``) stands for the list of their values, an optional one
        without a connection for an empty text or list.

        Raises:
            InterpolationError: an action reads a port whose value nobody has produced.
        """
        scope = self.fixed(component)
        kind = self._system.tables[self._system.instances[component].type].kind
        uses = data_uses(kind, transition)
        if not uses:
            return scope
        scope = dict(scope)
        for use in uses:
            ends = [end for end in conf.providers.get((component, use.name), ()) if end in conf.data]
            missing = [end for end in ends if conf.data[end] is None]
            values = tuple([v for end in ends if (v := self._vault.show(conf.data[end])) is not None])
            if missing and any(use.name in names_in(action) for action in transition.actions):
                provider, port = missing[0]
                raise InterpolationError(
                    use.name,
                    f"${{{use.name}}}",
                    f"the data port {provider}.{port} has no value",
                    f"no action of the transitions into its place has `-> {port}`",
                )
            scope[use.name] = values if use.multiplicity is not Multiplicity.ONE else values[0] if values else ""
        return scope


def data_uses(kind: ComponentType, transition: Transition) -> list[UsePort]:
    """Data use ports that a transition reads."""
    return [use for use in kind.transition_uses.get(transition.name, ()) if use.kind is PortKind.DATA]


def names_in(action: Action) -> set[str]:
    """Names that an action refers to."""
    values: list[Value] = [*action.arguments, *(value for _, value in action.options)]
    return {name for value in values for name in references(value)} | {v.name for v in values if isinstance(v, Secret)}


def known_names(kind: ComponentType, transition: Transition | None, host: Host, secrets: set[str]) -> set[str]:
    """Every name that an action of the transition may refer to; None: the probe of a place."""
    return {
        *(parameter.name for parameter in kind.parameters),
        *(use.name for use in (data_uses(kind, transition) if transition is not None else ())),
        *secrets,
        *(f"host.{name}" for name, _ in host.variables),
        "host.name",
        "host.address",
        "instance.name",
    }
