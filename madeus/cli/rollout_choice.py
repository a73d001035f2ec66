"""Which rollout of a file is meant."""

from __future__ import annotations

from madeus.cli.loading import InputError
from madeus.diagnostics.suggest import nearest
from madeus.model import Model, Rollout


def choose_rollout(model: Model, name: str | None) -> Rollout:
    """The rollout of that name, or the only one. Raises InputError."""
    if name is None and len(model.rollouts) == 1:
        return next(iter(model.rollouts.values()))
    known = ", ".join(model.rollouts)
    if not known:
        raise InputError("the file has no rollout")
    if name is None:
        raise InputError(f"the file has several rollouts, name one: {known}")
    if name not in model.rollouts:
        near = nearest(name, model.rollouts)
        raise InputError(f"there is no rollout {name}; {f'did you mean {near}?' if near else f'there is: {known}'}")
    return model.rollouts[name]
