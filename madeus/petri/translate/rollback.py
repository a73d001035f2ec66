"""ROLLBACK: a run in which an action has failed is taken back, in one transition.

To move every token to where it was at the start would take a transition for each way in which all tokens of all components may
be spread. So none is moved. A run that was taken back ends there, and where it ends is known: the transition marks a place of
its own, ``decode`` reads a marking with that place as the configuration that the run began in, and whoever asks what holds in
a marking looks at that place first. Every transition of the net stays one step of the semantics.
"""

from __future__ import annotations

from collections.abc import Collection

from madeus.petri.element import Element, ElementKind
from madeus.petri.translate.life import Life
from madeus.petri.translate.ports import Ports
from madeus.petri.translate.shape import is_declared
from madeus.petri.translate.sketch import Sketch, Test, TranslationError
from madeus.semantics.step import STARTS, Step, StepKind


def draw_rollback(sketch: Sketch, ports: Ports, lives: Collection[Life]) -> int | None:
    """Draw how a run is taken back, and what it does no more once an action has failed. Before the other steps are drawn.

    Returns the place that has a token for each action that has failed and that nothing recovers from; None where no run is
    taken back. Raises TranslationError where a recovery may be kept from beginning: then it depends on whether anything at
    all can move.
    """
    system = ports.outline.system
    if not system.rollback or system.failures == 0:
        return None
    for life in lives:
        _check_recoveries(ports, life)
    count = sum(len(life.failed) for life in lives)
    bound = count if system.failures is None else min(system.failures, count)
    lost = sketch.place(Element(ElementKind.LOST, ""), "failed for good", bound=bound)
    back = sketch.place(Element(ElementKind.TAKEN_BACK, ""), "taken back")
    for kind in STARTS:
        sketch.everywhere[kind] = (((Test(lost, positive=False),),),)
    for kind in (StepKind.ENTER, StepKind.FINISH):
        sketch.everywhere[kind] = (((Test(back, positive=False),),),)
    at_rest = tuple(Test(place, positive=False) for life in lives for place in life.running.values())
    guard = (((Test(lost), Test(back, positive=False), *at_rest),),)
    sketch.transition(Step(StepKind.ROLLBACK, system.rollback), (), (back,), guard)
    return lost


def _check_recoveries(ports: Ports, life: Life) -> None:
    """A push that has failed is recovered from as soon as nothing of it runs: no port may keep it from that."""
    for point in life.course.pushes:
        if point.recovery is None or not is_declared(life.kind, point.behavior):
            continue
        target, behavior = ports.outline.system.recoveries[point.origin]
        there = ports.lives.get(target, ())
        if life.shape.table.holder_uses or not there or not is_declared(there[0].kind, behavior):
            raise TranslationError(
                f"a run is taken back, too, where nothing recovers from the failure of {point.origin}"
            )
