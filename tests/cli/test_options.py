"""Options of all commands, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import click

from madeus.cli.root import cli

OTHERWISE = {
    ("--format", "logs"): "",  # -f follows there, as in tail
    ("--name", "plan"): "",  # the new program's, no bed's
}
"""Options that have another short form in one command, and why."""


def commands(command: click.Command, context: click.Context, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, click.Context(inner, parent=context, info_name=name), f"{path} {name}".strip())
    else:
        yield path, command


def test_an_option_has_the_same_short_form_in_all_commands() -> None:
    forms: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, command in commands(cli, click.Context(cli, info_name="madeus")):
        for option in (p for p in command.params if isinstance(p, click.Option)):
            long = next(word for word in option.opts if word.startswith("--"))
            short = next((word for word in option.opts if not word.startswith("--")), "")
            assert OTHERWISE.get((long, path), short) == short
            if (long, path) not in OTHERWISE:
                forms[long][short].append(path)
    apart = {long: dict(short) for long, short in forms.items() if len(short) > 1}
    assert not apart
