"""The drawing inside a component's box, and where the boxes stand."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from madeus.model import Assembly, ComponentType, Group, Place, PortKind, ProvidePort, Transition, UsePort
from madeus.view.layers import backward, layers
from madeus.view.placement import depths, place
from madeus.view.shape import shape


@st.composite
def kinds(draw: st.DrawFn) -> ComponentType:
    names = [f"p{i}" for i in range(draw(st.integers(1, 6)))]
    ends = st.tuples(st.sampled_from(names), st.sampled_from(names))
    transitions = tuple(Transition(f"t{i}", a, b) for i, (a, b) in enumerate(draw(st.lists(ends, max_size=8))))
    groups = draw(st.lists(st.lists(st.sampled_from(names), min_size=1, unique=True), max_size=2))
    bound = draw(st.lists(st.sampled_from(names), max_size=3))
    return ComponentType(
        "T",
        tuple(Place(n, initial=n == "p0") for n in names),
        transitions,
        groups=tuple(Group(f"g{i}", tuple(g)) for i, g in enumerate(groups)),
        provides=tuple(ProvidePort(f"s{i}", PortKind.SERVICE, (n,)) for i, n in enumerate(bound)),
        uses=tuple(UsePort(f"u{t.name}", PortKind.SERVICE, (t.name,)) for t in transitions),
    )


@given(kinds())
def test_without_the_backward_transitions_every_arrow_leads_down(kind: ComponentType) -> None:
    layer, back = layers(kind), backward(kind)
    assert all(layer[t.source] < layer[t.destination] for t in kind.transitions if t.name not in back)


@given(kinds())
def test_places_and_labels_never_overlap_and_stay_inside_the_box(kind: ComponentType) -> None:
    drawn = shape(kind, 120)
    boxes = [(p.x - p.width / 2, p.x + p.width / 2, p.y) for p in drawn.places]
    boxes += [(t.label[0] - 10, t.label[0] + 10, t.label[1]) for t in drawn.transitions]
    for left, right, y in boxes:
        assert left >= 0
        assert right <= drawn.width
        assert 0 < y < drawn.height
    for one, other in combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0]
        assert apart or abs(one[2] - other[2]) >= 22


@given(kinds())
def test_ports_of_one_side_never_meet(kind: ComponentType) -> None:
    drawn = shape(kind)
    for ports in (drawn.uses, drawn.provides):
        assert all(abs(a.y - b.y) >= 22 for a, b in combinations(ports, 2))
        assert all(port.y < drawn.height for port in ports)


def test_a_transition_from_a_place_to_itself_is_drawn() -> None:
    drawn = shape(ComponentType("T", (Place("a", True),), (Transition("again", "a", "a"),)))
    assert drawn.transitions[0].points[0] != drawn.transitions[0].points[-1]


def test_a_group_with_a_stranger_between_its_places_is_outlined_in_parts(site: Assembly) -> None:
    places = (Place("a", True), Place("b"), Place("c"))
    chain = (Transition("t", "a", "b"), Transition("u", "b", "c"))
    outer = shape(ComponentType("T", places, chain, groups=(Group("g", ("a", "c")),)))
    inner = shape(ComponentType("T", places, chain, groups=(Group("g", ("a", "b")),)))
    assert len(outer.groups) == 2
    assert len(inner.groups) == 1


def test_only_real_joins_and_named_stations_get_a_bar(lamp: Assembly, site: Assembly) -> None:
    assert len(shape(lamp.types["MariaDB"]).stations) == 1
    assert len(shape(site.types["Dep"]).stations) == 0
    assert {s.label for s in shape(site.types["Server"]).stations} == {"fresh", "resumed"}


def test_a_user_stands_to_the_right_of_its_providers() -> None:
    assert depths(("web", "db", "net"), {("db", "web"), ("net", "db"), ("net", "web")}) == {"net": 0, "db": 1, "web": 2}


def test_components_that_use_each_other_in_a_circle_are_placed() -> None:
    found = place({"a": (10, 10), "b": (10, 10), "c": (10, 10)}, {("a", "b"), ("b", "c"), ("c", "a")})
    assert len(set(found.values())) == 3


@given(
    st.dictionaries(st.text(min_size=1), st.tuples(st.integers(1, 300), st.integers(1, 900)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_boxes_never_overlap(sizes: dict[str, tuple[float, float]], random: object) -> None:
    names = sorted(sizes)
    edges = {(names[i // 2], names[i]) for i in range(1, len(names))}
    found = place(sizes, edges)
    for a, b in combinations(names, 2):
        (ax, ay), (bx, by), (aw, ah), (bw, bh) = found[a], found[b], sizes[a], sizes[b]
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def test_a_long_column_is_cut_into_several() -> None:
    sizes = {f"c{i}": (200.0, 250.0) for i in range(400)}
    found = place(sizes, set())
    assert max(y for _, y in found.values()) < 8000
