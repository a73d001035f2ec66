"""Where the phases put what they find."""

from __future__ import annotations

from collections.abc import Callable

from madeus.diagnostics import Diagnostic, Span


class Report:
    """Diagnostics of one load."""

    __slots__ = ("_seen", "found")

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self._seen: set[tuple[str, Span | None]] = set()

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a finding, unless there is one with its code and its span already: the turns of a loop find the same."""
        key = (diagnostic.code, diagnostic.span)
        if key not in self._seen:
            self._seen.add(key)
            self.found.append(diagnostic)

    def each(self, diagnostic: Diagnostic) -> None:
        """Keep a finding, unless the very same message is there already: several things may be wrong with one span."""
        key = (diagnostic.message, diagnostic.span)
        if key not in self._seen:
            self._seen.add(key)
            self.found.append(diagnostic)

    def once(self, code: str, span: Span, build: Callable[[], Diagnostic]) -> None:
        """The same for a finding that is dear to build and may come up in every turn of a loop."""
        if (code, span) not in self._seen:
            self.add(build())

    @property
    def failed(self) -> bool:
        """Whether one of them is an error."""
        return any(diagnostic.is_error for diagnostic in self.found)
