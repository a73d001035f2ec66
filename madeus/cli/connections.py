"""``madeus connections``."""

from __future__ import annotations

import click

from madeus.cli.failing import ExecutionError
from madeus.cli.layering import format_option, moment, table

WAIT = 5.0
"""Seconds for connections that are just being made."""


@click.group(invoke_without_command=True, epilog="Exit codes: 0 shown.")
@format_option
@click.pass_context
def connections(context: click.Context, form: str) -> None:
    """List the SSH connections that are kept for the next command.

    They are kept for hosts whose entry in the inventory says `persist`, and end when nothing has used them for that time.

    \b
    Examples:
      madeus connections
      madeus connections stop
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from madeus.executor.transport.kept import kept

    found = asyncio.run(kept())
    if form == "json":
        import json

        for one in found:
            line = {"host": one.host, "inventory": one.inventory, "target": one.target, "since": one.since}
            click.echo(json.dumps({**line, "idle": one.idle, "process": one.process, "socket": str(one.path)}))
        return
    rows = [(one.host, one.target, moment(one.since), f"{one.idle:g} s", str(one.process)) for one in found]
    table(("host", "target", "since", "ends when idle for", "process"), rows)


@connections.command(epilog="Exit codes: 0 ended, or there was none, 2 none is kept to such a host.")
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
def stop(hosts: tuple[str, ...]) -> None:
    """End kept connections: those to some hosts, or all.

    A command that is using one goes on over another.

    \b
    Examples:
      madeus connections stop
      madeus connections stop web1 web2
    """
    import asyncio

    from madeus.executor.transport.kept import end, kept

    async def ended() -> int:
        found = await kept()
        unknown = [name for name in hosts if name not in {one.host for one in found}]
        if unknown:
            raise ExecutionError(f"no connection to {unknown[0]} is kept", "`madeus connections` lists them", 2)
        meant = {one.path for one in found if not hosts or one.host in hosts}
        return len(await end(meant.__contains__, WAIT))

    count = asyncio.run(ended())
    click.echo(f"{count} connection{'s' * (count != 1)} ended")
