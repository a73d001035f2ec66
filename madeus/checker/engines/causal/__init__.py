"""Programs whose runs are all the same but for the order of independent steps."""

from madeus.checker.engines.causal.engine import Causal

__all__ = ["Causal"]
