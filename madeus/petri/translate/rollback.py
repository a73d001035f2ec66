"""ROLLBACK: a run in which an action has failed is taken back, in one transition.

To move every token to where it was at the start would take a transition for each way in which all tokens of all components may
be spread. So none is moved. A run that was taken back ends there, and where it ends is known: the transition marks a place of
its own, ``decode`` reads a marking with that place as the configuration that the run began in, and whoever asks what holds in
a marking looks at that place first. Every transition of the net stays one step of the semantics.
"""

from __future__ import annotations

from collections.abc import Iterable

from madeus.petri.element import Element, ElementKind
from madeus.petri.translate.life import Life
from madeus.petri.translate.sketch import Sketch, Test, TranslationError
from madeus.semantics.step import STARTS, Step, StepKind
from madeus.semantics.system import System


def draw_rollback(sketch: Sketch, system: System, lives: Iterable[Life]) -> None:
    """Draw how a run is taken back, and what it does no more from the first failure on. Before the other steps are drawn.

    Raises TranslationError where pushes declare recoveries: then it depends on whether anything at all can move.
    """
    if not system.rollback or system.failures == 0:
        return
    if system.recoveries:
        raise TranslationError("a run is taken back where its recoveries can do no more")
    drawn = tuple(lives)
    failed = {place: 1 for life in drawn for place in life.failed.values()}
    bound = len(failed) if system.failures is None else min(system.failures, len(failed))
    lost = sketch.sum(Element(ElementKind.SUM, "", "failed"), "failed actions", 0, failed, bound)
    back = sketch.place(Element(ElementKind.TAKEN_BACK, ""), "taken back")
    for kind in STARTS:
        sketch.everywhere[kind] = (((Test(lost, positive=False),),),)
    for kind in (StepKind.ENTER, StepKind.FINISH):
        sketch.everywhere[kind] = (((Test(back, positive=False),),),)
    at_rest = tuple(Test(place, positive=False) for life in drawn for place in life.running.values())
    guard = (((Test(lost), Test(back, positive=False), *at_rest),),)
    sketch.transition(Step(StepKind.ROLLBACK, system.rollback), (), (back,), guard)
