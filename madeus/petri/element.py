"""What the places of a net stand for in the model: the map back from nets to configurations."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ElementKind(StrEnum):
    """Kinds of model elements that net places stand for."""

    PLACE = "place"
    """A place of a component."""
    OUTPUT_DOCK = "output dock"
    """The output dock of a transition: its source has been left, it has not fired."""
    RUNNING = "running"
    """A transition that has fired and neither ended nor failed."""
    FAILED = "failed"
    """A transition whose action failed."""
    INPUT_DOCK = "input dock"
    """The input dock of a transition: it has ended, its station has not been entered."""
    DATA = "data"
    """The data ports of a place have their values; the name is the place's."""
    HEAD = "head"
    """A push that is the head of its component's queue; the name is its origin."""
    NEXT = "next"
    """A push that stands in the queue behind another one; the name is ``origin`` and ``behind`` the other one's."""
    LAST = "last"
    """The push that is the last of its component's queue."""
    IDLE = "idle"
    """The component's queue is empty, or the component does not exist."""
    EXISTS = "exists"
    """The component exists, with the type in ``name``."""
    ABSENT = "absent"
    """No component has this name."""
    CONNECTION = "connection"
    """A connection exists that some program makes or cuts."""
    POSITION = "position"
    """A program stands at an instruction: component is the program, name the position."""
    BUDGET = "budget"
    """An action may still fail."""
    LOST = "lost"
    """An action has failed for which the run will be taken back; a token for each."""
    TAKEN_BACK = "taken back"
    """The run was taken back: everything is as at its start, whatever the other places hold."""
    SUM = "sum"
    """A number kept for a condition of several parts (groups, disjunctions); says nothing that other places do not say."""


class Element(NamedTuple):
    """The model element that a net place stands for. The name of the place is made of these words."""

    kind: ElementKind
    component: str
    """Instance; the program for POSITION; empty for what belongs to none."""
    name: str = ""
    """Name of the element in its component."""
    behind: str = ""
    """For NEXT: origin of the push that it stands behind."""
