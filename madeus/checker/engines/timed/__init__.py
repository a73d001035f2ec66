"""The timed engine: state classes with difference-bound matrices."""

from madeus.checker.engines.timed.engine import Timed

__all__ = ["Timed"]
