"""The structural engine: choice-free assemblies as event graphs, in time linear or close to it."""

from madeus.checker.engines.structural.engine import Structural

__all__ = ["Structural"]
