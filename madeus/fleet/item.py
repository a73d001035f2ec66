"""Items: what a fingerprint is made of, as texts with a hierarchical name.

An item is a key and a value, all segments joined by ``/``::

    package/mariadb-server/1:10.11.6-0+deb12u1      a Debian package and its version
    library/libc.so.6/2.36/5f0c1e9a4b7d             a shared library: version (``-``: unknown), hash of its build
    environment/LANG/1a2b3c4d5e6f                   an environment variable, hash of its value
    fact/mariadb/shutdown/unclean                   the answer to a rule's question
    /etc/mysql/my.cnf/mysqld/port/0a1b2c3d4e5f      a setting in a parsed file, hash of its value
    /srv/shop/index.php/77ab12cd34ef                a chunk of a file that nothing parses, hash of its bytes

In a segment ``/``, ``%``, control characters and bytes that are no UTF-8 are written ``%2F`` and the like; the slashes of
a file's path stay.
Two items of one key with different values are two values of one thing, or one thing on two machines.
"""

from __future__ import annotations

import re
from hashlib import sha256

PACKAGE, LIBRARY, ENVIRONMENT, FACT = "package", "library", "environment", "fact"
"""First segments of items that do not come from a file's content."""

HASH_LENGTH = 12
"""Hexadecimal digits of a hash in an item."""

UNKNOWN = "-"
"""Version of a library that does not say one."""

_ESCAPED = re.compile("[/%\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPED_IN_PATH = re.compile("[%\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAJOR = re.compile(r"(?:[0-9]+:)?([0-9]+)")


def segment(text: str) -> str:
    """A text as one segment of a name.

    >>> segment("a/b")
    'a%2Fb'
    """
    return _ESCAPED.sub(_escape, text) or UNKNOWN


def _escape(found: re.Match[str]) -> str:
    # Bytes of a file's name that are no UTF-8 come as U+DC80 ... U+DCFF.
    errors = "surrogateescape" if "\udc80" <= found[0] <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in found[0].encode(errors=errors))


def file(path: str) -> str:
    """A file's path as it stands in items: its slashes stay.

    >>> file("/etc/a b/new\\nline")
    '/etc/a b/new%0Aline'
    """
    return _ESCAPED_IN_PATH.sub(_escape, path)


def digest(value: str | bytes) -> str:
    """Hash of a value as it stands in an item: the first 12 hexadecimal digits of its SHA-256."""
    return sha256(value.encode(errors="surrogatepass") if isinstance(value, str) else value).hexdigest()[:HASH_LENGTH]


def package(name: str, version: str) -> str:
    """Item of a package."""
    return f"{PACKAGE}/{segment(name)}/{segment(version)}"


def library(soname: str, version: str, build: str) -> str:
    """Item of a shared library. build: what tells builds of one version apart, a build identifier or a hash."""
    return f"{LIBRARY}/{segment(soname)}/{segment(version)}/{segment(build)}"


def variable(name: str, value: str) -> str:
    """Item of an environment variable."""
    return f"{ENVIRONMENT}/{segment(name)}/{digest(value)}"


def setting(path: str, names: tuple[str, ...], value: str) -> str:
    """Item of a setting in a file. path: of the file, absolute; names: where it stands in the file, from the outside in."""
    return "/".join((file(path), *map(segment, names), digest(value)))


def fact(name: str, value: str) -> str:
    """Item of what a rule asked: its name, in segments, and the answer as it is."""
    return "/".join((FACT, *map(segment, name.split("/")), segment(value)))


def chunk(path: str, content: bytes) -> str:
    """Item of a piece of a file's content."""
    return f"{file(path)}/{digest(content)}"


def split(item: str) -> tuple[str, str]:
    """Key and value of an item; the value of an item of presence (see `madeus.fleet.granularity`) is empty.

    >>> split("library/libc.so.6/2.36/5f0c1e9a4b7d")
    ('library/libc.so.6', '2.36/5f0c1e9a4b7d')
    >>> split("/etc/my.cnf/port/0a1b2c3d4e5f")
    ('/etc/my.cnf/port', '0a1b2c3d4e5f')
    """
    if item.startswith((f"{PACKAGE}/", f"{LIBRARY}/")):
        kind, name, *value = item.split("/", 2)
        return f"{kind}/{name}", "".join(value)
    key, _, value_text = item.rpartition("/")
    return key, value_text


def is_versioned(item: str) -> bool:
    """Whether its value begins with a version."""
    return item.startswith((f"{PACKAGE}/", f"{LIBRARY}/"))


def major(version: str) -> str:
    """The first number of a version, without Debian's epoch; the version itself where it does not begin with one.

    >>> major("1:10.11.6-0+deb12u1")
    '10'
    """
    found = _MAJOR.match(version)
    return found[1] if found else version
