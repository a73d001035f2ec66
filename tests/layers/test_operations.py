"""Each operation's new stack, and each refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from madeus.layers import Catalog, Change, Layer, LayerKind, Machine, Occasion, Refused, Role, Verb, Version
from madeus.layers.operation import assign, checkpoint, compact, reprovision, rollback, upgrade
from madeus.layers.removal import (
    add_machine,
    collect,
    delete_layer,
    delete_role,
    delete_version,
    forget_states,
    remove_machine,
    rename_machine,
)
from madeus.layers.versioning import define, make, package
from tests.layers.simulation import World, catalog

WHEN = Occasion("new", 7.0)


def stack(change: Change, machine: str = "m1") -> tuple[str, ...]:
    return change.catalog.machines[machine].stack


def verbs(change: Change) -> list[str]:
    return [str(step.verb) for step in change.steps]


def assigned(version: str = "1") -> World:
    world = World()
    world.do(assign(world.catalog, "m1", "web", version, world.occasion()))
    return world


def test_assign_stacks_base_versions_and_a_new_copy() -> None:
    change = assign(catalog(), "m1", "web", "2", WHEN)
    assert stack(change) == ("debian", "web-1", "web-2", "m1-new")
    assert verbs(change) == ["seed", "switch"]
    assert change.steps[-1].arguments == {
        "stack": ["debian", "web-1", "web-2"],
        "writable": "m1-new",
        "persistent": ["/var/data"],
        "services": {"stop": [], "start": ["web", "cron"]},
        "lingering": "end",
        "expects": [],
        "retire": [],
    }
    assert change.undo[0].arguments == {"layers": ["m1-new"]}


def test_assign_without_a_version_takes_the_latest() -> None:
    change = assign(catalog(), "m1", "web", None, WHEN)
    assert change.catalog.machines["m1"].version == "3"


def test_a_machine_without_a_layer_gets_it_from_one_that_has_it() -> None:
    change = assign(catalog(), "m2", "web", "1", WHEN)
    assert verbs(change) == ["seed", "fetch", "switch"]
    assert change.steps[1].arguments == {"layer": "web-1", "holder": "m1"}
    assert change.catalog.layers["web-1"].holders == {"m1", "m2"}


def test_upgrade_puts_versions_between_the_old_one_and_the_oldest_copy() -> None:
    world = assigned()
    world.do(checkpoint(world.catalog, "m1", world.occasion()))
    change = upgrade(world.catalog, "m1", "3", WHEN)
    assert stack(change) == ("debian", "web-1", "web-2", "web-3", "m1-n1", "m1-n2", "m1-new")
    assert change.catalog.machines["m1"].version == "3"
    assert change.catalog.states[("m1", 2)].stack == ("debian", "web-1", "m1-n1", "m1-n2")
    assert change.steps[-1].arguments["services"] == {"stop": ["cron", "web"], "start": ["web", "cron"]}


def test_upgrade_decides_on_masked_files_before_the_switch() -> None:
    world = assigned()
    change = upgrade(world.catalog, "m1", "2", WHEN, [{"path": "/etc/a", "how": "take"}])
    assert verbs(change) == ["create", "resolve", "switch"]
    assert change.steps[1].arguments == {
        "into": "m1-new",
        "old": ["m1-n1"],
        "new": ["web-2"],
        "below": ["debian", "web-1"],
        "decisions": [{"path": "/etc/a", "how": "take"}],
    }


def test_reprovision_leaves_old_copies_out() -> None:
    world = assigned()
    world.hosts["m1"].write("/etc/mine", "mine")
    world.do(reprovision(world.catalog, "m1", "db", "2", world.occasion()))
    assert world.catalog.machines["m1"].stack == ("debian", "db-1", "db-2", "m1-n2")
    assert "/etc/mine" not in world.hosts["m1"].shown()


def test_rollback_stacks_the_state_with_its_copy_read_only_below_a_new_one() -> None:
    world = assigned()
    world.do(upgrade(world.catalog, "m1", "2", world.occasion()))
    change = rollback(world.catalog, "m1", 1, WHEN)
    assert stack(change) == ("debian", "web-1", "m1-n1", "m1-new")
    assert change.catalog.machines["m1"].version == "1"
    assert change.catalog.states[("m1", 1)].used == WHEN.now
    assert change.catalog.states[("m1", 2)].stack == ("debian", "web-1", "web-2", "m1-n1", "m1-n2")


def test_package_merges_the_copies_into_the_next_version() -> None:
    world = assigned("3")
    world.hosts["m1"].write("/etc/a", "good")
    world.do(package(world.catalog, "m1", "web", "4", world.occasion()))
    assert [version.name for version in world.catalog.roles["web"].versions] == ["1", "2", "3", "4"]
    world.do(assign(world.catalog, "m2", "web", "4", world.occasion()))
    assert world.hosts["m2"].shown()["/etc/a"] == "good"


def test_package_of_a_spare_machine_begins_a_role() -> None:
    world = World()
    world.do(assign(world.catalog, "m1", "spare", None, world.occasion()))
    world.hosts["m1"].write("/etc/a", "good")
    world.do(package(world.catalog, "m1", "mail", "1", world.occasion()))
    assert world.catalog.roles["mail"].base == "system"
    assert world.catalog.machines["m1"].role == "spare"
    world.do(assign(world.catalog, "m2", "mail", "1", world.occasion()))
    assert world.hosts["m2"].shown() == {"/etc/os": "debian", "/etc/a": "good"}


def test_compact_leaves_one_layer_of_the_old_copies_and_the_same_files() -> None:
    world = assigned()
    for text in "abcdef":
        world.hosts["m1"].write(f"/etc/{text}", text)
        world.do(checkpoint(world.catalog, "m1", world.occasion()))
    before = world.hosts["m1"].shown()
    assert len(world.catalog.machines["m1"].stack) == 9
    world.do(compact(world.catalog, "m1", world.occasion()))
    assert world.hosts["m1"].shown() == before
    assert world.catalog.machines["m1"].stack == ("debian", "web-1", "m1-n8all", "m1-n8a", "m1-n8b")


def test_nothing_written_while_copies_are_merged_is_lost() -> None:
    world = assigned()
    for _ in range(3):
        world.do(checkpoint(world.catalog, "m1", world.occasion()))
    change = compact(world.catalog, "m1", WHEN)
    switches = [step for step in change.steps if step.verb is Verb.SWITCH]
    merge = next(step for step in change.steps if step.verb is Verb.MERGE)
    meanwhile = switches[0].arguments["writable"]
    assert meanwhile not in merge.arguments["layers"]
    assert meanwhile in switches[1].arguments["stack"] and meanwhile != switches[1].arguments["writable"]


def test_a_version_is_made_above_those_before_it_and_the_root_is_left_alone() -> None:
    start = define(catalog(), Role("web", "debian"), "", ["1", "2", "3", "4"], Occasion("d", 1.0))
    change = make(start, "web", "4", "m2", WHEN)
    assert verbs(change) == ["seed", "fetch", "fetch", "fetch", "create", "make", "freeze"]
    assert change.steps[-2].arguments["stack"] == ["debian", "web-1", "web-2", "web-3", "web-4-d"]
    assert change.catalog.machines["m2"] == start.machines["m2"]
    assert change.catalog.layers["web-4-d"].holders == {"m2"}
    assert change.machines == ("m2", "role web")


def test_a_definition_may_leave_out_versions_that_were_packaged_later() -> None:
    again = define(catalog(), Role("web", "debian", services=("nginx",)), "", ["1"], WHEN)
    assert [version.name for version in again.roles["web"].versions] == ["1", "2", "3"]
    assert again.roles["web"].services == ("nginx",)


def test_renaming_keeps_states_and_their_numbers() -> None:
    world = assigned()
    world.do(checkpoint(world.catalog, "m1", world.occasion()))
    after = rename_machine(world.catalog, "m1", "web1").catalog
    assert [state.name for state in after.states_of("web1")] == ["web1@1"]
    assert after.machines["web1"].stack == world.catalog.machines["m1"].stack
    assert "m1" not in after.machines and after.layers["web-1"].holders == {"web1"}


def test_a_layer_goes_once_no_state_needs_it() -> None:
    world = assigned()
    world.do(reprovision(world.catalog, "m1", "db", "1", world.occasion()))
    with pytest.raises(Refused):
        collect(world.catalog)
    world.do(forget_states(world.catalog, "m1", [1]))
    world.do(collect(world.catalog))
    assert "m1-n1" not in world.catalog.layers and "m1-n1" not in world.hosts["m1"].layers


def test_a_version_nobody_has_can_be_deleted_with_its_layer() -> None:
    change = delete_version(catalog(), "web", "3")
    assert [version.name for version in change.catalog.roles["web"].versions] == ["1", "2"]
    assert change.steps[0].arguments == {"layers": ["web-3"]} and change.machines == ()


def test_a_role_nobody_has_can_be_deleted_and_its_base_stays_while_another_needs_it() -> None:
    after = delete_role(catalog(), "web").catalog
    assert "debian" in after.layers and "web-1" not in after.layers
    assert "debian" not in delete_role(after, "db").catalog.layers


def upgraded() -> Catalog:
    world = assigned()
    world.do(upgrade(world.catalog, "m1", "2", world.occasion()))
    world.do(rollback(world.catalog, "m1", 1, world.occasion()))
    return world.catalog


def declared() -> Catalog:
    return define(catalog(), Role("web", "debian"), "", ["1", "2", "3", "4"], Occasion("d", 1.0))


REFUSALS: dict[str, tuple[Callable[[], object], str, str]] = {
    "unknown machine": (
        lambda: assign(catalog(), "m7", "web", "1", WHEN),
        "there is no machine m7",
        "did you mean m1?",
    ),
    "unknown role": (lambda: assign(catalog(), "m1", "wep", "1", WHEN), "there is no role wep", "did you mean web?"),
    "unknown version": (
        lambda: assign(catalog(), "m1", "web", "77", WHEN),
        "web has no version 77",
        "there is: 1, 2, 3",
    ),
    "assign to one with a role": (
        lambda: assign(upgraded(), "m1", "db", "1", WHEN),
        "m1 is web 1, not spare",
        "`madeus role upgrade m1` keeps what it has changed, `madeus role reprovision ROLE m1` does not",
    ),
    "upgrade of a spare": (
        lambda: upgrade(catalog(), "m1", "2", WHEN),
        "m1 is spare: it has no role yet",
        "`madeus role assign ROLE m1` gives it one",
    ),
    "downgrade": (
        lambda: upgrade(assigned("2").catalog, "m1", "1", WHEN),
        "m1 is web 2: 1 comes before it",
        "it never had it; `madeus role reprovision web m1 --version 1` makes it anew, without its changes",
    ),
    "downgrade to what it was": (
        lambda: upgrade(rollback(upgraded(), "m1", 2, Occasion("b", 2.0)).catalog, "m1", "1", WHEN),
        "m1 is web 2: 1 comes before it",
        "a machine goes back to what it was: `madeus rollback m1 3`",
    ),
    "upgrade to the same": (
        lambda: upgrade(assigned("2").catalog, "m1", "2", WHEN),
        "m1 is web 2: 2 is what it has",
        "",
    ),
    "upgrade of the latest": (
        lambda: upgrade(assigned("3").catalog, "m1", None, WHEN),
        "m1 is web 3: 3 is what it has, and there is no later one",
        "",
    ),
    "upgrade outside the chain": (
        lambda: upgrade(assigned("3").catalog, "m1", "db-1", WHEN),
        "web has no version db-1",
        "there is: 1, 2, 3",
    ),
    "version not made": (
        lambda: assign(declared(), "m1", "web", "4", WHEN),
        "the layer of web 4 has not been made yet",
        "`madeus role make` makes it on a machine",
    ),
    "made twice": (lambda: make(catalog(), "web", "1", "m1", WHEN), "web 1 is made already, on m1", ""),
    "no state": (
        lambda: rollback(catalog(), "m1", None, WHEN),
        "no state of m1 was recorded yet: there is nothing to go back to",
        "",
    ),
    "unknown state": (lambda: rollback(upgraded(), "m1", 9, WHEN), "m1 has no state 9", "there is: 2, 1"),
    "nothing to compact": (
        lambda: compact(assigned().catalog, "m1", WHEN),
        "m1 has one layer of its own: there is nothing to gain",
        "",
    ),
    "checkpoint of nothing": (
        lambda: checkpoint(catalog(), "m1", WHEN),
        "m1 is spare: it has no role yet",
        "`madeus role assign ROLE m1` gives it one",
    ),
    "package as another role": (
        lambda: package(assigned("3").catalog, "m1", "db", "4", WHEN),
        "m1 is web 3: db 4 cannot come after it",
        "package it as a version of web; a spare machine begins a new role",
    ),
    "package in the middle of the chain": (
        lambda: package(assigned("1").catalog, "m1", "web", "1b", WHEN),
        "m1 is web 1: 1b cannot come after it: 2 does",
        "upgrade m1 to 3 first",
    ),
    "package as a role that no file could name": (
        lambda: package(assigned("3").catalog, "m1", "the web", "4", WHEN),
        "'the web' is no name of a role",
        "letters a to z and A to Z, digits, `_` and `-`, a letter or `_` first; 64 at most",
    ),
    "package as a version without a name": (
        lambda: package(assigned("3").catalog, "m1", "web", "", WHEN),
        "'' is no name of a version",
        "letters, digits and any of `._-+~:@`, a letter or digit first; 64 at most",
    ),
    "package as a version that is a path": (
        lambda: package(assigned("3").catalog, "m1", "web", "../4", WHEN),
        "'../4' is no name of a version",
        "letters, digits and any of `._-+~:@`, a letter or digit first; 64 at most",
    ),
    "define a version that fills the screen": (
        lambda: define(catalog(), Role("db", "debian"), "", ["1", "x" * 65], WHEN),
        f"'{'x' * 40}...' is no name of a version",
        "letters, digits and any of `._-+~:@`, a letter or digit first; 64 at most",
    ),
    "package as a version there is": (
        lambda: package(assigned("1").catalog, "m1", "web", "2", WHEN),
        "there is a version web 2 already",
        "",
    ),
    "delete a version in use": (
        lambda: delete_version(World_with_three().catalog, "web", "3"),
        "web 3 is needed by m1, m1@1",
        "`madeus states HOST --forget N` forgets a state",
    ),
    "delete a version in the middle": (
        lambda: delete_version(catalog(), "web", "1"),
        "web 1 is needed by web 2",
        "delete the last version of the chain first",
    ),
    "delete a role in use": (
        lambda: delete_role(upgraded(), "web"),
        "role web is needed by m1, m1@1, m1@2",
        "`madeus states HOST --forget N` forgets a state",
    ),
    "delete spare": (
        lambda: delete_role(catalog(), "spare"),
        "the role spare cannot be deleted: machines without a role have it",
        "",
    ),
    "delete a layer in use": (
        lambda: delete_layer(upgraded(), "m1-n2"),
        "layer m1-n2 is needed by m1@2",
        "`madeus states HOST --forget N` forgets a state",
    ),
    "define another chain": (
        lambda: define(catalog(), Role("web", "debian"), "", ["1", "1b", "2"], WHEN),
        "role web has the versions 1 < 2 < 3, the definition says 1 < 1b < 2",
        "versions can be added at the end only; `madeus role delete` takes away those that nobody refers to",
    ),
    "define another base": (
        lambda: define(catalog(), Role("web", "alpine"), "", ["1"], WHEN),
        "role web stands on the base debian, not on alpine",
        "give a role on another base another name",
    ),
    "define another source": (
        lambda: define(catalog(), Role("new", "debian"), "/x.tar", ["1"], WHEN),
        "the base debian comes from /, not from /x.tar",
        "give another base another name",
    ),
    "define spare": (
        lambda: define(catalog(), Role("spare", "debian"), "", ["1"], WHEN),
        "there is a role spare already",
        "",
    ),
    "add a machine twice": (lambda: add_machine(catalog(), "m1"), "there is a machine m1 already", ""),
    "rename to a name there is": (
        lambda: rename_machine(catalog(), "m1", "m2"),
        "there is a machine m2 already",
        "",
    ),
    "remove the only holder": (
        lambda: remove_machine(catalog(), "m1"),
        "machine m1 is needed by web 1, web 2, web 3, db 1, db 2, db 3",
        "it is the only one that holds their layers; assign them elsewhere first",
    ),
    "nothing to collect": (
        lambda: collect(catalog()),
        "every layer is needed by a machine, a state or a role",
        "",
    ),
}


def World_with_three() -> World:  # noqa: N802  # reads like the class it makes one of
    world = assigned("3")
    world.do(checkpoint(world.catalog, "m1", world.occasion()))
    return world


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_is_refused_and_said_why(case: str) -> None:
    act, message, help = REFUSALS[case]
    with pytest.raises(Refused) as refused:
        act()
    assert refused.value.message == message
    assert refused.value.help == help


def test_a_long_or_odd_name_of_a_machine_gives_a_layer_a_proper_name() -> None:
    for name in ("web[1]", "a" * 200, "-", "ü"):
        start = catalog().with_machine(Machine(name))
        layer = stack(assign(start, name, "web", "1", WHEN), name)[-1]
        assert len(layer) <= 64 and layer.isascii() and layer[0].isalnum() and layer.endswith("-new")


def test_a_role_without_versions_cannot_be_assigned() -> None:
    start = catalog().with_role(Role("empty", "debian"))
    with pytest.raises(Refused, match="role empty has no version yet"):
        assign(start, "m1", "empty", None, WHEN)


def test_removing_a_machine_removes_what_it_alone_has() -> None:
    world = World()
    world.do(assign(world.catalog, "m2", "web", "1", world.occasion()))
    world.do(checkpoint(world.catalog, "m2", world.occasion()))
    after = remove_machine(world.catalog, "m2").catalog
    assert "m2" not in after.machines and not after.states and "m2-n1" not in after.layers
    assert after.layers["web-1"] == Layer("web-1", LayerKind.VERSION, True, holders=frozenset(("m1",)))
    assert after.roles["web"].versions[0] == Version("1", "web-1")
