"""Translation of a whole system: the components, their connections, the programs."""

from __future__ import annotations

from dataclasses import replace

from madeus.model import Add, Connection
from madeus.petri.element import Element, ElementKind
from madeus.petri.translate.component import Queue, draw_failures, draw_finishes, draw_steps
from madeus.petri.translate.decode import Translation
from madeus.petri.translate.facts import Facts, explore
from madeus.petri.translate.life import Life
from madeus.petri.translate.once import once
from madeus.petri.translate.outline import Course, Outline, outline
from madeus.petri.translate.ports import Ports
from madeus.petri.translate.program import Programs
from madeus.petri.translate.recover import draw_recoveries
from madeus.petri.translate.rollback import draw_rollback
from madeus.petri.translate.shape import Shape
from madeus.petri.translate.sketch import Sketch, TranslationError
from madeus.semantics.configuration import Configuration
from madeus.semantics.system import System

LOCAL_STATES = 2_000
"""States of one component alone that are enumerated at most, to keep its part of the net small."""


def translate(system: System, local_states: int = LOCAL_STATES) -> Translation:
    """The net of a system: its reachability graph is that of ``madeus.semantics.step``, step by step.

    A second token on an element ends the run in the net as it does there (``Net.single``). local_states: effort spent on each
    type to make the net smaller; 0: none, the general form for all but plain deployments.
    Raises TranslationError.
    """
    _check_types(system)
    if system.begin is not None:
        _check_begin(system, system.begin)
    plan = outline(system)
    sketch = Sketch(system.assembly.name)
    lives, queues, absent = _draw_components(sketch, plan, local_states)
    made: dict[Connection, int] = {}
    for connection, at_start in plan.passing.items():
        element = Element(ElementKind.CONNECTION, connection.user, str(connection))
        made[connection] = sketch.place(element, f"connection {connection}", int(at_start))
    ports = Ports(plan, lives, made)
    programs = Programs(sketch, plan, ports, queues, absent)
    budget = None
    if system.failures:
        element = Element(ElementKind.BUDGET, "")
        budget = sketch.place(element, "failures left", system.failures, bound=system.failures)
    lost = draw_rollback(sketch, ports, [life for found in lives.values() for life in found])
    for name, found in lives.items():
        for life in found:
            draw_steps(sketch, ports, life, queues[name])
            draw_failures(sketch, life, queues[name], budget, lost)
        draw_finishes(sketch, queues[name], found)
        draw_recoveries(sketch, ports, queues, found)
    programs.draw()
    return Translation(plan, sketch.net(), tuple(sketch.elements))


def _check_types(system: System) -> None:
    added = [i.instance for p in system.programs for i in p.instructions if isinstance(i, Add)]
    for instance in (*system.assembly.instances, *added):
        if instance.type not in system.assembly.types:
            raise TranslationError(f"component {instance.name} has the unknown type {instance.type}")


def _check_begin(system: System, begin: Configuration) -> None:
    """The net knows idle components only, and data ports of a place that all have a value or none of which has."""
    for name, state in begin.components.items():
        if state.queue or state.in_flight:
            raise TranslationError(f"component {name} is in the middle of a behavior where the runs begin")
        kind = system.tables[state.type].kind
        for place, ports in kind.produced.items():
            there = sum((name, port) in begin.data for port in ports)
            if there < len(ports) and (there or kind.place[place].initial):
                raise TranslationError(f"not all data ports of {name}.{place} have a value where the runs begin")


def _draw_components(
    sketch: Sketch, plan: Outline, local_states: int
) -> tuple[dict[str, tuple[Life, ...]], dict[str, Queue], dict[str, int]]:
    lives: dict[str, tuple[Life, ...]] = {}
    queues: dict[str, Queue] = {}
    absent: dict[str, int] = {}
    library = _Library(plan.system, local_states)
    number = 0
    for name, course in plan.courses.items():
        queues[name] = queue = Queue(sketch, name, course)
        found: list[Life] = []
        for type_name in course.types:
            prefix = name if len(course.types) == 1 else f"{name}: {type_name}"
            life = Life(sketch, number, name, prefix, course, library.facts(type_name, course))
            number += 1
            present = course.initial and type_name == course.types[0]
            if not course.fixed:
                element = Element(ElementKind.EXISTS, name, type_name)
                life.exists = sketch.place(element, f"{prefix}.(exists)", int(present))
            life.heads = queue.heads
            life.draw_places(plan.system.failures != 0, present)
            found.append(life)
        lives[name] = tuple(found)
        if not course.fixed:
            element = Element(ElementKind.ABSENT, name)
            absent[name] = sketch.place(element, f"{name}.(absent)", int(not course.initial))
    return lives, queues, absent


class _Library:
    """Facts of types, found once for all components with equal courses."""

    def __init__(self, system: System, budget: int) -> None:
        self._system = system
        self._budget = budget
        self._shapes: dict[str, Shape] = {}
        self._facts: dict[tuple[str, Course], Facts] = {}

    def facts(self, type_name: str, course: Course) -> Facts:
        """What is known of a component of a type on a course."""
        points = tuple(point._replace(origin="", position=0, program=min(point.program, 0)) for point in course.pushes)
        key = (type_name, replace(course, pushes=points, types=()))
        known = self._facts.get(key)
        if known is None:
            shape = self._shapes.get(type_name)
            if shape is None:
                shape = self._shapes[type_name] = Shape(self._system.tables[type_name])
            known = explore(shape, course, self._budget) if self._budget else None
            known = known or once(shape, course)
            known = known or Facts(shape, tuple(point.behavior for point in course.pushes), crowded=True)
            self._facts[key] = known
        return known
