"""asyncssh, imported without running compilers.

On its import asyncssh looks for liboqs and nettle (which bring more algorithms) with `ctypes.util.find_library`, and that runs
ldconfig, gcc and ld: some 50 ms at each start. The loader's own cache, which is what ldconfig prints, says the same when it is
read.
"""

from __future__ import annotations

import ctypes.util
import os
import re
import sys
from pathlib import Path

CACHE = Path("/etc/ld.so.cache")


def import_asyncssh() -> None:
    """Import it, unless it is imported. It finds what it would have found."""
    if "asyncssh" in sys.modules or not CACHE.is_file() or os.environ.get("LD_LIBRARY_PATH"):
        return
    cache = CACHE.read_bytes()
    search = ctypes.util.find_library

    def find_library(name: str) -> str | None:
        found = re.search(rb"[/\0](lib%b\.so[^/\0]*)\0" % re.escape(name).encode(), cache)
        return found[1].decode() if found else None

    ctypes.util.find_library = find_library
    try:
        import asyncssh  # noqa: F401 - for what it finds
    finally:
        ctypes.util.find_library = search
