"""Assemblies as DOT."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from typing import Any

import pytest
from immutables import Map

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Group,
    Instance,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.semantics.configuration import ComponentState, start
from madeus.view.dot import OVERVIEW_ABOVE, assembly_dot, type_dot

HOSTILE = ['a"b', "<b>bold</b>", "back\\slash\\", "web[1]", "x-y", "a:b:c", "node", "línea\\n", "-> ;}"]


def _rendered(source: str) -> dict[str, Any]:
    """What Graphviz understands of a drawing."""
    if shutil.which("dot") is None:
        pytest.skip("needs Graphviz")
    done = subprocess.run(["dot", "-Tjson"], input=source.encode(), capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return dict(json.loads(done.stdout))


def _labels(drawing: dict[str, Any], key: str = "objects") -> list[str]:
    return [o["label"] for o in drawing.get(key, []) if o.get("label")]


def test_the_lamp_is_drawn_as_it_was_reviewed(lamp: Assembly, golden: Any) -> None:
    golden.check("lamp.dot", assembly_dot(lamp))


def test_groups_stations_and_cycles_are_drawn_as_they_were_reviewed(site: Assembly, golden: Any) -> None:
    golden.check("site.dot", assembly_dot(site))


def test_the_overview_is_drawn_as_it_was_reviewed(lamp: Assembly, golden: Any) -> None:
    golden.check("lamp-overview.dot", assembly_dot(lamp, start(lamp), overview=True))


def test_a_component_is_a_box_with_its_name_type_and_host(lamp: Assembly) -> None:
    labels = _labels(_rendered(assembly_dot(lamp)))
    assert "db : MariaDB  @db1" in labels
    assert "web[3] : Apache  @web[3]" in labels


def test_transitions_with_the_same_ends_are_several_arrows(lamp: Assembly) -> None:
    labels = [label.strip() for label in _labels(_rendered(type_dot(lamp.types["MariaDB"])), "edges")]
    assert sorted(labels) == ["bootstrap", "check", "configure", "provision", "pull", "start"]


def test_every_transition_has_a_dock_at_each_end(lamp: Assembly) -> None:
    drawing = _rendered(type_dot(lamp.types["Apache"]))
    docks = sorted(o["tooltip"] for o in drawing["objects"] if o.get("shape") == "square")
    assert docks == sorted(
        f"{side} dock of {t}" for side in ("input", "output") for t in ("pull", "configure", "start", "check")
    )


def test_a_join_is_a_bar_and_behaviors_that_enter_a_place_apart_are_none(lamp: Assembly, site: Assembly) -> None:
    assert 'tooltip="join of configured"' in type_dot(lamp.types["MariaDB"])
    assert "join of" not in type_dot(site.types["Dep"])
    assert "xlabel=fresh" in type_dot(site.types["Server"])


def test_services_are_filled_and_data_are_hollow(lamp: Assembly) -> None:
    drawing = _rendered(assembly_dot(lamp))
    fills = {o["tooltip"]: o["fillcolor"] for o in drawing["objects"] if o.get("tooltip", "").startswith("provide")}
    assert fills["provide data ip"] == "white"
    assert fills["provide service sql"] != "white"


def test_names_of_any_kind_are_shown_as_they_are() -> None:
    places = tuple(Place(name, initial=i == 0) for i, name in enumerate(HOSTILE))
    transitions = tuple(Transition(a, a, b) for a, b in zip(HOSTILE, HOSTILE[1:] + HOSTILE[:1], strict=True))
    kind = ComponentType(
        'T"<&',
        places,
        transitions,
        groups=tuple(Group(f"g{n}", (n,)) for n in HOSTILE),
        provides=tuple(ProvidePort(n, PortKind.SERVICE, (n,)) for n in HOSTILE),
        uses=tuple(UsePort(n, PortKind.SERVICE, (n,)) for n in HOSTILE),
    )
    instances = tuple(Instance(n, kind.name, n) for n in HOSTILE)
    links = tuple(Connection(a, a, b, b) for a, b in pairwise(HOSTILE))
    assembly = Assembly("".join(HOSTILE), {kind.name: kind}, instances, links)
    shown = _labels(_rendered(assembly_dot(assembly)))
    for name in HOSTILE:
        assert shown.count(name.replace("\\", "\\\\")) == len(HOSTILE)
    assert len(_rendered(assembly_dot(assembly, overview=True))["objects"]) == len(HOSTILE)


def test_groups_that_cross_each_other_are_drawn_too() -> None:
    places = (Place("a", True), Place("b"), Place("c"))
    kind = ComponentType("T", places, groups=(Group("left", ("a", "b")), Group("right", ("b", "c"))))
    labels = _labels(_rendered(type_dot(kind)))
    assert {"left", "right", "a", "b", "c"} <= set(labels)


def test_tokens_of_a_configuration_are_marked_and_failures_are_red(lamp: Assembly) -> None:
    plain = assembly_dot(lamp)
    assert "#dc2626" not in plain and "#2563eb" not in plain
    state = ComponentState(
        "MariaDB",
        frozenset({"provisioned"}),
        frozenset({"bootstrap"}),
        frozenset({"pull"}),
        frozenset({"configure"}),
    )
    conf = start(lamp)._replace(components=Map({"db": state}))
    drawing = _rendered(assembly_dot(lamp, conf))
    place = next(o for o in drawing["objects"] if o.get("label") == "provisioned")
    dock = next(o for o in drawing["objects"] if o.get("tooltip") == "output dock of bootstrap")
    arrows = {(o["label"].strip(), o["color"]) for o in drawing["edges"] if o.get("label")}
    assert place["fillcolor"] == dock["fillcolor"] == "#2563eb"
    assert ("pull", "#2563eb") in arrows
    assert ("configure ✗", "#dc2626") in arrows


def test_many_components_are_collapsed_to_boxes(make_star: Any) -> None:
    assert "input dock" in assembly_dot(make_star(OVERVIEW_ABOVE - 1))
    collapsed = assembly_dot(make_star(1000))
    assert "input dock" not in collapsed
    assert len(_rendered(collapsed)["objects"]) == 1001
