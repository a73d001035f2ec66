"""The explicit engine: markings as integers, stubborn sets, whole levels as arrays."""

from madeus.checker.engines.explicit.engine import Explicit

__all__ = ["Explicit"]
