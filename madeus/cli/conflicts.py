"""``madeus conflicts``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.layering import layer_options, table, with_layers

if TYPE_CHECKING:
    from madeus.layers.mask import Entry


@click.command(epilog="Exit codes: 0 every file is decided, 1 some are not or a host failed, 2 refused.")
@click.argument("host")
@click.argument("role", required=False)
@click.argument("version", required=False)
@layer_options
def conflicts(
    host: str,
    role: str | None,
    version: str | None,
    inventory: Path | None,
    wait: float,
    form: str,
    state: Path | None,
) -> None:
    """List the files of a machine that would hide those of a later version of its role, and what an upgrade does with each.

    \b
    Examples:
      madeus conflicts web1
      madeus conflicts web1 webserver 3.1.1
    """
    found = with_layers(lambda layers: layers.decisions(host, version, role=role), state, inventory, wait)
    if form == "json":
        for one in found:
            sides = {"mine": _said(one.mask.mine), "theirs": _said(one.mask.theirs), "base": _said(one.mask.base)}
            print(json.dumps({"path": one.mask.path, "how": str(one.how), "because": one.because or None, **sides}))
    elif not found:
        click.echo(f"nothing that {host} has changed hides a file of that version")
    else:
        rows = []
        for one in found:
            three = (_said(one.mask.mine), _said(one.mask.theirs), _said(one.mask.base))
            rows.append((str(one.how), one.mask.path, *three, one.because or _reason(str(one.how))))
        table(("", "path", "machine", "new version", "old version", "because of"), rows)
    if any(one.how == "ask" for one in found):
        raise SystemExit(1)


def _said(entry: Entry | None) -> str:
    return "none" if entry is None else f"{entry.kind} {entry.mode:04o} {entry.size} bytes"


def _reason(how: str) -> str:
    return {"ask": "nobody has decided", "keep": "the version has not changed it"}.get(
        how, "the machine has not changed it"
    )
