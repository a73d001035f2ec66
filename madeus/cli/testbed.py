"""``madeus testbed``: test hosts on this machine."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from madeus.executor.testbed import BedRecord, Host, Mode, Testbed

_BED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class WorldProblem(click.ClickException):
    """Test hosts that could not be made or kept."""

    exit_code = 1


class UsageProblem(click.ClickException):
    """Test hosts that could not be asked for like that, or not by this user."""

    exit_code = 2


@contextmanager
def _problems_told() -> Iterator[None]:
    from madeus.executor.testbed import TestbedError

    try:
        yield
    except TestbedError as error:
        raise (UsageProblem if error.exit_code == UsageProblem.exit_code else WorldProblem)(str(error)) from error


def _bed_options(command: Callable[..., None]) -> Callable[..., None]:
    name = click.option(
        "--name", "-n", default="default", show_default=True, metavar="BED", help="Which bed; several can be up."
    )
    directory = click.option(
        "--dir",
        "directory",
        type=click.Path(path_type=Path),
        help="State directory of the bed. Default: $XDG_STATE_HOME/madeus/testbed/BED.",
    )
    return name(directory(command))


def _place(name: str, directory: Path | None) -> Path:
    """The directory of the bed `name`: the given one, the usual one, or where a bed of that name is up."""
    from madeus.executor.testbed import beds, default_root

    if _BED_NAME.fullmatch(name) is None:
        raise click.UsageError(f"--name {name!r}: letters, digits, '.', '_' and '-', beginning with a letter or digit")
    if directory is not None:
        return directory.absolute()
    usual = default_root() / name
    if not (usual / "bed.json").exists():
        for place, record in beds():
            if record.name == name:
                return place
    return usual


def _bed(name: str, directory: Path | None) -> Testbed:
    from madeus.executor.testbed import Testbed

    return Testbed.at(_place(name, directory))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def testbed() -> None:
    """Start, break and stop test hosts: real machines' behaviour on this one. Needs root.

    \b
    Examples:
      madeus testbed up 3
      madeus testbed up db1 web1 web2 --packages mariadb-server,apache2
      madeus testbed ssh db1
      madeus testbed partition db1
      madeus testbed down
    """


@testbed.command(
    epilog="Exit codes: 0 the hosts are up, 1 they could not be made, 2 bad input or something is missing."
)
@click.argument("hosts", nargs=-1, required=True, metavar="COUNT | NAME...")
@_bed_options
@click.option(
    "--mode",
    type=click.Choice(["relay", "veth", "lo"]),
    help="relay (default): the hosts reach each other by name and this machine reaches them; veth: only what runs in the "
    "bed's network reaches them; lo: all share this machine's network.",
)
@click.option(
    "--root",
    metavar="ROOT",
    help="What the hosts' disks lie over: machine (default), bullseye, bookworm, trixie or debootstrap:SUITE, "
    "and packages that are installed there, as bookworm+mariadb-server.",
)
@click.option("--packages", metavar="P,Q,...", default="", help="Debian packages that the hosts can install.")
@click.option("--layers", is_flag=True, help="Hosts whose roots can be stacked out of layers: they may mount.")
@click.option(
    "--init",
    type=click.Choice(["sshd", "systemd"]),
    default="sshd",
    help="What the hosts start with: sshd alone (default), or systemd, so that systemctl is real in them.",
)
def up(
    hosts: tuple[str, ...],
    name: str,
    directory: Path | None,
    mode: str | None,
    root: str | None,
    packages: str,
    layers: bool,
    init: str,
) -> None:
    """Bring up COUNT hosts (h1, h2, ...) or hosts of these names; a bed that is up gets those it lacks.

    \b
    Examples:
      madeus testbed up 3
      madeus testbed up db1 web1 web2 --packages mariadb-server,apache2
      madeus testbed up 50 --name big
      madeus testbed up old1 old2 --name old --root bullseye --packages mariadb-server
    """
    from madeus.executor.testbed import Testbed

    wanted: int | tuple[str, ...] = hosts
    if len(hosts) == 1 and hosts[0].isdecimal():
        wanted = int(hosts[0])
        if not 1 <= wanted <= 10_000:
            raise click.UsageError(f"{wanted} hosts: give a number from 1 to 10000, or names")
    begin = time.monotonic()
    with _problems_told():
        bed = Testbed.up(
            wanted,
            _place(name, directory),
            name=name,
            mode=cast("Mode | None", mode),
            root=root,
            packages=_split(packages),
            tied=False,
            layers=layers,
            systemd=init == "systemd",
        )
        _tell_arrival(bed, time.monotonic() - begin)


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]


def _tell_arrival(bed: Testbed, seconds: float) -> None:
    record, arrival = bed.record, bed.arrival
    if arrival.swept:
        click.echo(f"{arrival.swept} processes of lost test hosts were killed first")
    if arrival.present:
        click.echo(f"already up: {', '.join(arrival.present)}")
    if arrival.started:
        click.echo(f"started again: {', '.join(arrival.started)}")
    fresh = len(arrival.made)
    click.echo(
        f"bed {record.name}: {fresh} new {'host' if fresh == 1 else 'hosts'} in {seconds:.1f} s (mode {record.mode})"
    )
    click.echo(_table(record))
    prefix = "".join(f"{word} " for word in bed.prefix)
    at = "" if record.name == "default" else f"--name {record.name} "
    click.echo(f"inventory    {bed.inventory}")
    click.echo(f"ssh_config   {bed.ssh_config}")
    click.echo(f"known_hosts  {bed.known_hosts}")
    click.echo("next:")
    click.echo(f"  {prefix}madeus run FILE --inventory {bed.inventory}")
    click.echo(f"  madeus testbed ssh {at}{record.hosts[0].name}")
    click.echo(f"  madeus testbed down {at}".rstrip())


def _table(record: BedRecord) -> str:
    rows = [("HOST", "ADDRESS", "INSIDE", "STATE")]
    for host in record.hosts:
        state = host.state + (", partitioned" if host.partitioned else "")
        address = host.address if host.port == 22 else f"{host.address}:{host.port}"
        rows.append((host.name, address, host.inner, state))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


@testbed.command("list")
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Only the bed of this state directory.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_beds(directory: Path | None, form: str) -> None:
    """List the beds and their hosts.

    \b
    Examples:
      madeus testbed list
    """
    from madeus.executor.testbed import beds
    from madeus.executor.testbed.registry import BedFiles, is_alive

    if directory is None:
        found = beds()
    else:
        record = BedFiles(directory.resolve()).read()
        found = [] if record is None else [(directory.resolve(), record)]
    if form == "json":
        click.echo(
            json.dumps([_described(place, record, is_alive(record.keeper)) for place, record in found], indent=1)
        )
        return
    if not found:
        click.echo("no test hosts; `madeus testbed up 3` starts some")
    for place, record in found:
        if is_alive(record.keeper):
            click.echo(f"bed {record.name} (mode {record.mode}), {place}")
        elif record.keeper is None:
            click.echo(f"bed {record.name}: down, its disks are kept in {place}")
        else:
            click.echo(f"bed {record.name}: lost in a crash, {place}; the next `up` or `down` of it cleans up")
            continue
        click.echo(_table(record))


def _described(place: Path, record: BedRecord, alive: bool) -> dict[str, Any]:
    state = "up" if alive else "down" if record.keeper is None else "lost"
    hosts = [
        {
            "name": host.name,
            "address": host.address,
            "port": host.port,
            "inside": host.inner,
            "state": host.state if alive else "down",
            "partitioned": host.partitioned,
            "pid": host.process.pid if host.process is not None and alive else None,
        }
        for host in record.hosts
    ]
    return {
        "bed": record.name,
        "directory": str(place),
        "mode": record.mode,
        "state": state,
        "inventory": str(place / "inventory.toml"),
        "hosts": hosts,
    }


_PASSING_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@testbed.command(context_settings=_PASSING_ON)
@_bed_options
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, directory: Path | None, host: str, command: Sequence[str]) -> None:
    """Log into a host, or run a command there, over SSH.

    \b
    Examples:
      madeus testbed ssh web1
      madeus testbed ssh web1 hostname
    """
    with _problems_told():
        bed = _bed(name, directory)
        bed.host(host)
        words = [*bed.prefix, "ssh", "-F", str(bed.ssh_config), host, *command]
    sys.stdout.flush()
    os.execvp(words[0], words)


@testbed.command("exec", context_settings=_PASSING_ON)
@_bed_options
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(name: str, directory: Path | None, host: str, command: Sequence[str]) -> None:
    """Run a command in a host without SSH, also when it is partitioned; ends with the command's exit code.

    \b
    Examples:
      madeus testbed exec web1 -- cat /etc/hostname
    """
    words = command[1:] if command[0] == "--" else command
    environment = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
    sys.stdout.flush()
    with _problems_told():
        code = _bed(name, directory).host(host).run(words, environment=environment)
    sys.exit(code)


@testbed.command()
@_bed_options
@click.option("--keep-disks", is_flag=True, help="Keep what the hosts wrote for the next `up` of the bed.")
@click.option("--all", "everything", is_flag=True, help="Every bed, wherever it is.")
def down(name: str, directory: Path | None, keep_disks: bool, everything: bool) -> None:
    """Stop the hosts and remove everything of them; also cleans up after a crash.

    \b
    Examples:
      madeus testbed down
      madeus testbed down --keep-disks
    """
    from madeus.executor.testbed import beds, take_down
    from madeus.executor.testbed.errors import NoSuchBed

    places = [place for place, _ in beds()] if everything else [_place(name, directory)]
    for place in places:
        begin = time.monotonic()
        with _problems_told():
            try:
                swept = take_down(place, keep_disks=keep_disks)
            except NoSuchBed:
                click.echo(f"nothing is up at {place}")
                continue
        lost = f"; {swept} lost processes were killed" if swept else ""
        click.echo(f"down: {place} in {time.monotonic() - begin:.1f} s{lost}")


@testbed.command()
@_bed_options
@click.option("--root", metavar="ROOT", help="Offer what this root lacks (as in `up`), for stacks that begin with it.")
@click.argument("packages", nargs=-1, required=True)
def packages(name: str, directory: Path | None, root: str | None, packages: tuple[str, ...]) -> None:
    """Offer further Debian packages to the hosts of a bed: `apt-get install` finds them there without a network.

    \b
    Examples:
      madeus testbed packages redis-server
    """
    names = [part for text in packages for part in _split(text)]
    with _problems_told():
        count = _bed(name, directory).offer_packages(names, root)
    click.echo(f"{count} package files: the hosts can now `apt-get install {' '.join(names)}`")


def _fault(command: str, done: str, explanation: str, act: Callable[[Host], None]) -> None:
    @testbed.command(command, help=f"{explanation}\n\n\b\nExamples:\n  madeus testbed {command} web1")
    @_bed_options
    @click.argument("hosts", nargs=-1, required=True)
    def run(name: str, directory: Path | None, hosts: tuple[str, ...]) -> None:
        with _problems_told():
            bed = _bed(name, directory)
            for chosen in [bed.host(each) for each in hosts]:
                act(chosen)
                click.echo(f"{chosen.name} {done}")


_fault("kill", "is down", "End hosts as a power cut would; their disks stay.", lambda host: host.kill())
_fault("start", "is up", "Bring killed hosts back with their disks.", lambda host: host.start())
_fault("freeze", "is frozen", "Stop every process of hosts.", lambda host: host.freeze())
_fault("thaw", "goes on", "Undo freeze.", lambda host: host.thaw())
_fault("partition", "is cut off", "Cut hosts off from each other and from this machine.", lambda host: host.partition())
_fault("heal", "is connected again", "Undo partition.", lambda host: host.heal())
