"""The inventory: which hosts there are, how they are reached, and what is said of them.

A TOML file; every key may stand in ``[defaults]``, ``[groups.NAME]`` and ``[hosts.NAME]``, the nearest to the host wins (host,
then its groups in the order of the file, then defaults). Relative paths are relative to the file. ::

    [defaults]
    user = "root"
    limit = 10               # concurrent actions on one host
    known_hosts = "known_hosts"
    total_limit = 200        # concurrent actions in total; only here

    [groups.web]
    hosts = ["web1", "web2"]
    [groups.web.variables]
    workers = 8

    [hosts.db1]
    address = "127.77.0.1"

A host named only in a group's list exists too: its address is its name. The host `local` always exists.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from madeus.executor.errors import InventoryError, UnknownHost

if TYPE_CHECKING:
    from madeus.model.value import Value

LOCAL = "local"
"""Name of the host that always exists: the controller itself."""

DEFAULT_TOTAL_LIMIT = 200

_TEXTS = ("transport", "user", "ssh_config", "known_hosts", "identity", "jump", "connect_timeout", "persist")
_NUMBERS = ("port", "limit")
_SHARED = (*_TEXTS, *_NUMBERS, "variables")
_KEYS = {
    "defaults": (*_SHARED, "total_limit"),
    "group": (*_SHARED, "hosts"),
    "host": (*_SHARED, "address"),
}
_INDEXED = re.compile(r"(?P<base>.+)\[(?P<index>[0-9]+)\]")
_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ms|s|min|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, None: 1.0}


@dataclass(frozen=True, slots=True)
class Host:
    """One host and how it is reached."""

    name: str
    transport: str = "ssh"
    """``ssh`` or ``local``."""

    address: str = ""
    """Name or IP address to connect to; an alias of ssh_config works."""

    user: str | None = None
    """Login name; `None`: what ssh_config says, else the user's own."""

    port: int | None = None
    """`None`: what ssh_config says, else 22."""

    limit: int = 10
    """Concurrent actions on it."""

    connect_timeout: float = 10.0
    """Seconds until a connection must stand, login included."""

    ssh_config: Path | None = None
    """`None`: the user's own ~/.ssh/config, where there is one."""

    known_hosts: Path | None = None
    """`None`: what ssh_config says, else the user's own ~/.ssh/known_hosts."""

    identity: Path | None = None
    """Private key; `None`: the SSH agent, and the keys of ssh_config or the usual ones."""

    jump: str | None = None
    """Host to go through: a host of this inventory, or ``[user@]address[:port]``."""

    persist: float = 0.0
    """Seconds that an idle connection is kept for the next command; 0: it ends with the command."""

    inventory: Path | None = None
    """The file that describes it."""

    via: Host | None = None
    """The jump host, when it is a host of this inventory."""

    groups: tuple[str, ...] = ()
    variables: tuple[tuple[str, Value], ...] = ()
    """Those of defaults, groups and host, merged."""

    def variable(self, name: str) -> Value | None:
        """A variable by name."""
        return dict(self.variables).get(name)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts and groups of a file, or of nothing (then only `local` is known)."""

    path: Path | None = None
    hosts: Mapping[str, Host] = field(default_factory=dict)
    """By name, in the order of the file; `local` included."""

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the members, in order."""

    total_limit: int = DEFAULT_TOTAL_LIMIT
    """Concurrent actions on all hosts together."""

    def resolve(self, name: str) -> Host:
        """The host that a model calls by this name.

        ``web[2]`` is the host of that very name, else the second member of the group ``web``, else the host ``web2``.

        Raises:
            UnknownHost: none of them exists.
        """
        if name in self.hosts:
            return self.hosts[name]
        if name == LOCAL:
            return Host(LOCAL, transport="local")
        indexed = _INDEXED.fullmatch(name)
        if indexed:
            members = self.groups.get(indexed["base"], ())
            index = int(indexed["index"])
            if 1 <= index <= len(members):
                return self.hosts[members[index - 1]]
            joined = indexed["base"] + indexed["index"]
            if joined in self.hosts:
                return self.hosts[joined]
            near = _nearest(joined, self.hosts) or _nearest(indexed["base"], self.groups)
            raise UnknownHost(name, self.path, near, indexed["base"], len(members))
        raise UnknownHost(name, self.path, _nearest(name, [*self.hosts, LOCAL]))


def load_inventory(path: Path) -> Inventory:
    """Read an inventory file.

    Raises:
        InventoryError: it is missing, unreadable, no TOML, or says something that means nothing.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise InventoryError(path, None, f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InventoryError(path, None, f"is not UTF-8 (byte {error.start})") from None
    return parse_inventory(text, path)


def parse_inventory(text: str, path: Path) -> Inventory:
    """The same for a text; `path` is for messages and for relative paths."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        reason = str(error).split(" (at ")[0]
        raise InventoryError(path, int(found[1]) if found else None, f"is not TOML: {reason}") from None
    except RecursionError:
        raise InventoryError(path, None, "is nested too deeply") from None
    return _Reader(path, text).read(data)


class _Reader:
    """Turns the tables of one file into hosts; keeps the text to say lines."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.folder = path.resolve().parent

    def read(self, data: dict[str, Any]) -> Inventory:
        for key in data:
            if key not in ("defaults", "groups", "hosts"):
                self.unknown(key, ("defaults", "groups", "hosts"), "", None)
        defaults = self.table(data.get("defaults", {}), "defaults", "defaults")
        groups = {n: self.table(t, "group", f"groups.{n}") for n, t in self.tables(data, "groups").items()}
        own = {n: self.table(t, "host", f"hosts.{n}") for n, t in self.tables(data, "hosts").items()}
        members = {name: self.members(table, name) for name, table in groups.items()}
        names = list(own)
        names += [name for listed in members.values() for name in listed if name not in own]
        hosts: dict[str, Host] = {}
        for name in dict.fromkeys(names):
            mine = tuple(group for group, listed in members.items() if name in listed)
            layers = [defaults, *(groups[group] for group in reversed(mine)), own.get(name, {})]
            hosts[name] = self.host(name, layers, mine)
        hosts.setdefault(LOCAL, self.host(LOCAL, [defaults, {"transport": "local"}], ()))
        total = self.number(defaults, "total_limit", "defaults", DEFAULT_TOTAL_LIMIT)
        return Inventory(self.path, self.joined(hosts), members, total)

    def tables(self, data: dict[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, dict):
            self.fail(f"`{key}` must be tables, such as `[{key}.web]`", key)
        return value

    def table(self, value: Any, kind: str, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(
                f"`{where}` must be a table", where.split(".")[-1], help=f"write `[{where}]` and its keys below it"
            )
        for key in value:
            if key not in _KEYS[kind]:
                self.unknown(key, _KEYS[kind], where, where)
        for key in _TEXTS:
            if key in value and not (isinstance(value[key], str) and value[key]):
                self.fail(f"`{key}` in [{where}] must be a text, not {_said(value[key])}", key, where)
        for key in _NUMBERS:
            self.number(value, key, where, None)
        if value.get("transport", "ssh") not in ("ssh", "local"):
            near = _nearest(value["transport"], ("ssh", "local"))
            self.fail(
                f"unknown transport `{value['transport']}` in [{where}]",
                "transport",
                where,
                help=f"did you mean `{near}`?" if near else "known transports: ssh, local",
            )
        if not isinstance(value.get("variables", {}), dict):
            self.fail(f"`variables` in [{where}] must be a table", "variables", where)
        return value

    def members(self, table: dict[str, Any], name: str) -> tuple[str, ...]:
        listed = table.get("hosts", [])
        if not isinstance(listed, list) or not all(isinstance(item, str) and item for item in listed):
            self.fail(f"`hosts` in [groups.{name}] must be a list of names", "hosts", f"groups.{name}")
        twice = next((item for position, item in enumerate(listed) if item in listed[:position]), None)
        if twice:
            self.fail(f"`{twice}` stands twice in [groups.{name}]", "hosts", f"groups.{name}")
        return tuple(listed)

    def number(self, table: dict[str, Any], key: str, where: str, default: int | None) -> Any:
        value = table.get(key, default)
        top = 65535 if key == "port" else 1_000_000
        if key in table and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= top):
            self.fail(f"`{key}` in [{where}] must be a whole number from 1 to {top}, not {_said(value)}", key, where)
        return value

    def host(self, name: str, layers: list[dict[str, Any]], groups: tuple[str, ...]) -> Host:
        merged: dict[str, Any] = {}
        variables: dict[str, Value] = {}
        for layer in layers:
            merged.update(layer)
            for key, value in layer.get("variables", {}).items():
                variables[key] = self.value(value, key)
        timeout = self.duration(merged, "connect_timeout", "10s")
        if timeout == 0:
            said = _said(merged["connect_timeout"])
            self.fail(f'`connect_timeout` must be a duration such as "10s", not {said}', "connect_timeout")
        return Host(
            name=name,
            transport=merged.get("transport", "ssh"),
            address=merged.get("address", "127.0.0.1" if merged.get("transport") == "local" else name),
            user=merged.get("user"),
            port=merged.get("port"),
            limit=merged.get("limit", 10),
            connect_timeout=timeout,
            persist=self.duration(merged, "persist", "0s"),
            inventory=self.path,
            ssh_config=self.file(merged.get("ssh_config")),
            known_hosts=self.file(merged.get("known_hosts")),
            identity=self.file(merged.get("identity")),
            jump=merged.get("jump"),
            groups=groups,
            variables=tuple(variables.items()),
        )

    def duration(self, table: dict[str, Any], key: str, default: str) -> float:
        value = table.get(key, default)
        match = _DURATION.fullmatch(value)
        if not match:
            self.fail(f'`{key}` must be a duration such as "10s", not {_said(value)}', key)
        return float(match["number"]) * _UNITS[match["unit"]]

    def joined(self, hosts: dict[str, Host]) -> dict[str, Host]:
        """Put jump hosts that the inventory knows into those that go through them."""
        done: dict[str, Host] = {}

        def join(name: str, chain: tuple[str, ...]) -> Host:
            host = hosts[name]
            if host.jump == name:  # a bastion that inherits `jump` from the defaults is reached directly
                done[name] = _with_via(host, None)
            if name in done:
                return done[name]
            if name in chain:
                self.fail(f"the jump hosts {' -> '.join((*chain, name))} go in a circle", "jump")
            via = join(host.jump, (*chain, name)) if host.jump in hosts else None
            done[name] = _with_via(host, via) if via else host
            return done[name]

        return {name: join(name, ()) for name in hosts}

    def value(self, value: Any, key: str) -> Value:
        """A TOML value as a value of the model: dates become text, tables maps, arrays lists."""
        if isinstance(value, str | bool | int | float):
            return value
        if isinstance(value, list):
            return tuple(self.value(item, key) for item in value)
        if isinstance(value, dict):
            return tuple((inner, self.value(item, key)) for inner, item in value.items())
        return str(value)

    def file(self, name: str | None) -> Path | None:
        return self.folder / Path(name).expanduser() if name else None

    def unknown(self, key: str, known: tuple[str, ...], where: str, table: str | None) -> NoReturn:
        near = _nearest(key, known)
        place = f" in [{where}]" if where else ""
        self.fail(
            f"unknown key `{key}`{place}",
            key,
            table,
            help=f"did you mean `{near}`?" if near else f"known keys: {', '.join(known)}",
        )

    def fail(self, reason: str, key: str, table: str | None = None, help: str = "") -> NoReturn:
        raise InventoryError(self.path, self.line(key, table), reason, help)

    def line(self, key: str, table: str | None) -> int | None:
        """Line where a key stands, in its table where that has a header; `None` when it cannot be told."""
        bare = re.escape(key)
        assignment = re.compile(rf"""\s*(?:[\w."'\[\]-]+\.)?["']?{bare}["']?\s*[.=]""")
        header = re.compile(rf"""\s*\[\s*(?:[^\]]*\.\s*)?["']?{bare}["']?\s*[\].]""")
        current = ""
        fallback = None
        for number, line in enumerate(self.lines, 1):
            if line.lstrip().startswith("["):
                current = line.split("#")[0].strip().strip("[]").replace('"', "").replace("'", "").replace(" ", "")
            if assignment.match(line) or header.match(line):
                if table is None or current == table:
                    return number
                fallback = fallback or number
        return fallback


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """See `madeus.diagnostics.suggest.nearest`, which is imported only when something is wrong."""
    from madeus.diagnostics import suggest

    return suggest.nearest(word, known)


def _with_via(host: Host, via: Host | None) -> Host:
    return replace(host, via=via, jump=host.jump if via else None)


def _said(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str | int | float) else type(value).__name__
