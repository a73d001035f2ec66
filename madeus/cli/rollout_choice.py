"""Which rollout of a file is meant, over which machines, in which clusters, and where the assembly stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from madeus.cli.loading import InputError, choose_system, load
from madeus.diagnostics.suggest import nearest
from madeus.model import Assembly, Model, Rollout

if TYPE_CHECKING:
    from madeus.dsl import Loaded
    from madeus.executor.inventory import Inventory
    from madeus.executor.live.read import Live
    from madeus.executor.live.state import LiveState
    from madeus.fleet.clusters import Cluster
    from madeus.fleet.stages import Stages
    from madeus.planner.rollout_prepare import Prepared
    from madeus.semantics import Configuration

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PATH = click.Path(dir_okay=False, path_type=Path)


def fleet_options(command: Decorated) -> Decorated:
    """The options about the fleet of a rollout and its clusters."""
    for option in (
        click.option(
            "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Value of an assembly's parameter."
        ),
        click.option(
            "--inventory",
            "-i",
            type=PATH,
            envvar="MADEUS_INVENTORY",
            metavar="TOML",
            help="Hosts and groups; else those that the live assembly is on.",
        ),
        click.option("--clusters", type=PATH, metavar="JSON", help="Clusters that `madeus cluster` has found."),
        click.option(
            "--cluster-by", metavar="NAME", help="Variable of the inventory: hosts with the same value are alike."
        ),
    ):
        command = option(command)
    return command


def choose_rollout(model: Model, name: str | None) -> Rollout:
    """The rollout of that name, or the only one. Raises InputError."""
    if name is None and len(model.rollouts) == 1:
        return next(iter(model.rollouts.values()))
    known = ", ".join(model.rollouts)
    if not known:
        raise InputError(
            "the file has no rollout; one is written as `rollout weekly of program upgrade over web { protocol balanced }`"
        )
    if name is None:
        raise InputError(f"the file has several rollouts, name one: {known}")
    if name not in model.rollouts:
        near = nearest(name, model.rollouts)
        raise InputError(f"there is no rollout {name}; {f'did you mean {near}?' if near else f'there is: {known}'}")
    return model.rollouts[name]


@dataclass(frozen=True)
class Chosen:
    """A rollout, with the fleet it goes to."""

    loaded: Loaded
    model: Model
    rollout: Rollout
    live: Live | None
    """None: the assembly is not deployed."""
    inventory: Inventory | None
    prepared: Prepared


def choose(
    file: str,
    name: str | None,
    settings: Sequence[str],
    inventory: Path | None,
    clusters: Path | None,
    cluster_by: str | None,
    after: Sequence[str] = (),
    state: Path | None = None,
    budget: float | None = 60.0,
    online: set[str] | None = None,
    recorded: Stages | None = None,
    before: Mapping[str, LiveState] | None = None,
) -> Chosen:
    """Everything that is settled before a rollout runs. after: programs that have run, where the assembly is not deployed.
    before: machines that are taken back first, and what they are taken back to.

    Raises InputError, and errors of the executor for inventories and journals.
    """
    from madeus.checker import Budget
    from madeus.executor.inventory import load_inventory
    from madeus.fleet.slices import NotSliceable
    from madeus.planner.rollout_prepare import CannotRoll, prepare

    loaded, model = load(file, settings, quiet=True)
    rollout = choose_rollout(model, name)
    assembly = model.assemblies[model.programs[rollout.program].assembly]
    live = None if after else _live(assembly.name, state)
    hosts = load_inventory(inventory) if inventory is not None else live.inventory if live is not None else None
    try:
        begin, standing = _begin(model, assembly, live, after, hosts, before or {})
        members, resolve = _members(standing, rollout, hosts)
        found = None if recorded is not None else _alike(rollout, members, hosts, clusters, cluster_by)
        prepared = prepare(
            model, rollout, standing, begin, members, resolve, found, online, Budget(seconds=budget), recorded
        )
    except (NotSliceable, CannotRoll) as error:
        raise InputError(f"rollout {rollout.name}: {error}") from error
    return Chosen(loaded, model, rollout, live, hosts, prepared)


def _live(name: str, state: Path | None) -> Live | None:
    from madeus.executor.live.errors import NoLiveAssembly
    from madeus.executor.live.read import read_one

    try:
        return read_one(name, state)
    except NoLiveAssembly:
        return None


def _begin(
    model: Model,
    assembly: Assembly,
    live: Live | None,
    after: Sequence[str],
    hosts: Inventory | None,
    before: Mapping[str, LiveState],
) -> tuple[Configuration, Assembly]:
    from dataclasses import replace

    from madeus.executor.live.state import given_up, restored
    from madeus.planner.rollout_prepare import CannotRoll, standing_after

    if live is not None:
        state = live.state
        for change in live.unfinished:
            state = given_up(state, live.types, change.row.writes)
        for machine, earlier in before.items():
            own = {i.name for i in earlier.instances if hosts is not None and hosts.resolve(i.host).name == machine}
            state = restored(state, own, earlier)
        return state.configuration._replace(positions=(), failures=0), state.assembly(assembly.name, assembly.types)
    if after:
        system = choose_system(model, assembly.name, after)
        begin = standing_after(assembly, system.stages, False)
        instances = tuple(i for n, i in system.instances.items() if n in begin.components)
        return begin, replace(assembly, instances=instances, connections=begin.connections())
    deploys = any("deploy" in assembly.type_of(i.name).behaviors for i in assembly.instances)
    if not deploys:
        raise CannotRoll(
            f"{assembly.name} is not deployed; `madeus deploy` makes a live assembly, and `madeus rollout plan "
            "--after PROGRAM` looks at what would be after programs"
        )
    return standing_after(assembly, (), True), assembly


def _members(
    assembly: Assembly, rollout: Rollout, hosts: Inventory | None
) -> tuple[tuple[str, ...], Callable[[str], str]]:
    """Machines of the fleet, and the machine that a host's name in the model stands for."""
    base = f"{rollout.fleet}["
    called = dict.fromkeys(i.host for i in assembly.instances if i.host == rollout.fleet or i.host.startswith(base))
    if hosts is None:
        if not called:
            raise InputError(
                f"no instance is on a host of {rollout.fleet}; pass --inventory to say which machines it has"
            )
        return tuple(called), lambda name: name
    if rollout.fleet in hosts.groups:
        return hosts.groups[rollout.fleet], lambda name: hosts.resolve(name).name
    if rollout.fleet in hosts.hosts:
        return (rollout.fleet,), lambda name: hosts.resolve(name).name
    if called:
        return tuple(dict.fromkeys(hosts.resolve(n).name for n in called)), lambda name: hosts.resolve(name).name
    near = nearest(rollout.fleet, hosts.groups)
    hint = f"; did you mean {near}?" if near else f"; groups: {', '.join(hosts.groups) or 'none'}"
    raise InputError(f"the inventory has no group {rollout.fleet}{hint}")


def _alike(
    rollout: Rollout, members: Sequence[str], hosts: Inventory | None, clusters: Path | None, cluster_by: str | None
) -> list[Cluster] | None:
    from madeus.fleet.settings import FINGERPRINT, read_settings

    if clusters is not None and cluster_by is not None:
        raise InputError("--clusters and --cluster-by say different things: give one of them")
    if clusters is not None:
        return read_clusters(clusters)
    wanted = read_settings(rollout).cluster_by
    by = cluster_by or (wanted.name if wanted is not None else None)
    if by is None:
        return None
    if by == FINGERPRINT:
        raise InputError(
            f"rollout {rollout.name} clusters by fingerprint: pass what `madeus cluster` has found with --clusters FILE, or "
            "--cluster-by NAME"
        )
    if hosts is None:
        raise InputError(f"to cluster by {by} an inventory is needed: --inventory FILE")
    return _by_variable(by, members, hosts)


def _by_variable(name: str, members: Sequence[str], hosts: Inventory) -> list[Cluster]:
    """Machines with the same value of a variable; the values in the order in which the inventory has them."""
    from madeus.fleet.clusters import Cluster

    groups: dict[str, list[str]] = {}
    for machine in members:
        value = hosts.hosts[machine].variable(name)
        if value is None:
            raise InputError(f"the host {machine} has no variable {name}")
        groups.setdefault(str(value), []).append(machine)
    return [Cluster(value, tuple(machines), distance=number) for number, (value, machines) in enumerate(groups.items())]


def read_clusters(path: Path) -> list[Cluster]:
    """Clusters of a file of `madeus cluster`: ``{"clusters": [{"name", "machines", "distance", "medoids",
    "differs", "lacks", "deviating"}]}``; the last four may be missing.
    """
    from madeus.fleet.clusters import Cluster

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return [
            Cluster(
                str(c["name"]),
                tuple(c["machines"]),
                frozenset(c.get("differs", ())),
                int(c["distance"]),
                tuple(c.get("medoids", ())),
                lacks=frozenset(c.get("lacks", ())),
                deviating=tuple((m, frozenset(items)) for m, items in c.get("deviating", {}).items()),
            )
            for c in data["clusters"]
        ]
    except OSError as error:
        raise InputError(f"--clusters {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"--clusters {path}: not a file of `madeus cluster`") from error
