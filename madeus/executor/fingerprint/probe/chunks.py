"""Content-defined chunks: a change in a file changes the chunks around it, and no others.

The gear hash of FastCDC (Xia et al., USENIX ATC 2016): each byte shifts the hash and adds a number of its own; a
chunk ends where the hash's 11 upper bits are zero, so after 2 KiB on average behind the shortest length.
"""

from __future__ import annotations

import hashlib

SHORTEST, LONGEST = 512, 16384
"""Bytes of a chunk; the last one of a file may be shorter."""

WHOLE = 4 << 20
"""Bytes from which on a file is one chunk."""

_BITS = 0xFFFFFFFF
_MASK = 0x7FF << 21
_GEAR = [int.from_bytes(hashlib.sha256(bytes([byte])).digest()[:4], "big") for byte in range(256)]


def cut(data: bytes) -> list[bytes]:
    """The chunks of some content; none of empty content."""
    if len(data) > WHOLE:
        return [data]
    found = []
    start, total = 0, len(data)
    while start < total:
        end = min(total, start + LONGEST)
        value = 0
        for place in range(min(total, start + SHORTEST), end):
            value = ((value << 1) + _GEAR[data[place]]) & _BITS
            if not value & _MASK:
                end = place + 1
                break
        found.append(data[start:end])
        start = end
    return found
