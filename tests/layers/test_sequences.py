"""Whatever is done in whatever order, the laws of layers hold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.layers import Catalog, Change, LayerKind, Occasion, Refused
from madeus.layers.operation import assign, checkpoint, compact, reprovision, rollback, upgrade
from madeus.layers.removal import collect, delete_layer, delete_role, delete_version, forget_states, rename_machine
from madeus.layers.versioning import package
from tests.layers.simulation import World

Operation = Callable[[Catalog, Occasion], Change]

machines = st.sampled_from(("m1", "m2"))
roles = st.sampled_from(("web", "web", "db", "new"))
versions = st.sampled_from(("2", "3", "4"))
numbers = st.integers(1, 3)


def operations() -> st.SearchStrategy[Operation]:
    """One operation, sensible or not."""
    return st.one_of(
        st.builds(lambda m, r, v: lambda c, o: assign(c, m, r, v, o), machines, roles, st.none() | versions),
        st.builds(lambda m, r, v: lambda c, o: reprovision(c, m, r, v, o), machines, roles, st.none() | versions),
        st.builds(lambda m, v: lambda c, o: upgrade(c, m, v, o), machines, st.none() | versions),
        st.builds(lambda m, n: lambda c, o: rollback(c, m, n, o), machines, st.none() | numbers),
        st.builds(lambda m: lambda c, o: checkpoint(c, m, o), machines),
        st.builds(lambda m: lambda c, o: compact(c, m, o), machines),
        st.builds(lambda m, r, v: lambda c, o: package(c, m, r, v, o), machines, roles, versions),
        st.builds(lambda r, v: lambda c, o: delete_version(c, r, v), roles, versions),
        st.builds(lambda r: lambda c, o: delete_role(c, r), roles),
        st.builds(lambda n: lambda c, o: delete_layer(c, f"web-{n}"), st.integers(1, 3)),
        st.builds(lambda m, n: lambda c, o: forget_states(c, m, [n]), machines, numbers),
        st.just(lambda c, o: collect(c)),
    )


writes = st.tuples(machines, st.sampled_from(("/etc/a", "/etc/b", "/etc/version")), st.text("xyz", max_size=2))
acts = st.lists(st.one_of(operations(), writes), min_size=12, max_size=30)


def begun() -> World:
    """A machine with a role and a state, and a spare one with a stack."""
    world = World()
    world.do(assign(world.catalog, "m1", "web", "1", world.occasion()))
    world.do(checkpoint(world.catalog, "m1", world.occasion()))
    world.do(assign(world.catalog, "m2", "spare", None, world.occasion()))
    return world


def play(world: World, done: list[object]) -> None:
    for act in done:
        if isinstance(act, tuple):
            machine, path, text = act
            if world.catalog.machines[machine].stack:
                world.hosts[machine].write(path, text)
            continue
        before = world.catalog
        try:
            change = act(world.catalog, world.occasion())  # type: ignore[operator]
        except Refused:
            assert world.catalog is before
            continue
        world.do(change)
        check(world)


def check(world: World) -> None:
    catalog = world.catalog
    for machine in catalog.machines.values():
        host = world.hosts[machine.name]
        assert tuple((*host.current["stack"], host.current["writable"]) if host.current else ()) == machine.stack
        if not machine.stack:
            assert machine.role == "spare"
            continue
        *below, top = (catalog.layers[name] for name in machine.stack)
        assert not top.frozen and top.kind is LayerKind.COPY and top.id not in host.frozen
        assert all(layer.frozen and layer.id in host.frozen for layer in below)
        kinds = [layer.kind for layer in (*below, top)]
        order = [LayerKind.BASE, LayerKind.VERSION, LayerKind.COPY]
        assert kinds == sorted(kinds, key=order.index) and kinds.count(LayerKind.BASE) == 1
        role = catalog.roles[machine.role]
        names = [version.layer for version in role.versions]
        upto = role.index(machine.version) + 1 if machine.version else 0
        assert [layer.id for layer in below if layer.kind is LayerKind.VERSION] == names[:upto]
    for state in catalog.states.values():
        assert all(catalog.layers[layer].frozen for layer in state.stack)
        assert world.hosts[state.machine].shown(state.stack) == world.contents[state.name]
    for layer in catalog.referred():
        known = catalog.layers[layer]
        assert known.holders or known.source
        assert all(layer in world.hosts[holder].layers for holder in known.holders)
    for role in catalog.roles.values():
        assert len({version.name for version in role.versions}) == len(role.versions)
    tops = [machine.stack[-1] for machine in catalog.machines.values() if machine.stack]
    assert [layer.id for layer in catalog.layers.values() if not layer.frozen and layer.id not in tops] == []


@given(acts)
@settings(max_examples=150, deadline=None)
def test_only_the_top_is_writable_states_keep_their_contents_and_what_is_needed_stays(done: list[object]) -> None:
    play(begun(), done)


def test_the_random_operations_reach_every_kind_of_change() -> None:
    done: set[str] = set()

    @given(acts)
    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    def look(acts: list[object]) -> None:
        world = begun()
        for act in acts:
            if not isinstance(act, tuple):
                with contextlib.suppress(Refused):
                    change = act(world.catalog, world.occasion())  # type: ignore[operator]
                    world.do(change)
                    done.add(change.operation)

    look()
    assert done >= {
        "assign",
        "reprovision",
        "upgrade",
        "rollback",
        "checkpoint",
        "package",
        "delete",
        "collect",
        "forget",
    }


@given(acts, st.integers(0, 30))
@settings(max_examples=100, deadline=None)
def test_every_state_can_be_returned_to_any_number_of_times(done: list[object], pick: int) -> None:
    world = begun()
    play(world, done)
    states = sorted(world.catalog.states)
    if not states:
        return
    machine, number = states[pick % len(states)]
    wanted = world.contents[world.catalog.states[(machine, number)].name]
    for text in ("once", "twice", "three times"):
        world.do(rollback(world.catalog, machine, number, world.occasion()))
        assert world.hosts[machine].shown() == wanted
        world.hosts[machine].write("/etc/a", text)
        check(world)


@given(acts, st.integers(0, 30))
@settings(max_examples=100, deadline=None)
def test_a_rollback_can_be_rolled_back(done: list[object], pick: int) -> None:
    world = begun()
    play(world, done)
    states = sorted(world.catalog.states)
    if not states:
        return
    machine, number = states[pick % len(states)]
    was, before = world.catalog.machines[machine], world.hosts[machine].shown()
    world.do(rollback(world.catalog, machine, number, world.occasion()))
    world.do(rollback(world.catalog, machine, None, world.occasion()))
    now = world.catalog.machines[machine]
    assert (now.role, now.version) == (was.role, was.version)
    assert world.hosts[machine].shown() == before


@given(acts)
@settings(max_examples=60, deadline=None)
def test_a_machine_that_is_renamed_can_go_back_all_the_same(done: list[object]) -> None:
    world = begun()
    play(world, done)
    world.catalog = rename_machine(world.catalog, "m1", "other").catalog
    world.hosts["other"] = world.hosts.pop("m1")
    world.contents = {name.replace("m1@", "other@"): files for name, files in world.contents.items()}
    check(world)
    for state in world.catalog.states_of("other"):
        world.do(rollback(world.catalog, "other", state.number, world.occasion()))
        assert world.hosts["other"].shown() == world.contents[state.name]
    assert not [layer for layer in world.catalog.layers.values() if "m1" in layer.holders]


@given(acts)
@settings(max_examples=60, deadline=None)
def test_a_collection_leaves_exactly_what_is_referred_to(done: list[object]) -> None:
    world = begun()
    play(world, done)
    with contextlib.suppress(Refused):
        world.do(collect(world.catalog))
    assert set(world.catalog.layers) <= world.catalog.referred()
    check(world)
