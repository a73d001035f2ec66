"""What no program can do, shown without looking at programs.

Two reasons that hold for every program. A place is out of reach when no transition that might ever fire leads there, taken
generously: what has been marked once counts as marked from then on, whatever behaviors are pushed. And a rest is impossible
when a component uses a service there that its provider does not serve in any rest the goal leaves it (a port in use has an
active provider in every configuration).
"""

from __future__ import annotations

from madeus.model import Multiplicity, PortKind, UsePort
from madeus.planner.errors import Impossible
from madeus.planner.life import Lives, Places
from madeus.planner.target import Change, Target, Unit

MOST_RESTS = 5_000
"""Rests of one component that are looked at."""


def check_possible(change: Change, target: Target, lives: Lives) -> None:
    """Raises Impossible with the reasons."""
    reach = _Reach(change, lives)
    named = {unit.name: unit for unit in change.units.values() if not unit.deleted}
    for component, places in target.places.items():
        for place in sorted(places):
            if place not in reach.places[named[component].key]:
                raise Impossible(f"{component} cannot reach {place}", *reach.why(named[component], place))
    for component, behaviors in target.once.items():
        unit = named[component]
        for behavior in sorted(behaviors):
            fired = [t for t in lives.kind(unit.type).transitions if behavior in t.behaviors]
            if not any(t.name in reach.transitions[unit.key] for t in fired):
                reasons = [line for t in fired for line in reach.why_not_fired(unit, t.name, set())]
                raise Impossible(f"{component} cannot execute {behavior}", *(reasons or ["  it has no transition"]))
    _check_rests(change, target, lives, reach)


class _Reach:
    """Places and transitions that may ever be reached by each unit: a least fixed point."""

    def __init__(self, change: Change, lives: Lives) -> None:
        self.change = change
        self.lives = lives
        self.places: dict[str, set[str]] = {key: set(unit.start) for key, unit in change.units.items()}
        self.transitions: dict[str, set[str]] = {key: set() for key in change.units}
        self._providers: dict[str, set[str]] = {}
        for link in change.links:
            self._providers.setdefault(link.provider, set()).add(link.user)
        self._holding = {
            name: {p: [u for u in kind.uses if any(p in kind.group_places[h] for h in u.holders)] for p in kind.place}
            for name, kind in lives.types.items()
        }
        pending = dict.fromkeys(change.units)
        while pending:
            key = next(iter(pending))
            del pending[key]
            if self._grow(change.units[key]):
                pending.update(dict.fromkeys(self._providers.get(key, ())))

    def _grow(self, unit: Unit) -> bool:
        """Whether the unit gets further."""
        kind = self.lives.kind(unit.type)
        places, fired = self.places[unit.key], self.transitions[unit.key]
        grown = False
        again = True
        while again:
            again = False
            for t in kind.transitions:
                if t.name in fired or t.source not in places or not t.behaviors:
                    continue
                if any(not self.served(unit, use) for use in kind.transition_uses.get(t.name, ())):
                    continue
                fired.add(t.name)
                again = grown = True
            for (behavior, station), docks in kind.stations.items():
                place = kind.station_place[station]
                if place in places or not behavior or not fired.issuperset(docks):
                    continue
                if all(self.served(unit, use) for use in self._holding[unit.type][place]):
                    places.add(place)
                    again = grown = True
        return grown

    def served(self, unit: Unit, use: UsePort) -> bool:
        """Whether a use port might be served at some time."""
        links = self.change.by_user.get((unit.key, use.name), ())
        if not links:
            return use.optional
        groups = [[link for link in links if link.now], [link for link in links if link.then]]
        several = any if use.multiplicity is Multiplicity.ANY else all
        return any(several(self.active(link.provider, link.connection.provide) for link in g) for g in groups if g)

    def active(self, key: str, port: str) -> bool:
        """Whether a provide port might be active at some time."""
        unit = self.change.units[key]
        provide = self.lives.kind(unit.type).provide[port]
        if provide.kind is PortKind.DATA:
            return port in unit.data or provide.bound[0] in self.places[key]
        groups = self.lives.table(unit.type).bound_groups[port]
        return all(not self.places[key].isdisjoint(group.places) for group in groups)

    def why(self, unit: Unit, place: str, seen: set[tuple[str, str]] | None = None) -> list[str]:
        """Why a place is out of reach: one line for each step of the chain."""
        seen = set() if seen is None else seen
        if (unit.key, place) in seen or len(seen) > 20:
            return []
        seen.add((unit.key, place))
        kind = self.lives.kind(unit.type)
        entering = [t for t in kind.transitions if t.destination == place]
        if not entering:
            return [f"  no transition of {kind.name} leads to {place}"]
        fired = self.transitions[unit.key]
        if not any(
            fired.issuperset(docks) for (_, s), docks in kind.stations.items() if kind.station_place[s] == place
        ):
            return [line for t in entering for line in self.why_not_fired(unit, t.name, seen)]
        holding = self._holding[unit.type][place]
        unserved = [use.name for use in holding if not self.served(unit, use)]
        return [line for use in unserved for line in self._why_unserved(unit, use, f"{unit.name}.{place}", seen)]

    def why_not_fired(self, unit: Unit, name: str, seen: set[tuple[str, str]]) -> list[str]:
        """Why a transition can never fire."""
        kind = self.lives.kind(unit.type)
        transition = kind.transition[name]
        if name in self.transitions[unit.key]:
            return []
        if transition.source not in self.places[unit.key]:
            return [
                f"  {unit.name}.{name} starts at {transition.source}, which is out of reach",
                *self.why(unit, transition.source, seen),
            ]
        lines: list[str] = []
        for use in kind.transition_uses.get(name, ()):
            if not self.served(unit, use):
                lines.extend(self._why_unserved(unit, use.name, f"{unit.name}.{name}", seen))
        return lines

    def _why_unserved(self, unit: Unit, use: str, needing: str, seen: set[tuple[str, str]]) -> list[str]:
        links = self.change.by_user.get((unit.key, use), ())
        if not links:
            return [f"  {needing} needs {unit.name}.{use}, which is connected to nothing"]
        lines: list[str] = []
        for link in links:
            provider, port = self.change.units[link.provider], link.connection.provide
            if self.active(link.provider, port):
                continue
            lines.append(f"  {needing} needs {provider.name}.{port}, which never comes up")
            for group in self.lives.table(provider.type).bound_groups[port]:
                if self.places[link.provider].isdisjoint(group.places):
                    for place in sorted(group.places)[:3]:
                        lines.extend(self.why(provider, place, seen))
        return lines


def _check_rests(change: Change, target: Target, lives: Lives, reach: _Reach) -> None:
    """Every component needs a rest at the end that agrees with those of its providers: arc consistency."""
    rests: dict[str, set[Places] | None] = {}
    for key, unit in change.units.items():
        if unit.deleted:
            continue
        marked = target.places.get(unit.name, frozenset())
        serving = target.serving.get(unit.name, frozenset())
        found = _rests(unit, lives)
        if found is not None:
            found = {r for r in found if marked <= r and serving <= lives.rest(unit.type, r).serving}
            if not found:
                wanted = ", ".join(sorted(marked | serving))
                raise Impossible(
                    f"{unit.name} cannot rest with {wanted}", f"  no behaviors lead from {_at(unit)} there"
                )
        rests[key] = found
    pending = dict.fromkeys(rests)
    while pending:
        key = next(iter(pending))
        del pending[key]
        unit, own = change.units[key], rests[key]
        if own is None:
            continue
        why: list[str] = []
        left = {r for r in own if _agrees(unit, r, change, lives, rests, why)}
        if not left:
            goal = ", ".join(sorted(target.places.get(unit.name, ()))) or "any rest"
            raise Impossible(f"{unit.name} cannot rest at {goal}", *dict.fromkeys(why))
        if left != own:
            rests[key] = left
            for (provider, _), links in change.by_provider.items():
                if provider == key:
                    pending.update(dict.fromkeys(link.user for link in links if link.then))


def _at(unit: Unit) -> str:
    return ", ".join(sorted(unit.start)) or "no place"


def _rests(unit: Unit, lives: Lives) -> set[Places] | None:
    """All rests a unit may come to, ports aside; None when they are not known."""
    found = lives.reachable(unit.type, unit.start, MOST_RESTS)
    known = len(found) < MOST_RESTS and not any(kind == unit.type for kind, _ in lives.skipped)
    return found if known else None


def _agrees(
    unit: Unit, rest: Places, change: Change, lives: Lives, rests: dict[str, set[Places] | None], why: list[str]
) -> bool:
    for use in sorted(lives.rest(unit.type, rest).using):
        if lives.kind(unit.type).use[use].multiplicity is Multiplicity.ANY:
            continue
        for link in change.by_user.get((unit.key, use), ()):
            others = rests.get(link.provider)
            port = link.connection.provide
            if not link.then or others is None:
                continue
            kind = change.units[link.provider].type
            if not any(port in lives.rest(kind, other).serving for other in others):
                provider = change.units[link.provider].name
                why.append(f"  it uses {provider}.{port} there, which is off wherever {provider} may rest at the end")
                return False
    return True
