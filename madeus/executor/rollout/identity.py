"""Whether an upgrade is the one that machines have failed with: a digest of all that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from madeus.model import ComponentType

READING = ("script", "template", "copy")
"""Kinds of action whose first argument is a local file, or a directory."""


def upgrade_digest(
    texts: Iterable[str], settings: Mapping[str, str], types: Mapping[str, ComponentType], base: Path
) -> str:
    """SHA-256 in hexadecimal over the texts of the model, the values of its parameters, and local files that actions send.

    base: what names of local files are relative to. Files that cannot be read, or whose names are known on a host only, are
    left out: the run that needs them tells.
    """
    found = sha256()
    for text in texts:
        found.update(b"text" + sha256(text.encode(errors="surrogatepass")).digest())
    for name, value in sorted(settings.items()):
        found.update(f"set {name}={value}\n".encode(errors="surrogatepass"))
    for path in sorted(set(_files(types, base))):
        try:
            found.update(f"file {path}\n".encode(errors="surrogateescape") + sha256(path.read_bytes()).digest())
        except OSError:
            continue
    return found.hexdigest()


def _files(types: Mapping[str, ComponentType], base: Path) -> Iterator[Path]:
    for kind in types.values():
        for transition in kind.transitions:
            for action in transition.actions:
                name = action.arguments[0] if action.kind in READING and action.arguments else None
                if isinstance(name, str):
                    path = (base / Path(name).expanduser()).resolve()
                    yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else (path,)
