"""``madeus draw``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from madeus.cli.loading import InputError, choose_assembly, load
from madeus.view.drawing import Drawing, NotDrawn

FORMATS = ("dot", "svg", "png")


class WorldError(click.ClickException):
    """Something outside the user's text is missing or went wrong: exit code 1."""

    exit_code = 1


@click.command(epilog="Exit codes: 0 drawn, 1 Graphviz is missing or failed, 2 bad input.")
@click.argument("file", type=click.Path())
@click.option("--assembly", "-a", metavar="NAME", help="Assembly to draw; needed when the file has several.")
@click.option("--type", "-t", "kind", metavar="NAME", help="Draw one component type instead.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Value of an assembly's parameter.")
@click.option(
    "--format", "-f", "form", type=click.Choice(FORMATS), help="Default: from the ending of --output, else dot."
)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="File to write. Default: standard output.")
@click.option(
    "--overview/--detailed",
    default=None,
    help="Components as boxes with ports, or with all they contain. Default: boxes when there are many.",
)
def draw(
    file: str,
    assembly: str | None,
    kind: str | None,
    settings: tuple[str, ...],
    form: str | None,
    output: str | None,
    overview: bool | None,
) -> None:
    """Draw an assembly, or a component type, as the Madeus papers do.

    DOT needs nothing else; SVG and PNG need Graphviz (Debian package graphviz).

    \b
    Examples:
      madeus draw examples/lamp/lamp.madeus -o lamp.svg
      madeus draw examples/lamp/lamp.madeus --type MariaDB -o mariadb.png
      madeus draw examples/openstack.madeus --overview | dot -Tpdf -o openstack.pdf
    """
    form = form or _format_of(output)
    if form == "png" and output is None and sys.stdout.isatty():
        raise InputError("a PNG does not belong on a terminal; give --output FILE")
    source = _dot(file, assembly, kind, settings, overview)
    try:
        drawn = source.encode() if form == "dot" else Drawing(source).render(form)
    except NotDrawn as error:
        raise WorldError(str(error)) from error
    if output is None:
        sys.stdout.buffer.write(drawn)
        return
    try:
        Path(output).write_bytes(drawn)
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error


def _format_of(output: str | None) -> str:
    """The format that a file's ending says; DOT without an ending. Raises InputError."""
    ending = Path(output).suffix.lower() if output else ""
    if ending in ("", ".gv"):
        return "dot"
    if ending[1:] not in FORMATS:
        raise InputError(f"--output: {ending} is no format of a drawing ({', '.join(FORMATS)}); give --format")
    return ending[1:]


def _dot(file: str, assembly: str | None, kind: str | None, settings: tuple[str, ...], overview: bool | None) -> str:
    from madeus.api import look_up
    from madeus.cli.loading import selecting

    _, model = load(file, settings, quiet=True)
    try:
        from madeus.view.dot import assembly_dot, type_dot
    except ModuleNotFoundError as error:
        if error.name != "graphviz":
            raise
        raise WorldError("drawing needs the Python package graphviz: pip install 'madeus[draw]'") from error
    if kind is not None:
        with selecting():
            return type_dot(look_up(model.types, kind, "component type"))
    return assembly_dot(choose_assembly(model, assembly), overview=overview)
