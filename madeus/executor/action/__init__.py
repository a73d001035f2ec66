"""What transitions do on hosts: an open registry of kinds of action.

`execute` does one, with retries, timeout and resume; `Registry.installed()` knows the kinds; `check_action` judges one before
a run.
"""

from madeus.executor.action.base import (
    ActionKind,
    ActionResult,
    Attempt,
    Call,
    Context,
    Description,
    JobAction,
    Kind,
    Masked,
    Parameter,
    RuntimeValue,
    reveal,
    show,
)
from madeus.executor.action.execute import execute
from madeus.executor.action.interpolate import interpolate, references
from madeus.executor.action.prepare import check_action, parameters, prepare
from madeus.executor.action.registry import Registry

__all__ = [
    "ActionKind",
    "ActionResult",
    "Attempt",
    "Call",
    "Context",
    "Description",
    "JobAction",
    "Kind",
    "Masked",
    "Parameter",
    "Registry",
    "RuntimeValue",
    "check_action",
    "execute",
    "interpolate",
    "parameters",
    "prepare",
    "references",
    "reveal",
    "show",
]
