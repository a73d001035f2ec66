"""Paths and identities in the forms that forges read."""

from __future__ import annotations

from hashlib import sha256
from pathlib import PurePath
from urllib.parse import quote

from madeus.diagnostics import Diagnostic


def path_of(file: str) -> str:
    """A file's name with forward slashes and without a leading ``./``, as forges compare it with their own."""
    return PurePath(file).as_posix()


def uri_of(file: str) -> str:
    """The same as a relative or absolute URI reference."""
    path = path_of(file)
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)


def fingerprint(diagnostic: Diagnostic, file: str, occurrence: int = 0) -> str:
    """An identity that outlives edits elsewhere: the line is no part of it. occurrence: of equal ones the n-th."""
    parts = (diagnostic.code, path_of(file), diagnostic.message, str(occurrence))
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


class Fingerprints:
    """Gives each diagnostic of a report an identity of its own."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, diagnostic: Diagnostic, file: str) -> str:
        """The next identity of a diagnostic."""
        first = fingerprint(diagnostic, file)
        occurrence = self._seen.get(first, 0)
        self._seen[first] = occurrence + 1
        return first if not occurrence else fingerprint(diagnostic, file, occurrence)
