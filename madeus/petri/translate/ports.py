"""Guards that reach across connections: served use ports, and services that must not go off (J19, J20, MAU)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from madeus.model import Connection, Multiplicity, UsePort
from madeus.petri.translate.facts import Predicate, State
from madeus.petri.translate.life import Life
from madeus.petri.translate.outline import Outline
from madeus.petri.translate.shape import Enter, Leave
from madeus.petri.translate.sketch import ALWAYS, NEVER, Alternative, Clause, Guard, Test
from madeus.semantics.ports import is_active


class Ports:
    """Guards of the steps of components.

    lives: for each name the lives it may have. made: net place of each connection that comes and goes.
    """

    def __init__(self, outline: Outline, lives: Mapping[str, tuple[Life, ...]], made: Mapping[Connection, int]) -> None:
        self.outline = outline
        self.lives = lives
        self.made = made

    def served(self, life: Life, use: UsePort) -> Guard:
        """As many connected provide ports as the multiplicity asks for are active and do not refuse."""
        ends = self.outline.ends.get((life.name, use.name), ())
        if not ends:
            return ALWAYS if use.optional else (NEVER,)
        passing = [c for c in ends if c in self.made] if self.made else []
        if not passing and use.multiplicity is not Multiplicity.ANY:
            return tuple(clause for c in ends for clause in self._serving(c))
        lasting = [c for c in ends if c not in self.made]
        unconnected: Clause = (tuple(Test(self.made[c], positive=False) for c in passing),)
        some: Clause = () if use.optional or lasting else tuple((Test(self.made[c]),) for c in passing)
        if use.multiplicity is Multiplicity.ANY:
            free = unconnected if use.optional and not lasting else ()
            ways = [a for c in lasting for a in _flat(self._serving(c))]
            ways += [(Test(self.made[c]), *a) for c in passing for a in _flat(self._serving(c))]
            return ((*free, *ways),)
        at_start = sum(self.outline.passing.get(c, True) for c in ends)
        if use.multiplicity is Multiplicity.ONE and not lasting and at_start <= 1:
            free = unconnected if use.optional else ()
            return ((*free, *((Test(self.made[c]), *a) for c in passing for a in _flat(self._serving(c)))),)
        clauses = [clause for c in lasting for clause in self._serving(c)]
        for c in passing:
            absent = (Test(self.made[c], positive=False),)
            clauses.extend((absent, *clause) for clause in self._serving(c))
        return (*((some,) if some else ()), *clauses)

    def _serving(self, connection: Connection) -> Guard:
        """The provide port of a connection that exists serves new users."""
        name = connection.provide
        guards: list[Guard] = []
        for life in self.lives.get(connection.provider, ()):
            if name not in life.kind.provide:
                continue
            if life.is_data(name):
                value = life.has_values(name)
                guards.append((NEVER,) if value is None else ((value,),))
            else:
                guards.append(life.is_serving(name))
        if len(guards) == 1:
            return guards[0]
        return (tuple(a for guard in guards for a in _flat(guard)),)

    def _active(self, connection: Connection) -> Clause:
        """The provide port of a connection is active; each alternative for one type of its component."""
        name = connection.provide
        alternatives: list[Alternative] = []
        for life in self.lives.get(connection.provider, ()):
            if name not in life.kind.provide:
                continue
            if not life.is_data(name):
                alternatives.append(life.is_active(name))
                continue
            value = life.has_values(name)
            if value is not None:
                alternatives.append(value)
        return tuple(alternatives)

    def joinable(self, user: Life, connection: Connection) -> Guard:
        """The use port is not in use, or the new connection serves it, or (multiplicity ``any``) another one does already."""
        joined: list[Alternative] = []
        if user.kind.use[connection.use].multiplicity is Multiplicity.ANY:
            others = (c for c in self.outline.ends[(connection.user, connection.use)] if c != connection)
            joined = [(Test(self.made[c]),) if c in self.made else () for c in others]
        unused = self.unused(connection.user, connection.use)
        serving = _flat(self._serving(connection)) if unused else ()
        return tuple(((test,), *joined, *serving) for test in unused)

    def unused(self, user: str, use: str) -> Alternative:
        """The use port is not in use."""
        lives = (life for life in self.lives.get(user, ()) if use in life.kind.use)
        return tuple(test.negated() for life in lives for test in life.in_use(life.kind.use[use]))

    def may_leave(self, life: Life, leave: Leave) -> Guard:
        """No provide port in use would go from active to inactive."""
        guard: list[Clause] = []
        for service in life.shape.table.services:
            users = self.outline.users.get((life.name, service), ())
            if users:
                guard.extend(self._keeps_on(life, leave, service, users))
        return tuple(guard)

    def _keeps_on(self, life: Life, leave: Leave, service: str, users: tuple[Connection, ...]) -> Iterable[Clause]:
        shape, facts = life.shape, life.facts
        groups = [shape.group(g) for g in life.kind.provide[service].bound]
        losing = [g for g in groups if g & leave.take and not g & leave.docks]

        def active(state: State) -> bool:
            return shape.is_active(service, state.bits)

        event = ("leave", leave.behavior, leave.place)
        pairs = facts.remembered(("active", service, event), lambda: facts.pairs((event,), active))
        if not losing or (pairs is not None and (True, False) not in pairs):
            return
        off: list[Alternative] = []
        if pairs is None or any(not before for before, _ in pairs):
            off = [(life.holds(g).negated(),) for g in groups if not g & leave.take]
        kept: list[Alternative] = []
        if (pairs is None and all(facts.maximum(g) != 1 for g in losing)) or (
            pairs is not None and (True, True) in pairs
        ):
            kept = [tuple(life.holds_two(g) for g in losing)]
        plain: list[Test] = []
        for c in users:
            unused = self.unused(c.user, c.use)
            if not unused:
                continue
            others = self._others(c)
            if others or c in self.made:
                absent = [(Test(self.made[c], positive=False),)] if c in self.made else []
                # (A or x and y) is (A or x) and (A or y): single tests can be counted.
                yield from ((*off, *kept, *absent, *others, (test,)) for test in unused)
            elif off and self._in_use_implies_active(c):
                yield from ((*kept, (test,)) for test in unused) if kept else (((test,),) for test in unused)
            else:
                plain.extend(unused)
        if plain:
            yield (*off, *kept, tuple(plain))

    def _others(self, going: Connection) -> Clause:
        """Ways in which another provide port serves the user of a connection (multiplicity ``any``)."""
        ways: list[Alternative] = []
        for life in self.lives.get(going.user, ()):
            use = life.kind.use.get(going.use)
            if use is None or use.multiplicity is not Multiplicity.ANY:
                continue
            typed = (Test(life.exists),) if life.exists is not None and len(self.lives[going.user]) > 1 else ()
            for c in self.outline.ends[(going.user, going.use)]:
                if c != going:
                    made = (Test(self.made[c]),) if c in self.made else ()
                    ways.extend((*typed, *made, *a) for a in self._active(c))
        return tuple(ways)

    def _in_use_implies_active(self, connection: Connection) -> bool:
        """Whether the use port can only come in use when it is served by this connection, which lasts."""
        for life in self.lives.get(connection.user, ()):
            use = life.kind.use.get(connection.use)
            if use is None:
                continue
            course, holders = life.course, life.shape.holders(use)
            if holders & life.shape.initial and (course.marked is None or course.additions):
                return False
            if (
                course.marked is not None
                and holders & life.shape.start(course)
                and not self._active_at_start(connection)
            ):
                return False
        return True

    def _active_at_start(self, connection: Connection) -> bool:
        system = self.outline.system
        return system.begin is not None and is_active(system, system.begin, connection.provider, connection.provide)

    def may_enter(self, life: Life, enter: Enter) -> Guard:
        """Every place- or group-bound use port that would become in use is served."""
        guard: list[Clause] = []
        for use in life.shape.table.holder_uses:
            mask = life.shape.holders(use)
            if not mask & enter.make or mask & enter.docks:
                continue
            pairs = life.facts.pairs((("enter", enter.behavior, enter.station),), _holding(mask))
            if pairs is not None and (False, True) not in pairs:
                continue
            held: Clause = ()
            if pairs is None or (True, True) in pairs:
                held = tuple((life.holds(life.shape.group(h)),) for h in use.holders)
            guard.extend((*held, *clause) for clause in self.served(life, use))
        return tuple(guard)


def _holding(mask: int) -> Predicate:
    return lambda state: bool(state.bits & mask)


def _flat(guard: Guard) -> Clause:
    """A guard as one disjunction."""
    ways: list[Alternative] = [()]
    for clause in guard:
        ways = [(*way, *alternative) for way in ways for alternative in clause]
    return tuple(ways)
