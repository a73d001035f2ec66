"""The planner: from where an assembly rests and where it shall come to, to a program that is proved to lead there.

``plan(assembly, target, now)`` is the door. The structure of the assembly does the work: behaviors as automata of rests
(``life``, ``walk``), demands passed on along the connections (``demand``), an order of pushes with as few waits as the step
relation leaves necessary (``order``), a proof by the checker (``prove``).
"""

from madeus.planner.errors import Impossible, NoPlan, NotFound
from madeus.planner.plan import Plan, plan
from madeus.planner.prove import Forecast, Outage, Proof
from madeus.planner.start import NotAtRest, initial
from madeus.planner.target import Target

__all__ = [
    "Forecast",
    "Impossible",
    "NoPlan",
    "NotAtRest",
    "NotFound",
    "Outage",
    "Plan",
    "Proof",
    "Target",
    "initial",
    "plan",
]
