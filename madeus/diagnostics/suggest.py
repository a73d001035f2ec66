"""`did you mean`: the nearest of some known words to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def distance(one: str, other: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap neighbours) that lead from one word to the other, or limit + 1 when more.

    Optimal string alignment over three rows, left as soon as a whole row is above the limit.
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        current = [i]
        for j, other_letter in enumerate(other, 1):
            cost = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (letter != other_letter))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == other_letter:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, row = row, current
    return min(row[-1], limit + 1)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to a misspelt one, or `None` when none is near.

    Up to a third of the letters may differ, upper and lower case alike; ties go to the first in alphabetical order. Words
    longer than 64 letters have no neighbours: nobody mistypes them by hand.
    """
    if not word or len(word) > 64:
        return None
    limit = max(1, len(word) // 3)
    best: str | None = None
    lowered = word.lower()
    for candidate in sorted(set(known)):
        if candidate == word or (len(word) < 3 and lowered[0] != candidate[:1].lower()):
            continue
        found = distance(lowered, candidate.lower(), limit)
        if found <= limit:
            best, limit = candidate, found - 1
            if limit < 0:
                break
    return best
