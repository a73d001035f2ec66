"""Answers kept between checks: one small file for each question under ``$XDG_CACHE_HOME/madeus``.

A cache that cannot be read or written is as good as none: nothing here ever fails. What is found is not trusted: it goes
through ``madeus.checker.store``, which replays counterexamples.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from hashlib import sha256
from pathlib import Path

MOST_ENTRIES = 4_000
"""Entries that are kept; when there are more the oldest go."""
LARGEST_ENTRY = 16 * 1024 * 1024
"""Bytes; a larger answer is not kept."""


def default_directory() -> Path:
    """``$XDG_CACHE_HOME/madeus/check``, or the same under ``~/.cache``."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The specification wants relative paths ignored.
    base = Path(named) if named and Path(named).is_absolute() else Path(os.path.expanduser("~")) / ".cache"  # noqa: PTH111
    return base / "madeus" / "check"


DECIDING = ("model", "semantics", "petri", "checker")
"""Folders of this program that an answer depends on."""


def edition(version: str, root: Path | None = None) -> str:
    """The version with a digest of the source files that answers depend on: names, sizes, times of change.

    So an answer of yesterday is not taken for one of a program that was changed since, whatever its version says.
    root: folder of the package.
    """
    base = root if root is not None else Path(__file__).parent.parent
    digest = sha256()
    for folder in DECIDING:
        for path in sorted((base / folder).rglob("*.py")):
            with contextlib.suppress(OSError):
                found = path.stat()
                digest.update(f"{path.relative_to(base)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return f"{version} {digest.hexdigest()}"


class FileCache:
    """Texts by key in a directory, each written whole or not at all."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory if directory is not None else default_directory()
        self._wrote = False

    def get(self, key: str) -> str | None:
        """The text kept under a key; None when there is none, or it cannot be read."""
        path = self._path(key)
        try:
            if path.stat().st_size > LARGEST_ENTRY:
                return None
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def put(self, key: str, text: str) -> None:
        """Keep a text under a key, if that is possible."""
        data = text.encode("utf-8", "replace")
        if len(data) > LARGEST_ENTRY:
            return
        path = self._path(key)
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            number, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            with os.fdopen(number, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
            self._wrote = True
        except OSError:
            if temporary:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()

    def prune(self) -> None:
        """Throw the oldest entries away when there are too many; called when a check is over."""
        if not self._wrote:
            return
        try:
            entries = [(entry.stat().st_mtime, entry) for entry in self.directory.iterdir()]
        except OSError:
            return
        entries.sort(key=lambda entry: entry[0])
        for _, entry in entries[: max(0, len(entries) - MOST_ENTRIES)]:
            with contextlib.suppress(OSError):
                entry.unlink()

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.json"
