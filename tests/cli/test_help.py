"""`--help` of every command."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from madeus.cli.root import cli


def commands(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """Words of every command that has no commands of its own."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, *words, name)
        else:
            yield (*words, name)


def test_the_help_of_every_command_has_an_example_of_it() -> None:
    every = list(commands(cli))
    assert ("testbed", "heal") in every
    for words in every:
        said = CliRunner().invoke(cli, [*words, "--help"], prog_name="madeus")
        assert said.exit_code == 0
        examples = said.output.partition("Examples:\n")[2]
        assert f"    madeus {' '.join(words)}" in examples, words
