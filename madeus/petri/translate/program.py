"""The instructions of programs: one transition each, or one for each situation that they may meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from madeus.model import (
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Multiplicity,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.petri.element import Element, ElementKind
from madeus.petri.translate.component import Queue
from madeus.petri.translate.life import Life
from madeus.petri.translate.outline import Outline, maybe_busy, pushing
from madeus.petri.translate.ports import Ports
from madeus.petri.translate.shape import is_declared
from madeus.petri.translate.sketch import Clause, Guard, Sketch, Test, TranslationError
from madeus.semantics.step import Step, StepKind
from madeus.semantics.system import recovery_origin


class Programs:
    """Draws the programs of a system."""

    def __init__(
        self, sketch: Sketch, outline: Outline, ports: Ports, queues: Mapping[str, Queue], absent: Mapping[str, int]
    ) -> None:
        self.sketch = sketch
        self.outline = outline
        self.system = outline.system
        self.ports = ports
        self.lives = ports.lives
        self.made = ports.made
        self.queues = queues
        self.absent = absent
        """Place of each name that comes and goes, marked while no component has it."""
        self.positions: list[list[int]] = []
        for program in self.system.programs:
            places = []
            for position in range(len(program.instructions) + 1):
                element = Element(ElementKind.POSITION, program.name, str(position))
                places.append(sketch.place(element, f"{program.name}[{position}]", int(position == 0)))
            self.positions.append(places)
        self.touching: dict[str, list[Connection]] = {}
        for c in (*outline.lasting, *outline.passing):
            for name in {c.user, c.provider}:
                self.touching.setdefault(name, []).append(c)

    def draw(self) -> None:
        """Draw every instruction."""
        for index, program in enumerate(self.system.programs):
            busy = maybe_busy(self.system, index)
            for position, instruction in enumerate(program.instructions):
                step = Step(StepKind.PROGRAM, program.name, position=position)
                pre, post = self.positions[index][position : position + 2]
                begin = self._stage_guard(index) if position == 0 else ()
                match instruction:
                    case Add(instance):
                        self._add(step, pre, post, begin, instance.name, instance.type)
                    case Delete(component):
                        self._delete(step, pre, post, begin, component)
                    case Connect(connection):
                        self._connect(step, pre, post, begin, connection)
                    case Disconnect(connection):
                        self._disconnect(step, pre, post, begin, connection)
                    case Push(component):
                        self._push(step, pre, post, begin, component)
                    case WaitComponent(component):
                        if component in self.lives:
                            present = self._present(component)
                            self.sketch.transition(step, (pre,), (post,), (*begin, *present, *self._idle((component,))))
                    case WaitPush(label):
                        guard = self._finished(index, label)
                        self.sketch.transition(step, (pre,), (post,), (*begin, *guard))
                    case WaitAll():
                        guard = self._idle(busy[position])
                        self.sketch.transition(step, (pre,), (post,), (*begin, *guard))

    def _stage_guard(self, index: int) -> Guard:
        """The stages before are done and all is idle, or another program of this stage has begun."""
        system = self.system
        stage = system.stage_of[index]
        before = [i for i, p in enumerate(system.programs) if system.stage_of[i] < stage and p.instructions]
        if not before:
            return ()
        latest = max(system.stage_of[i] for i in before)
        done = [Test(self.positions[i][-1]) for i in before if system.stage_of[i] == latest]
        idle = [test for clause in self._idle(pushing(system, latest)) for test in clause[0]]
        beside = [
            self.positions[i][0]
            for i, p in enumerate(system.programs)
            if i != index and system.stage_of[i] == stage and p.instructions
        ]
        return (((*done, *idle), *((Test(first, positive=False),) for first in beside)),)

    def _idle(self, components: Sequence[str] | Mapping[str, None]) -> Guard:
        """The queues of some components are empty."""
        queues = (self.queues[name] for name in components if name in self.queues)
        return tuple(((Test(queue.idle),),) for queue in queues if queue.idle is not None)

    def _finished(self, index: int, label: str) -> Guard:
        """The push with a label is not in its queue, nor is the one that recovers from its failure."""
        component, identity = self.system.labels[(index, label)]
        pushes = [(component, identity)]
        if identity in self.system.recoveries:
            pushes.append((self.system.recoveries[identity][0], recovery_origin(identity)))
        guard: list[Clause] = []
        for name, wanted in pushes:
            queue = self.queues.get(name)
            for number, point in enumerate(queue.course.pushes if queue is not None else ()):
                if queue is not None and point.origin == wanted:
                    guard.extend(((Test(place, positive=False),),) for place in queue.containing(number))
        return tuple(guard)

    def _present(self, component: str) -> Guard:
        return (((Test(self.absent[component], positive=False),),),) if component in self.absent else ()

    def _exists(self, life: Life) -> Guard:
        return () if life.exists is None else (((Test(life.exists),),),)

    def _push(self, step: Step, pre: int, post: int, begin: Guard, component: str) -> None:
        queue = self.queues.get(component)
        if queue is None:
            return
        index = self.system.program_index[step.component]
        points = queue.course.pushes
        number = next(i for i, p in enumerate(points) if p.program == index and p.position == step.position)
        last = [queue.last[number]] if number in queue.last else []
        assert queue.idle is not None
        for life in self.lives[component]:
            if not is_declared(life.kind, points[number].behavior):
                continue
            guard = (*begin, *self._exists(life))
            if life.facts.happens(("push", number, 0)):
                tag = (life.number, ("push", number, 0))
                now = (post, queue.head[number], *last)
                self.sketch.transition(step, (pre, queue.idle), now, guard, tag=tag)
            for before in points[number].behind:
                now = (post, queue.next[(before, number)], *last)
                self.sketch.transition(step, (pre, queue.last[before]), now, guard)

    def _add(self, step: Step, pre: int, post: int, begin: Guard, name: str, type_name: str) -> None:
        if name not in self.absent:
            return
        life = next(life for life in self.lives[name] if life.kind.name == type_name)
        assert life.exists is not None
        places = [life.place[p] for p in life.kind.initial_places]
        self.sketch.transition(step, (pre, self.absent[name]), (post, life.exists, *places), begin)

    def _delete(self, step: Step, pre: int, post: int, begin: Guard, name: str) -> None:
        for life in self.lives.get(name, ()):
            unlinked = self._unlinked(life)
            stable = life.facts.stable()
            if stable is None:
                raise TranslationError(f"the states in which {name} may be deleted are too many to enumerate")
            if unlinked is None or life.exists is None:
                continue
            guard = (*begin, *self._idle((name,)), *unlinked)
            for bits in stable:
                self.sketch.transition(
                    step,
                    (pre, life.exists, *_places(life, bits)),
                    (post, self.absent[name]),
                    (*guard, *_nothing_else(life, bits, stable)),
                )

    def _unlinked(self, life: Life) -> Guard | None:
        """No port of the component is connected; None: one always is."""
        tests: list[Test] = []
        for c in self.touching.get(life.name, ()):
            user = c.user == life.name and c.use in life.kind.use
            if user or (c.provider == life.name and c.provide in life.kind.provide):
                if c not in self.made:
                    return None
                tests.append(Test(self.made[c], positive=False))
        return ((tuple(tests),),)

    def _connect(self, step: Step, pre: int, post: int, begin: Guard, connection: Connection) -> None:
        if connection not in self.made:
            return
        others = [c for c in self.outline.ends[(connection.user, connection.use)] if c != connection]
        for user, provider in self._ends(connection):
            only: Clause = ((),)
            if user.kind.use[connection.use].multiplicity is Multiplicity.ONE:
                if any(c not in self.made for c in others):
                    continue
                only = (tuple(Test(self.made[c], positive=False) for c in others),)
            made = self.made[connection]
            exist = (*self._exists(user), *self._exists(provider))
            joinable = self.ports.joinable(user, connection)
            guard = (*begin, *exist, only, ((Test(made, positive=False),),), *joinable)
            self.sketch.transition(step, (pre,), (post, made), guard)

    def _ends(self, connection: Connection) -> Iterator[tuple[Life, Life]]:
        for user in self.lives.get(connection.user, ()):
            for provider in self.lives.get(connection.provider, ()):
                same = user.name == provider.name and user is not provider
                if not same and connection.use in user.kind.use and connection.provide in provider.kind.provide:
                    yield user, provider

    def _disconnect(self, step: Step, pre: int, post: int, begin: Guard, connection: Connection) -> None:
        if connection in self.made:
            unused = self.ports.unused(connection.user, connection.use)
            self.sketch.transition(step, (pre, self.made[connection]), (post,), (*begin, (unused,)))


def _places(life: Life, bits: int) -> list[int]:
    shape = life.shape
    places = [life.place[p] for p, bit in shape.place_bit.items() if bit & bits]
    return places + [life.value[p] for p, bit in shape.value_bit.items() if bit & bits]


def _nothing_else(life: Life, bits: int, stable: Sequence[int]) -> Guard:
    more = 0
    for other in stable:
        if other & bits == bits:
            more |= other & ~bits
    return ((tuple(Test(place, positive=False) for place in _places(life, more)),),)
