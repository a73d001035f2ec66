"""Reading PNML P/T nets from anywhere: bounded effort, and the place in the file for whatever is wrong.

Entities are refused outright (no document type is needed, so none is taken), as are other net types, arcs between two places or
two transitions, and arcs to nowhere, all of which XML schemas let pass or readers tend to guess at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from madeus.petri.formats.pnml_write import NAMESPACE, PTNET
from madeus.petri.net import Net, NetBuilder, NetError

MOST_BYTES = 512 * 1024 * 1024
"""Longest document that is read."""

MOST_NODES = 5_000_000
"""Places, transitions and arcs that are read at most."""

_DEEPEST = 200
"""Elements inside each other, at most."""

_LONGEST_TEXT = 10_000
"""Characters of one label that are kept; a longer one is an error."""

_MOST_TOKENS = 2**31 - 1


class PnmlError(Exception):
    """A document that is not a P/T net in PNML, or is too large.

    line and column (from 1) tell where; 0 when the whole document is meant.
    """

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        where = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{where}{reason}")
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(slots=True)
class _Node:
    """A place, transition, reference or arc that is being read."""

    kind: str
    identifier: str
    line: int
    column: int
    name: str = ""
    number: int | None = None
    attributes: dict[str, str] = field(default_factory=dict)


_NODES = ("place", "transition", "referencePlace", "referenceTransition", "arc")


def from_pnml(document: bytes | str, name: str = "") -> Net:
    """The net of a PNML document with exactly one P/T net. name: instead of the one in the document. Raises PnmlError."""
    if isinstance(document, str):
        document = document.encode()
    if len(document) > MOST_BYTES:
        raise PnmlError(f"the document has {len(document)} bytes, more than the {MOST_BYTES} that are read")
    return _Reader(name).read(document)


class _Reader:
    def __init__(self, name: str) -> None:
        self._given_name = name
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._entity
        self._path: list[str] = []
        self._nodes: list[_Node] = []
        self._current: _Node | None = None
        self._net_name = ""
        self._nets = 0
        self._characters: list[str] = []
        self._length = 0

    def read(self, document: bytes) -> Net:
        try:
            self._parser.Parse(document, True)
        except expat.ExpatError as error:
            raise PnmlError(f"not XML: {expat.errors.messages[error.code]}", error.lineno, error.offset + 1) from error
        except (LookupError, UnicodeError) as error:
            raise PnmlError(f"the encoding cannot be read: {error}") from error
        if not self._nets:
            raise PnmlError("there is no <net> in the document")
        return _Assembler(self._nodes).net(self._given_name or self._net_name or "net")

    def _error(self, reason: str) -> PnmlError:
        return PnmlError(reason, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _doctype(self, *_: object) -> None:
        raise self._error("a document type declaration is not taken")

    def _entity(self, *_: object) -> None:
        raise self._error("entity declarations are not taken")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        uri, _, tag = qualified.rpartition(" ")
        path = self._path
        if not path and (tag != "pnml" or uri not in (NAMESPACE, "")):
            raise self._error(f"the document begins with <{tag}> of namespace {uri or 'none'}, not with PNML's <pnml>")
        if len(path) >= _DEEPEST:
            raise self._error(f"more than {_DEEPEST} elements inside each other")
        # What a tool keeps for itself is skipped, whatever it is called.
        path.append("toolspecific" if "toolspecific" in path else tag)
        self._characters, self._length = [], 0
        if path[-1] == "net":
            self._begin_net(attributes)
        elif path[-1] in _NODES:
            self._begin_node(tag, attributes)

    def _begin_net(self, attributes: dict[str, str]) -> None:
        self._nets += 1
        if self._nets > 1:
            raise self._error("a second net in one document")
        kind = attributes.get("type", "")
        if kind.rstrip("/") not in (PTNET, "P/T net", "PTNet"):
            raise self._error(f"the net has type {kind or 'none'}; only P/T nets ({PTNET}) are read")
        self._net_name = attributes.get("id", "")

    def _begin_node(self, tag: str, attributes: dict[str, str]) -> None:
        if "net" not in self._path:
            raise self._error(f"<{tag}> outside of a net")
        if self._current is not None:
            raise self._error(f"<{tag}> inside of <{self._current.kind}>")
        identifier = attributes.get("id", "").strip()
        if not identifier:
            raise self._error(f"<{tag}> has no id")
        if len(self._nodes) >= MOST_NODES:
            raise self._error(f"more than {MOST_NODES} places, transitions and arcs")
        line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
        kept = {k: v.strip() for k, v in attributes.items() if k in ("source", "target", "ref")}
        self._current = _Node(tag, identifier, line, column, attributes=kept)
        self._nodes.append(self._current)

    def _text(self, data: str) -> None:
        if self._path[-1] == "text":
            self._length += len(data)
            if self._length > _LONGEST_TEXT:
                raise self._error(f"a label of more than {_LONGEST_TEXT} characters")
            self._characters.append(data)

    def _end(self, _: str) -> None:
        tag = self._path.pop()
        node = self._current
        if tag == "text" and self._path:
            self._label(self._path[-1], "".join(self._characters), node)
        elif node is not None and tag == node.kind:
            self._current = None
        self._characters = []

    def _label(self, owner: str, text: str, node: _Node | None) -> None:
        if owner == "name" and node is not None:
            node.name = text
        elif owner == "name" and self._path[-2:-1] == ["net"]:
            self._net_name = text.strip() or self._net_name
        elif owner == "initialMarking" and node is not None and node.kind == "place":
            node.number = self._count(text, 0, "an initial marking")
        elif owner == "inscription" and node is not None and node.kind == "arc":
            node.number = self._count(text, 1, "the weight of an arc")

    def _count(self, text: str, least: int, what: str) -> int:
        digits = text.strip()
        if not digits.isascii() or not digits.isdigit() or len(digits) > 10 or int(digits) > _MOST_TOKENS:
            raise self._error(f"{what} is a whole number of at most {_MOST_TOKENS}, not {digits[:40]!r}")
        if int(digits) < least:
            raise self._error(f"{what} is at least {least}, not {digits}")
        return int(digits)


class _Assembler:
    """Puts nodes and arcs together."""

    def __init__(self, nodes: list[_Node]) -> None:
        self._nodes = nodes
        self._by_id: dict[str, _Node] = {}
        for node in nodes:
            if node.identifier in self._by_id:
                raise PnmlError(f"the id {node.identifier} is used twice", node.line, node.column)
            self._by_id[node.identifier] = node

    def net(self, name: str) -> Net:
        """The net. Raises PnmlError for dangling arcs, arcs between nodes of one kind, and reference cycles."""
        builder = NetBuilder(name)
        numbers: dict[str, int] = {}
        names = self._names("place")
        for node in self._nodes:
            if node.kind == "place":
                numbers[node.identifier] = builder.place(names[node.identifier], node.number or 0)
        takes: dict[str, dict[int, int]] = {n.identifier: {} for n in self._nodes if n.kind == "transition"}
        makes: dict[str, dict[int, int]] = {n.identifier: {} for n in self._nodes if n.kind == "transition"}
        for node in self._nodes:
            if node.kind == "arc":
                source, target = self._end(node, "source"), self._end(node, "target")
                if source.kind == target.kind:
                    raise PnmlError(
                        f"arc {node.identifier} leads from a {source.kind} to a {target.kind}", node.line, node.column
                    )
                side, place, transition = (takes, source, target) if source.kind == "place" else (makes, target, source)
                arcs = side[transition.identifier]
                number = numbers[place.identifier]
                arcs[number] = arcs.get(number, 0) + (node.number or 1)
        names = self._names("transition")
        for identifier in takes:
            builder.transition(names[identifier], takes[identifier].items(), makes[identifier].items())
        try:
            return builder.build()
        except NetError as error:
            raise PnmlError(str(error)) from error

    def _names(self, kind: str) -> dict[str, str]:
        """The written name where it is there and stands for one node only, else the id."""
        nodes = [node for node in self._nodes if node.kind == kind]
        count: dict[str, int] = {}
        for node in nodes:
            count[node.name] = count.get(node.name, 0) + 1
        identifiers = {node.identifier for node in nodes}
        return {
            n.identifier: n.name
            if n.name and count[n.name] == 1 and (n.name == n.identifier or n.name not in identifiers)
            else n.identifier
            for n in nodes
        }

    def _end(self, arc: _Node, side: str) -> _Node:
        """The place or transition at an end of an arc, through references."""
        identifier = arc.attributes.get(side, "")
        seen: set[str] = set()
        while True:
            node = self._by_id.get(identifier)
            if node is None or node.kind == "arc":
                what = f"the {side} of arc {arc.identifier} is {identifier!r}, which is no place or transition"
                raise PnmlError(what, arc.line, arc.column)
            if node.kind in ("place", "transition"):
                return node
            if identifier in seen:
                raise PnmlError(f"the reference {identifier} leads back to itself", node.line, node.column)
            seen.add(identifier)
            identifier = node.attributes.get("ref", "")
