"""Files of the controller that actions bring to hosts."""

from __future__ import annotations

from pathlib import Path

from madeus.diagnostics.suggest import nearest
from madeus.executor.errors import LocalFileError


def read_local(path: Path) -> bytes:
    """Content of a file beside the .madeus file.

    Raises:
        LocalFileError: missing, a directory, unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise missing(path, error) from None


def missing(path: Path, error: OSError) -> LocalFileError:
    """Why a local file cannot be had."""
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, names) if isinstance(error, FileNotFoundError) else None
    way_out = f"did you mean `{near}`?" if near else "local files are relative to the .madeus file"
    return LocalFileError(path, error.strerror or str(error), way_out)
