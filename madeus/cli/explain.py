"""``madeus explain``: the page of a diagnostic code."""

from __future__ import annotations

import json
import sys

import click

from madeus.diagnostics import CODES, Page, nearest, page


@click.command(epilog="Exit codes: 0 explained, 2 there is no such code.")
@click.argument("code", required=False)
@click.option("--format", "-f", "form", type=click.Choice(("text", "json")), default="text", help="Default: text.")
def explain(code: str | None, form: str) -> None:
    """Explain a diagnostic code: when it comes, and a wrong and a mended example. Without a code all are listed.

    \b
    Examples:
      madeus explain MAD055
      madeus explain
      madeus explain mad126 --format json
    """
    if code is None:
        _list_all(form)
        return
    found = page(code)
    if found is None:
        raise click.UsageError(_unknown(code))
    if form == "json":
        click.echo(json.dumps(_as_json(found), indent=2))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(found.markdown()))
    else:
        click.echo(found.markdown(), nl=False)


def _list_all(form: str) -> None:
    if form == "json":
        click.echo(json.dumps([{"code": entry.code, "title": entry.title} for entry in CODES.values()], indent=2))
        return
    for entry in CODES.values():
        click.echo(f"{entry.code}  {entry.title}")


def _unknown(code: str) -> str:
    """Why there is nothing to explain, with the code that was most likely meant."""
    digits = code.strip().upper().removeprefix("MAD").strip("-_ ")
    candidate = f"MAD{digits.zfill(3)}"
    near = candidate if candidate in CODES else nearest(code.upper(), CODES)
    hint = f"Did you mean '{near}'?" if near else "'madeus explain' lists all codes."
    return f"There is no diagnostic '{code}'. {hint}"


def _as_json(found: Page) -> dict[str, object]:
    """A page as plain data. Bytes of an example that are not UTF-8 are written as `\\xNN`."""
    return {
        "code": found.code,
        "title": found.title,
        "text": found.text.strip(),
        "wrong": found.wrong.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        "mended": found.mended,
        "beside": dict(found.beside),
        "settings": dict(found.settings),
    }
