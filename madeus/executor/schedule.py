"""Limits: how many transitions act at once on a host and in total, first come, first served.

A transition with actions takes a slot of its host when it fires and gives it back when it ends. While there is none its FIRE
step is *held*: it stays enabled and is not taken, so what it uses is not in use yet and its duration, in the trace, is the
duration of its actions. The step relation allows that (it says what may happen, not that it must at once); in the trace a
held FIRE names the step that freed its slot as its cause. Should the step stop being enabled meanwhile it waits for its ports
again and takes a new place in the line. Transitions without actions need no slot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush

from madeus.semantics import Step


class Slots:
    """Slots of all hosts, and the line of held steps."""

    def __init__(self, total: int, limit_of: Callable[[str], int]) -> None:
        """total: slots of all hosts together. limit_of: slots of a host by its name."""
        self._total, self._limits_of = total, limit_of
        self._limits: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._taken = 0
        self._lines: dict[str, deque[tuple[int, Step]]] = {}
        self._arrivals = 0
        self._heads: list[tuple[int, str]] = []
        """Heap of (arrival, host) of first-in-line steps whose host has a free slot; may hold outdated entries."""

    @property
    def waiting(self) -> int:
        """Steps in line."""
        return sum(map(len, self._lines.values()))

    def is_free(self, host: str) -> bool:
        """Whether a newcomer may take a slot: there is one, and nobody who could take it stands in line."""
        if self._taken >= self._total or self._used.get(host, 0) >= self._limit_of(host):
            return False
        return not self._lines.get(host) and self._first() is None

    def _limit_of(self, host: str) -> int:
        limit = self._limits.get(host)
        if limit is None:
            limit = self._limits[host] = self._limits_of(host)
        return limit

    def take(self, host: str) -> None:
        """Take a slot; the caller has seen that there is one, or goes on with what an earlier controller began."""
        self._used[host] = self._used.get(host, 0) + 1
        self._taken += 1

    def give_back(self, host: str) -> None:
        """Give a slot back."""
        self._used[host] -= 1
        self._taken -= 1
        self._offer(host)

    def stand_in_line(self, host: str, step: Step) -> None:
        """Put a step at the end of the line."""
        self._lines.setdefault(host, deque()).append((self._arrivals, step))
        self._arrivals += 1
        self._offer(host)

    def next(self) -> Step | None:
        """Take the longest waiting step that has a slot out of the line; None when there is none."""
        host = self._first()
        if host is None:
            return None
        heappop(self._heads)
        line = self._lines[host]
        _, step = line.popleft()
        if not line:
            del self._lines[host]
        self._offer(host)
        return step

    def _first(self) -> str | None:
        if self._taken >= self._total:
            return None
        while self._heads:
            arrival, host = self._heads[0]
            line = self._lines.get(host)
            if line and line[0][0] == arrival and self._used.get(host, 0) < self._limit_of(host):
                return host
            heappop(self._heads)
        return None

    def _offer(self, host: str) -> None:
        line = self._lines.get(host)
        if line and self._used.get(host, 0) < self._limit_of(host):
            heappush(self._heads, (line[0][0], host))
