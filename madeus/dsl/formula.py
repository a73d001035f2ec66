"""Formulas over places and ports."""

from __future__ import annotations

from madeus.dsl import syntax as s
from madeus.dsl.population import Population
from madeus.dsl.references import atom
from madeus.dsl.values import Environment
from madeus.model import And, Formula, Not, Or


def lower_formula(formula: s.Formula, population: Population, env: Environment) -> Formula | None:
    """A formula with its names looked up, replicas written out as all of them; `None` when a name is unknown."""
    match formula:
        case s.Atom():
            members = population.find(formula.reference.instance, env)
            found = atom(members, formula.reference.element, env.report) if members is not None else None
            if found is None:
                return None
            return found[0] if len(found) == 1 else And(tuple(found))
        case s.Not():
            operand = lower_formula(formula.operand, population, env)
            return None if operand is None else Not(operand)
        case s.And() | s.Or():
            parts = [lower_formula(part, population, env) for part in formula.parts]
            known = tuple(part for part in parts if part is not None)
            if len(known) < len(parts):
                return None
            return And(known) if isinstance(formula, s.And) else Or(known)
