"""The page of a trace: one HTML file that needs nothing else, not even a network.

What it shows travels as JSON, compressed and in base64, in an inert script element, and reaches the document as text nodes
only: no output of an action can become markup. Its policy allows the page's own style and script by their hashes and nothing
besides.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from madeus.model import Assembly, Program
from madeus.semantics.configuration import Configuration
from madeus.semantics.step import StepKind
from madeus.semantics.trace import Event, Trace
from madeus.view.marking import Markings, markings
from madeus.view.placement import place
from madeus.view.shape import PortShape, Shape, shape, text_width
from madeus.view.timeline import Details, hosts, instances

_SCRIPTS = ("data.js", "gantt.js", "detail.js", "plane.js", "steps.js", "main.js")
_LETTERS = {
    StepKind.LEAVE: "l",
    StepKind.FIRE: "f",
    StepKind.END: "e",
    StepKind.FAIL: "x",
    StepKind.RETRY: "r",
    StepKind.RECOVER: "b",
    StepKind.ENTER: "n",
    StepKind.FINISH: "d",
    StepKind.PROGRAM: "p",
    StepKind.ROLLBACK: "k",
}


@dataclass(frozen=True, slots=True)
class Banner:
    """What a reader has to know first: the property that is violated, what waits for what at the end."""

    title: str
    lines: tuple[str, ...] = ()
    note: bool = False
    """Whether it is a remark and not bad news."""


def trace_page(
    trace: Trace,
    assembly: Assembly | None = None,
    details: Details | None = None,
    *,
    programs: Sequence[Program] = (),
    banner: Banner | None = None,
    steps_first: bool = False,
    begin: Configuration | None = None,
) -> str:
    """The HTML of a trace.

    assembly: without it there is a timeline, but no components to go through the steps on. programs: those of the trace's
    stages. steps_first: open on the steps, as for a counterexample. begin: where the trace begins, when that is in the middle
    of the assembly's life; see `System`.
    """
    payload = page_data(
        trace, assembly, details, programs=programs, banner=banner, steps_first=steps_first, begin=begin
    )
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Lone surrogates (outputs that were not UTF-8) may not be encoded; a browser would show the same sign for them.
    packed = b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode()
    style, script = _style(), _script()
    policy = (
        "default-src 'none'; "
        f"script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    )
    page = _asset("page.html")
    # One pass over the template: what is filled in is never looked at again.
    filled = {"POLICY": policy, "TITLE": escape(trace.assembly), "STYLE": style, "DATA": packed, "SCRIPT": script}
    pieces = page.split("@")
    return "".join(filled.get(piece, piece) for piece in pieces)


def page_data(
    trace: Trace,
    assembly: Assembly | None = None,
    details: Details | None = None,
    *,
    programs: Sequence[Program] = (),
    banner: Banner | None = None,
    steps_first: bool = False,
    begin: Configuration | None = None,
) -> dict[str, Any]:
    """What the page carries, as a JSON value; the script's ``decode`` reads it."""
    details = details or {}
    marked = markings(trace, assembly, programs, begin) if assembly is not None else None
    host_of = hosts(trace, assembly, details, programs)
    known = instances(assembly, programs)
    names = list(marked.components) if marked else list(known)
    names += [name for name in host_of if name not in set(names)]
    number = {name: index for index, name in enumerate(names)}
    host_numbers = _Numbers(host_of[name] for name in names)
    types = _Numbers(known[name].type for name in names if name in known)
    shapes = _shapes(assembly, names, host_of, types) if assembly else {}
    return {
        "hosts": host_numbers.values,
        "types": [{"name": name, "shape": _shape_json(shapes[name])} for name in types.values if name in shapes],
        "comps": [
            [name, types.number[known[name].type] if name in known else -1, host_numbers.number[host_of[name]]]
            for name in names
        ],
        **_events(trace, number, programs, marked),
        "details": {
            str(fired): [detail.host, [_action(a) for a in detail.actions]] for fired, detail in details.items()
        },
        "marks": _marks(marked, names, shapes, known, assembly) if marked and assembly else None,
        "banner": [banner.title, list(banner.lines), banner.note] if banner else None,
        "steps_first": steps_first,
    }


class _Numbers:
    """Distinct values in order of appearance, and the number of each."""

    def __init__(self, values: Any = ()) -> None:
        self.number: dict[str, int] = {}
        for value in values:
            self.of(value)

    def of(self, value: str) -> int:
        return self.number.setdefault(value, len(self.number))

    @property
    def values(self) -> list[str]:
        return list(self.number)


def _events(
    trace: Trace, number: dict[str, int], programs: Sequence[Program], marked: Markings | None
) -> dict[str, Any]:
    """Columns rather than rows, times and causes as differences: they are small and compress well."""
    words = _Numbers()
    by_name = {program.name: program for program in programs}
    letters: list[str] = []
    times: list[int] = []
    components: list[int] = []
    elements: list[int] = []
    causes: list[int] = []
    stations: dict[str, str] = {}
    clock = 0
    for index, event in enumerate(trace.events):
        step = event.step
        now = round(event.time * 1e6)
        letters.append(_LETTERS[step.kind])
        times.append(now - clock)
        clock = now
        causes.append(index - event.cause if event.cause >= 0 else 0)
        if step.kind is StepKind.ROLLBACK:
            components.append(-1)
            elements.append(words.of(f"{step.component}: everything is taken back"))
        elif step.kind is StepKind.PROGRAM:
            touched = marked.steps[index][0] if marked and index < len(marked.steps) else -1
            components.append(touched)
            elements.append(words.of(_instruction(event, by_name)))
        else:
            components.append(number[step.component])
            elements.append(words.of(step.element))
        if step.station and not step.station.startswith("*"):
            stations[str(index)] = step.station
    columns = {"k": "".join(letters), "t": times, "c": components, "e": elements, "x": causes}
    return {"names": words.values, "ev": columns, "stations": stations}


def _instruction(event: Event, programs: dict[str, Program]) -> str:
    step = event.step
    program = programs.get(step.component)
    if program is None or step.position >= len(program.instructions):
        return str(step)
    return f"{step.component}: {program.instructions[step.position]}"


def _action(action: Any) -> list[Any]:
    seconds = round(action.seconds, 6)
    return [action.description, action.exit_code, action.stdout, action.stderr, seconds, action.attempt, action.error]


def _shapes(assembly: Assembly, names: list[str], host_of: dict[str, str], types: _Numbers) -> dict[str, Shape]:
    known = instances(assembly)
    least = dict.fromkeys(types.values, 0.0)
    for name in names:
        instance = known.get(name)
        if instance is not None:
            heading = f"{name} : {instance.type}  @{host_of[name]}"
            least[instance.type] = max(least[instance.type], text_width(heading) * 1.22 + 26)
    return {name: shape(assembly.types[name], width) for name, width in least.items() if name in assembly.types}


def _shape_json(drawn: Shape) -> dict[str, Any]:
    return {
        "w": drawn.width,
        "h": drawn.height,
        "places": [[p.name, round(p.x), round(p.y), round(p.width), int(p.initial)] for p in drawn.places],
        "trans": [
            [t.name, [round(n) for point in t.points for n in point], *map(round, t.label)] for t in drawn.transitions
        ],
        "stations": [[st.label, round(st.x), round(st.y), round(st.width), int(st.left)] for st in drawn.stations],
        "groups": [[g.name, round(g.x), round(g.y), round(g.width), round(g.height)] for g in drawn.groups],
        "uses": [_port(p) for p in drawn.uses],
        "provides": [_port(p) for p in drawn.provides],
    }


def _port(port: PortShape) -> list[Any]:
    return [port.name, port.kind, round(port.y), [round(n) for end in port.ends for n in end]]


def _marks(
    marked: Markings, names: list[str], shapes: dict[str, Shape], known: dict[str, Any], assembly: Assembly
) -> dict[str, Any]:
    number = {name: index for index, name in enumerate(names)}
    kinds = {name: assembly.types[known[name].type] for name in marked.components}
    sizes = {name: (shapes[known[name].type].width, shapes[known[name].type].height) for name in marked.components}
    corners = place(sizes, [(link.provider, link.user) for link in marked.links])
    ports = {
        name: ({p: i for i, p in enumerate(k.use)}, {p: i for i, p in enumerate(k.provide)})
        for name, k in kinds.items()
    }
    return {
        "at": [[round(x), round(y)] for x, y in (corners[name] for name in marked.components)],
        "init": [list(numbers) for numbers in marked.initial],
        "queues": list(marked.queues),
        "changes": [
            [list(c.flips), c.before, c.after] if c.before != c.after else [list(c.flips)] for c in marked.changes
        ],
        "steps": [change for _, change in marked.steps],
        "links": [
            [number[c.user], ports[c.user][0][c.use], number[c.provider], ports[c.provider][1][c.provide]]
            for c in marked.links
        ],
        "linked": marked.linked,
        "relinks": [list(pair) for pair in marked.relinks],
        "more": [list(entry) for entry in marked.more],
        "problem": marked.problem,
    }


def _asset(name: str) -> str:
    return files("madeus.view").joinpath("assets", name).read_text(encoding="utf-8")


def _style() -> str:
    return _asset("page.css").replace("\n", "")


def _script() -> str:
    """The parts in order, without indentation and comment lines."""
    lines = (line.strip() for name in _SCRIPTS for line in _asset(name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
