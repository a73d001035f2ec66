"""`madeus fmt`: write model files in the one layout."""

from __future__ import annotations

import difflib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from madeus.diagnostics import Diagnostic, error
from madeus.dsl.format import format_module
from madeus.dsl.parser import SourceText, decode, parse, read

_STDIN = "<stdin>"


@click.command()
@click.argument("paths", metavar="FILES...", nargs=-1, required=True, type=click.Path(path_type=str, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is not in the one layout.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change. Exit with 1 if anything would.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format model files in place; `-` reads standard input and writes standard output.

    Of a directory all *.madeus files in it are formatted. A file with syntax errors is left as it is, and the exit code is 2.

    \b
    Examples:
      madeus fmt shop.madeus
      madeus fmt --check examples/
    """
    faults: list[Diagnostic] = []
    texts: dict[str, str] = {}
    changed = 0
    for path in dict.fromkeys(paths):
        for file in _files(path, faults):
            changed += _one(file, check, diff, faults, texts)
    if faults:
        from rich.console import Console

        from madeus.diagnostics.render import print_diagnostics, summary

        console = Console(stderr=True)
        print_diagnostics(console, faults, texts)
        console.print(summary(faults), highlight=False)
        raise SystemExit(2)
    if changed and (check or diff):
        raise SystemExit(1)


def _files(path: str, faults: list[Diagnostic]) -> Iterator[str]:
    """A file itself; all model files of a directory, sorted, hidden directories left out."""
    if path == "-" or not Path(path).is_dir():
        yield path
        return
    found = sorted(
        file
        for file in Path(path).rglob("*.madeus")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        faults.append(error("MAD001", f"`{path}` holds no .madeus file", None))
    yield from map(str, found)


def _one(path: str, check: bool, diff: bool, faults: list[Diagnostic], texts: dict[str, str]) -> bool:
    """Format one file; whether it was not in the one layout."""
    name = _STDIN if path == "-" else path
    if path == "-":
        data = sys.stdin.buffer.read()
        source: SourceText | tuple[Diagnostic, ...] | Diagnostic = decode(data, name)
    else:
        source = read(path)
        data = b""
    if not isinstance(source, SourceText):
        faults.extend(source if isinstance(source, tuple) else (source,))
        return False
    texts[name] = source.text
    parsed = parse(source.text, name)
    if not parsed.ok:
        faults.extend(parsed.diagnostics)
        return False
    formatted = format_module(parsed.module)
    before = data if path == "-" else Path(path).read_bytes()
    different = formatted.encode() != before
    if diff:
        if different:
            click.echo(_difference(source.text, formatted, name), nl=False)
    elif check:
        if different:
            click.echo(f"would format {name}")
    elif path == "-":
        sys.stdout.buffer.write(formatted.encode())
    elif different:
        try:
            _replace(Path(path), formatted)
        except OSError as fault:
            faults.append(
                error("MAD001", f"`{name}` cannot be written: {(fault.strerror or str(fault)).lower()}", None)
            )
            return True
        click.echo(f"formatted {name}")
    return different


def _difference(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} (formatted)"
    )
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return text or f"{name}: line ends or the byte order mark differ\n"


def _replace(path: Path, text: str) -> None:
    """Write a file at once or not at all, with the permissions it had; a link's target is written, not the link."""
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
