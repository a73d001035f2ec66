"""A state: what a machine was at one time, so that it can be that again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """Role, version and stack of a machine when it was recorded; its layers never change again, so they are its contents."""

    machine: str
    number: int
    """Counted from 1 on each machine, never used again."""
    role: str
    version: str
    stack: tuple[str, ...]
    """Layers, bottom to top."""
    created: float
    """Seconds since the Unix epoch."""
    used: float
    """When it was last returned to, or recorded."""
    why: str = ""
    """The operation that it was recorded before."""
    run: str = ""
    """The run that it was recorded in, or empty."""

    @property
    def name(self) -> str:
        """``web1@3``."""
        return f"{self.machine}@{self.number}"
