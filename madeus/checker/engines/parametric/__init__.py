"""The parametric engine: for which durations of one action a goal keeps its bound, where there is a choice."""

from madeus.checker.engines.parametric.engine import ParametricEngine

__all__ = ["ParametricEngine"]
