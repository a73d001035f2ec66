"""Who has to move: what the goal asks of some components is passed on along the connections until nobody asks for more.

A behavior that takes a service off asks its users to let go of it first; a component that uses a service at the end asks its
provider to serve; a provider that cannot asks its users to end without it. What nobody asks of a component, it does not do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields, replace

from madeus.planner.errors import NotFound
from madeus.planner.life import Lives
from madeus.planner.target import Change, Link, Target, Unit
from madeus.planner.walk import Asked, Walk, Walks


class Demands:
    """What is asked of each unit, and the walks that do it. Raises NotFound."""

    def __init__(self, change: Change, target: Target, lives: Lives) -> None:
        self.change = change
        self.lives = lives
        self.asked: dict[str, Asked] = dict.fromkeys(change.units, Asked())
        self.walks: dict[str, Walk] = {}
        self.reasons: dict[tuple[str, str, str], str] = {}
        """(unit, what is asked, element) -> the sentence that says why."""
        self._search = Walks(lives)
        self._missed = self._services()
        self._cannot: set[tuple[str, str]] = set()
        """Services that their units cannot serve at the end."""
        self._never: set[tuple[str, str]] = set()
        """Services that they cannot serve on the way either."""
        self._pending = deque(change.units)
        self._waiting = set(change.units)
        self._needs: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        """Use ports in use at the end of a unit's walk, and those taken on the way."""
        self._goals(target)
        while self._pending:
            key = self._pending.popleft()
            self._waiting.discard(key)
            self._settle(change.units[key])

    def _services(self) -> dict[str, frozenset[str]]:
        """Services that are missed when they are off: all; one that no component uses is there for somebody outside."""
        return {key: frozenset(self.lives.table(unit.type).services) for key, unit in self.change.units.items()}

    def _goals(self, target: Target) -> None:
        named = {unit.name: key for key, unit in self.change.units.items() if not unit.deleted}
        for component, places in target.places.items():
            self._ask(named[component], "marked", places, "the goal asks for it")
        for component, behaviors in target.once.items():
            self._ask(named[component], "once", behaviors, "the goal asks for it")
        for component, ports in target.serving.items():
            self._ask(named[component], "serve", ports, "the goal asks for it")
        for link in self.change.links:
            if link.now and not link.then:
                ports = frozenset((link.connection.use,))
                reason = f"{link.connection} is cut"
                self._ask(link.user, "off", ports, reason)
                if self.change.units[link.user].deleted:
                    self._ask(link.user, "idle", ports, reason)

    def _ask(self, key: str, what: str, elements: frozenset[str], reason: str) -> None:
        """Ask more of a unit."""
        asked = self.asked[key]
        new = elements - getattr(asked, what)
        if not new:
            return
        for element in new:
            self.reasons[(key, what, element)] = reason
        self._set(key, replace(asked, **{what: getattr(asked, what) | elements}))

    def _set(self, key: str, asked: Asked) -> None:
        self.asked[key] = asked
        if key not in self._waiting:
            self._waiting.add(key)
            self._pending.append(key)

    # ---- one unit ----------------------------------------------------------------------------------------------------

    def _settle(self, unit: Unit) -> None:
        """Find the unit's walk and pass on what it asks of others."""
        walk = self._search.find(unit, self._missed[unit.key], self.asked[unit.key])
        if walk is None:
            self._give_way(unit)
            return
        if self.walks.get(unit.key) is walk:
            return
        self.walks[unit.key] = walk
        using = self.lives.rest(unit.type, walk.end).using
        self._needs[unit.key] = (using, frozenset(use for move in walk.moves for use in move.takes))
        self._ask_users(unit, walk)
        self._ask_providers(unit, walk)

    def _give_way(self, unit: Unit) -> None:
        """Not everything that is asked can be done: drop what others may do without."""
        asked = self.asked[unit.key]
        goal = frozenset(port for port in asked.serve if self._reason(unit, "serve", port) == "the goal asks for it")
        if asked.serve - goal:
            bare = replace(asked, serve=goal, visit=frozenset())
            failing = self._failing(unit, bare, "serve", asked.serve - goal)
            for port in sorted(failing):
                self._cannot.add((unit.key, port))
                for link in self.change.by_provider.get((unit.key, port), ()):
                    if link.then:
                        reason = f"{unit.name}.{port} is off at the end"
                        self._ask(link.user, "idle", frozenset((link.connection.use,)), reason)
            self._set(unit.key, replace(asked, serve=asked.serve - failing))
            return
        if asked.visit:
            failing = self._failing(unit, replace(asked, visit=frozenset()), "visit", asked.visit)
            self._never.update((unit.key, port) for port in failing)
            self._set(unit.key, replace(asked, visit=asked.visit - failing))
            for port in sorted(failing):
                for link in self.change.by_provider[(unit.key, port)]:
                    self._ask_provider(link)
            return
        if asked.off and not any(self._reason(unit, "off", port).endswith("is cut") for port in asked.off):
            # It cannot let go: its providers have to keep what it uses.
            for port in sorted(asked.off):
                for link in self.change.by_user.get((unit.key, port), ()):
                    reason = f"{unit.name} cannot let go of {unit.name}.{port}"
                    self._ask(link.provider, "keep", frozenset((link.connection.provide,)), reason)
            self._set(unit.key, replace(asked, off=frozenset()))
            return
        raise NotFound(*self._explain(unit))

    def _failing(self, unit: Unit, bare: Asked, what: str, ports: frozenset[str]) -> frozenset[str]:
        """Of several services those that cannot even be had alone; all of them when each one can."""
        failing: set[str] = set()
        for port in ports:
            alone = replace(bare, **{what: getattr(bare, what) | {port}})
            if self._search.find(unit, self._missed[unit.key], alone) is None:
                failing.add(port)
        return frozenset(failing) or ports

    def _reason(self, unit: Unit, what: str, element: str) -> str:
        return self.reasons.get((unit.key, what, element), "")

    def _explain(self, unit: Unit) -> list[str]:
        asked = self.asked[unit.key]
        words = {
            "marked": "end at {0}.{1}",
            "once": "execute {0}.{1}",
            "serve": "serve {0}.{1} at the end",
            "visit": "serve {0}.{1} for a time",
            "idle": "end without using {0}.{1}",
            "off": "let go of {0}.{1}",
            "produce": "give {0}.{1} a value",
            "keep": "keep {0}.{1} on all the time",
            "avoid": "do without {0}.{1}",
        }
        parts = [
            f"  {words[f.name].format(unit.name, element)}: {self._reason(unit, f.name, element)}"
            for f in fields(asked)
            for element in sorted(getattr(asked, f.name))
        ]
        start = ", ".join(sorted(unit.start)) or "no place"
        found = [f"from {start} no behaviors of {unit.name} do all that is asked of it:", *parts]
        found += [
            f"  behavior {behavior} of {kind} is left out: {why}"
            for (kind, behavior), why in self.lives.skipped.items()
            if kind == unit.type
        ]
        return found

    def _ask_users(self, unit: Unit, walk: Walk) -> None:
        dropped = {port: move.behavior for move in walk.moves for port in move.drops}
        for port, behavior in dropped.items():
            for link in self.change.by_provider.get((unit.key, port), ()):
                if link.now and self._uses_now(link):
                    reason = f"{unit.name}.{behavior} takes {unit.name}.{port} off"
                    self._ask(link.user, "off", frozenset((link.connection.use,)), reason)
        for port in sorted(self._missed[unit.key]):
            for link in self.change.by_provider.get((unit.key, port), ()):
                self._ask_provider(link)

    def _uses_now(self, link: Link) -> bool:
        user = self.change.units[link.user]
        return link.connection.use in self.lives.rest(user.type, user.start).using

    def _ask_serve(self, link: Link) -> None:
        user, provider = self.change.units[link.user], self.change.units[link.provider]
        use, port = link.connection.use, link.connection.provide
        if (provider.key, port) in self._cannot:
            self._ask(user.key, "idle", frozenset((use,)), f"{provider.name}.{port} is off at the end")
        else:
            reason = f"{user.name}.{use} uses it"
            self._ask(provider.key, "serve", frozenset((port,)), reason)

    def _ask_providers(self, unit: Unit, walk: Walk) -> None:
        for use in sorted(frozenset().union(*self._needs[unit.key])):
            for link in self.change.by_user.get((unit.key, use), ()):
                self._ask_provider(link)
        for use in sorted({use for move in walk.moves for use in move.needs_data}):
            for link in self.change.by_user.get((unit.key, use), ()):
                provider = self.change.units[link.provider]
                port = link.connection.provide
                if link.then and port not in provider.data:
                    self._ask(provider.key, "produce", frozenset((port,)), f"{unit.name}.{use} reads it")

    def _ask_provider(self, link: Link) -> None:
        """Ask for what a user needs and does not get."""
        if not link.then or link.user not in self.walks or link.provider not in self.walks:
            return
        using, taken = self._needs[link.user]
        use = link.connection.use
        if (use in using or use in taken) and not self._serves(link, use in using):
            self._ask_serve_or_visit(link, use in using)

    def _serves(self, link: Link, at_the_end: bool) -> bool:
        provider, walk = self.change.units[link.provider], self.walks[link.provider]
        port = link.connection.provide
        rests = [len(walk.moves)] if at_the_end else range(len(walk.moves) + 1)
        return any(port in self.lives.rest(provider.type, walk.rest(number)).serving for number in rests)

    def _ask_serve_or_visit(self, link: Link, at_the_end: bool) -> None:
        if at_the_end:
            self._ask_serve(link)
            return
        user, provider = self.change.units[link.user], self.change.units[link.provider]
        use, port = link.connection.use, link.connection.provide
        if (provider.key, port) in self._never:
            self._ask(user.key, "avoid", frozenset((use,)), f"{provider.name}.{port} never serves")
        else:
            self._ask(provider.key, "visit", frozenset((port,)), f"{user.name}.{use} uses it on the way")
