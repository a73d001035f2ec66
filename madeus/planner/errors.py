"""Why there is no plan.

NoPlan
├── Impossible    no program at all leads to the goal; ``reasons`` say why
└── NotFound      none was found; there may be one
"""

from __future__ import annotations


class NoPlan(Exception):
    """There is no plan to show. reasons: sentences, the most general one first."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons

    def __str__(self) -> str:
        return "\n".join(self.reasons)


class Impossible(NoPlan):
    """No program leads to the goal."""


class NotFound(NoPlan):
    """The search ended without a plan that the checker proves."""
