"""Layers as tar archives (POSIX pax), for the way between hosts: whiteouts, attributes (`trusted.overlay.*` too), links,
devices, owners by number, times to the nanosecond.

Attributes are pax records `SCHILY.xattr.NAME`, as GNU tar and bsdtar write them. A socket, which tar has no type for, is an
empty file with the record `MADEUS.type`.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import tarfile
from typing import IO, Any

from . import tree
from .store import Store, make_directories
from .tree import Entry
from .trouble import AgentError, NoSpace, free_bytes, refuse, step, told

_XATTR = "SCHILY.xattr."
_TYPE = "MADEUS.type"
_STALE = {f"{tree.PREFIX}{name}" for name in ("origin", "impure", "nlink", "uuid")}
_CHUNK = 1 << 16
_TYPES = {
    "file": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "fifo": tarfile.FIFOTYPE,
    "char": tarfile.CHRTYPE,
    "whiteout": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "socket": tarfile.REGTYPE,
}


class _Counted(io.RawIOBase):
    """A stream that counts and digests what goes through it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def _seen(self, data: bytes) -> bytes:
        self.digest.update(data)
        self.size += len(data)
        return data

    def write(self, data: Any) -> int:
        self.stream.write(self._seen(bytes(data)))
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._seen(self.stream.read(size))


def pull(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    """Write a layer as a tar to the file `to`, or to standard output. See the contract in `program`."""
    layer, to = request.get("layer"), request.get("to")
    if not isinstance(layer, str) or not isinstance(to, str):
        refuse('`pull` needs "layer" and "to", a file of the host or "-"')
    data = store.data(layer)
    if to == "-":
        counted = _Counted(sys.stdout.buffer)
        _write(data, layer, counted)
        sys.stdout.buffer.flush()
        return {"path": "-", "bytes": counted.size, "sha256": counted.digest.hexdigest()}
    make_directories(os.path.dirname(os.path.abspath(to)), store.directory)
    fresh = f"{to}.new"
    try:
        with open(fresh, "wb") as file:
            counted = _Counted(file)
            _write(data, layer, counted)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        os.unlink(fresh)
        raise told(error, fresh) from error
    step("pull.written")
    os.rename(fresh, to)
    return {"path": to, "bytes": counted.size, "sha256": counted.digest.hexdigest()}


def _digest(store: Store, layer: str, meta: dict[str, Any]) -> str | None:
    """Of the tar of a layer that was made here: a controller that has forgotten so may bring the same one again."""
    if "sha256" in meta or not meta["frozen"]:
        return None
    with open(os.devnull, "wb") as nowhere:
        counted = _Counted(nowhere)
        _write(store.data(layer), layer, counted)
    return counted.digest.hexdigest()


def _write(data: str, layer: str, stream: _Counted) -> None:
    first: dict[tuple[int, int], str] = {}
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
        root = tree.top([data])
        tar.addfile(_member(root, ".", layer))
        for entry in tree.walk(root):
            member = _member(entry, entry.path, layer)
            inode = (entry.facts.st_dev, entry.facts.st_ino)
            if entry.facts.st_nlink > 1 and entry.kind not in ("dir", "whiteout"):
                if inode in first:
                    member.type, member.linkname, member.size = tarfile.LNKTYPE, first[inode], 0
                    tar.addfile(member)
                    continue
                first[inode] = entry.path
            if entry.kind == "file":
                with open(entry.real, "rb") as file:
                    tar.addfile(member, file)
            else:
                tar.addfile(member)


def _member(entry: Entry, name: str, layer: str) -> tarfile.TarInfo:
    facts = entry.facts
    member = tarfile.TarInfo(name)
    member.type = _TYPES[entry.kind]
    member.mode = stat.S_IMODE(facts.st_mode)
    member.uid, member.gid = facts.st_uid, facts.st_gid
    member.mtime = facts.st_mtime_ns // 10**9
    seconds, rest = divmod(facts.st_mtime_ns, 10**9)
    records = {"mtime": f"{seconds}.{rest:09d}"} if rest else {}
    if entry.kind == "file":
        member.size = facts.st_size
    elif entry.kind == "link":
        member.linkname = os.readlink(entry.real)
    elif entry.kind == "socket":
        records[_TYPE] = "socket"
    elif entry.kind in ("char", "block", "whiteout"):
        member.devmajor, member.devminor = os.major(facts.st_rdev), os.minor(facts.st_rdev)
    if entry.kind in ("dir", "file"):
        tree.refuse_redirect(entry.real, layer, f"/{entry.path}")
    for attribute in tree.attributes(entry.real):
        if attribute not in _STALE:
            value = os.getxattr(entry.real, attribute, follow_symlinks=False)
            records[_XATTR + attribute] = value.decode("utf-8", "surrogateescape")
    member.pax_headers = records
    return member


def push(store: Store, request: dict[str, Any], kind: str = "pushed") -> dict[str, Any]:
    """Make a layer, read-only, out of a tar: the file `from`, or what follows the request. See the contract in `program`."""
    layer, source = request.get("layer"), request.get("from")
    if not isinstance(layer, str) or not isinstance(source, str):
        refuse('`push` needs "layer" and "from", a tar of the host or "-"')
    earlier = store.meta(layer)
    wanted = request.get("sha256")
    if earlier is not None:
        if wanted is None or wanted not in (earlier.get("sha256"), _digest(store, layer, earlier)):
            raise AgentError("in-use", f"layer {layer} exists and was not made from this", layer=layer, by="itself")
        if source == "-":
            while sys.stdin.buffer.read(1 << 20):
                pass
        return {"files": earlier.get("files", 0), "made": False}
    needed = request.get("bytes")
    if isinstance(needed, int) and free_bytes(store.layers) < needed:
        raise NoSpace(store.place(layer), needed)
    fresh = store.begin(layer)
    try:
        if source == "-":
            files, digest = _unpack(sys.stdin.buffer, f"{fresh}/data", layer)
        else:
            with open(source, "rb") as file:
                files, digest = _unpack(file, f"{fresh}/data", layer)
    except (AgentError, OSError, tarfile.TarError) as error:
        store.abandon(layer)
        if isinstance(error, tarfile.TarError):
            said = f"what came for layer {layer} is no whole tar: {error}"
            raise AgentError("failed", said, layer=layer) from error
        if isinstance(error, OSError):
            raise told(error, fresh) from error
        raise
    if wanted is not None and digest != wanted:
        store.abandon(layer)
        said = f"what came for layer {layer} has the digest {digest}, not {wanted}"
        raise AgentError("failed", said, layer=layer, sha256=digest)
    step("push.filled")
    meta = {"frozen": True, "kind": str(request.get("kind", kind)), "files": files, "sha256": digest}
    store.finish(layer, meta, everything=True)
    return {"files": files, "made": True}


def _unpack(stream: IO[bytes], target: str, layer: str) -> tuple[int, str]:
    counted = _Counted(stream)
    os.mkdir(target, 0o755)
    os.chmod(target, 0o755)
    made = {""}
    times: list[tuple[str, int]] = []
    files = 0
    with tarfile.open(fileobj=counted, mode="r|*", bufsize=1 << 20) as tar:
        for member in tar:
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            if ".." in parts:
                raise AgentError("failed", f"the tar for layer {layer} leads outside: {member.name}", layer=layer)
            _above(target, parts, made, layer)
            path = "/".join([target, *parts])
            _place(tar, member, path, target, parts, made, layer)
            seconds = member.pax_headers.get("mtime")
            times.append((path, _nanoseconds(seconds) if seconds else int(member.mtime) * 10**9))
            files += 1
            step("push.member")
    while counted.read(1 << 20):
        pass  # what lies behind the end of the archive belongs to its digest
    for path, when in reversed(times):
        os.utime(path, ns=(when, when), follow_symlinks=False)
    return files, counted.digest.hexdigest()


def _nanoseconds(text: str) -> int:
    seconds, _, rest = text.partition(".")
    return int(seconds) * 10**9 + int(rest.ljust(9, "0")[:9] or 0)


def _above(target: str, parts: list[str], made: set[str], layer: str) -> None:
    """See that the directories above an entry are directories that came before, or are made now: never links."""
    for number in range(1, len(parts)):
        name = "/".join(parts[:number])
        if name in made:
            continue
        try:
            os.mkdir(f"{target}/{name}", 0o755)
        except FileExistsError as error:
            said = f"the tar for layer {layer} has something below {name}, which is no directory"
            raise AgentError("failed", said, layer=layer) from error
        made.add(name)


def _place(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: str,
    target: str,
    parts: list[str],
    made: set[str],
    layer: str,
) -> None:
    name = "/".join(parts)
    if member.isdir():
        if name not in made:
            os.mkdir(path, 0o700)
            made.add(name)
    elif member.islnk():
        other = "/".join(part for part in member.linkname.split("/") if part not in ("", "."))
        if os.path.dirname(other) not in made:
            raise AgentError(
                "failed", f"the tar for layer {layer} links to {member.linkname} from outside", layer=layer
            )
        os.link(f"{target}/{other}", path, follow_symlinks=False)
        return
    elif member.issym():
        os.symlink(member.linkname, path)
    elif member.pax_headers.get(_TYPE) == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif member.isfile():
        contents = tar.extractfile(member)
        assert contents is not None
        _pour(contents, path, member.size)
    elif member.isfifo():
        os.mkfifo(path, 0o600)
    elif member.ischr() or member.isblk():
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        os.mknod(path, kind | 0o600, os.makedev(member.devmajor, member.devminor))
    else:
        raise AgentError("failed", f"the tar for layer {layer} has {member.name}, of a kind no layer has", layer=layer)
    os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        os.chmod(path, member.mode & 0o7777)
    for record, value in member.pax_headers.items():
        if record.startswith(_XATTR):
            attribute = record[len(_XATTR) :]
            if attribute in tree.REFUSED:
                said = f"layer {layer} is refused: /{name} has the attribute {attribute}, its contents lie elsewhere"
                raise AgentError("redirect", said, layer=layer, path=f"/{name}", attribute=attribute)
            os.setxattr(path, attribute, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)


def _pour(contents: IO[bytes], path: str, size: int) -> None:
    """Write a file; blocks of zeros become holes."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            while part := contents.read(_CHUNK):
                if part.count(0) == len(part) == _CHUNK:
                    os.lseek(handle, len(part), os.SEEK_CUR)
                    continue
                view = memoryview(part)
                while view:
                    view = view[os.write(handle, view) :]
            os.ftruncate(handle, size)
        except OSError as error:
            error.filename = path
            raise
    finally:
        os.close(handle)
