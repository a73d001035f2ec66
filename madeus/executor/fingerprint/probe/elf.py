"""ELF files: name, what they need, which build they are."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import subprocess

_CACHE_LINE = re.compile(r"^\s+(\S+) \((.*)\) => (\S+)$")
_LOAD, _DYNAMIC, _NOTE = 1, 2, 4
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29


class Elf:
    """What an ELF file says of itself."""

    def __init__(self, soname: str, needed: list[str], build: str, paths: list[str]) -> None:
        self.soname, self.needed, self.build, self.paths = soname, needed, build, paths


def is_elf(path: str) -> bool:
    """Whether a file begins as ELF files do."""
    try:
        with open(path, "rb") as stream:
            return stream.read(4) == b"\x7fELF"
    except OSError:
        return False


def read_elf(path: str) -> Elf | None:
    """Read an ELF file; `None`: it is none, is broken or cannot be read. build: its build identifier, else its SHA-256."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        return _parse(path, data)
    except (OSError, struct.error, IndexError, ValueError):
        return None


def _parse(path: str, data: bytes) -> Elf | None:
    if data[:4] != b"\x7fELF":
        return None
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    if wide:
        begin, size, count = struct.unpack_from(order + "Q14xHH", data, 32)
    else:
        begin, size, count = struct.unpack_from(order + "I10xHH", data, 28)
    segments = []
    for number in range(count):
        at = begin + number * size
        if wide:
            kind, _, offset, address, _, length = struct.unpack_from(order + "IIQQQQ", data, at)
        else:
            kind, offset, address, _, length = struct.unpack_from(order + "IIIII", data, at)
        segments.append((kind, offset, address, length))
    build = ""
    entries: list[tuple[int, int]] = []
    for kind, offset, _, length in segments:
        if kind == _NOTE:
            build = build or _build_id(data[offset : offset + length], order)
        elif kind == _DYNAMIC:
            form = order + ("QQ" if wide else "II")
            step = struct.calcsize(form)
            for at in range(offset, offset + length - step + 1, step):
                entries.append(struct.unpack_from(form, data, at))
    table = next((value for tag, value in entries if tag == _STRTAB), 0)
    start = next((o + table - a for kind, o, a, n in segments if kind == _LOAD and a <= table < a + n), -1)

    def text(place: int) -> str:
        end = data.index(b"\0", start + place)
        return data[start + place : end].decode(errors="replace")

    texts = [(tag, text(value)) for tag, value in entries if start >= 0 and tag in (_NEEDED, _SONAME, _RPATH, _RUNPATH)]
    soname = next((value for tag, value in texts if tag == _SONAME), "")
    origin = os.path.dirname(os.path.realpath(path))
    paths = [one.replace("$ORIGIN", origin) for tag, v in texts if tag in (_RPATH, _RUNPATH) for one in v.split(":")]
    needed = [value for tag, value in texts if tag == _NEEDED]
    return Elf(soname, needed, build or hashlib.sha256(data).hexdigest(), paths)


def _build_id(notes: bytes, order: str) -> str:
    at = 0
    while at + 12 <= len(notes):
        name, size, kind = struct.unpack_from(order + "III", notes, at)
        at += 12
        owner = notes[at : at + name]
        at += -(-name // 4) * 4
        if kind == 3 and owner == b"GNU\0":
            return notes[at : at + size].hex()
        at += -(-size // 4) * 4
    return ""


def loader_cache() -> dict[str, str]:
    """File by soname, as the dynamic loader finds it; the first of several."""
    found: dict[str, str] = {}
    for program in ("ldconfig", "/sbin/ldconfig"):
        try:
            done = subprocess.run([program, "-p"], capture_output=True, check=False)
        except OSError:
            continue
        for line in done.stdout.decode(errors="replace").splitlines():
            match = _CACHE_LINE.match(line)
            if match:
                found.setdefault(match.group(1), match.group(3))
        break
    return found


def loaded_by(programs: list[str]) -> list[str]:
    """Real paths of the libraries that programs load, theirs included: what the dynamic loader would find."""
    cache = loader_cache()
    front, seen = list(programs), set(programs)
    found: set[str] = set()
    while front:
        elf = read_elf(front.pop())
        for name in elf.needed if elf else ():
            places = [os.path.join(folder, name) for folder in elf.paths] if elf else []
            path = next((place for place in places if os.path.exists(place)), cache.get(name, ""))
            if path and path not in seen:
                seen.add(path)
                front.append(path)
                found.add(os.path.realpath(path))
    return sorted(found)
