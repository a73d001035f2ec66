"""What the explicit engine works out of a system once, and when it changes its way of searching."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.checker.engines.explicit.encoding import Encoding
from madeus.checker.engines.explicit.search import Search
from madeus.checker.engines.explicit.target import Conditions
from madeus.petri.translate import Translation

REDUCED = 40_000
"""States of a reduced search for a target after which a search of everything by whole levels is the better bet."""


@dataclass(frozen=True)
class Compiled:
    """A system on integers."""

    translation: Translation
    search: Search
    conditions: Conditions

    @property
    def encoding(self) -> Encoding:
        """The net on integers."""
        return self.search.encoding
