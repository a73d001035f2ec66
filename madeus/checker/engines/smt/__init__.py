"""The SMT engine: proofs without enumeration, bounded search (z3)."""

from madeus.checker.engines.smt.engine import Smt

__all__ = ["Smt"]
