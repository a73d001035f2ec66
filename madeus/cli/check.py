"""``madeus check``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madeus.cli.amounts import Duration, Size
from madeus.cli.loading import InputError, parse_settings

if TYPE_CHECKING:
    from madeus.checker.report.model import Report
    from madeus.cli.checking import Round

FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab")
BUDGET = "60s"
MEMORY = "4G"


@click.command(
    epilog="Exit codes: 0 verified, 1 violated, 2 bad input, 3 inconclusive (the budget was spent; never taken for "
    "verified), 70 internal error, 130 interrupted. What is violated comes before what is inconclusive."
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--assembly", "-a", metavar="NAME", help="Check this assembly only.")
@click.option(
    "--verify",
    metavar="N|TITLE",
    help="Answer one verify block only, by its number in the file or its title, or one property of it (N#M). See --list.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Value of an assembly's parameter.")
@click.option(
    "--engine",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="Ask this engine alone; an unknown name lists them.",
)
@click.option("--cross-check", is_flag=True, help="Have a second engine confirm every answer; a difference is a bug.")
@click.option(
    "--budget", type=Duration(), metavar="TIME", default=BUDGET, show_default=True, help="For each question; or none."
)
@click.option(
    "--memory", type=Size(), metavar="SIZE", default=MEMORY, show_default=True, help="Of this process; or none."
)
@click.option(
    "--health/--no-health", default=True, help="Look for deadlocks and for what can never happen. Default: yes."
)
@click.option("--strict", is_flag=True, help="A warning of the health checks counts as a violation.")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="File to write. Default: standard output.")
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(dir_okay=False),
    metavar="OUT.html|OUT.json",
    help="Write the counterexample (of the first violated property) as a page to step through, or as JSON.",
)
@click.option("--no-cache", is_flag=True, help="Ask everything anew, and keep nothing.")
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved, until Ctrl-C.")
@click.option("--list", "listed", is_flag=True, help="List the verify blocks and their properties; answer nothing.")
def check(
    files: tuple[str, ...],
    assembly: str | None,
    verify: str | None,
    settings: tuple[str, ...],
    engine: str,
    cross_check: bool,
    budget: float | None,
    memory: int | None,
    health: bool,
    strict: bool,
    form: str,
    output: str | None,
    trace_file: str | None,
    no_cache: bool,
    watch: bool,
    listed: bool,
) -> None:
    """Answer the verify blocks of files exactly; show for what is violated the shortest run that shows it.

    Deadlocks, dead transitions, behaviors that never start, joins that never complete and ports that are never used are
    looked for in every assembly without being asked.

    \b
    Examples:
      madeus check examples/openstack.madeus
      madeus check site.madeus --verify "site after install, upgrade" --trace why.html
      madeus check *.madeus --format sarif -o madeus.sarif --budget 5min
      madeus check lamp.madeus --set n=50 --engine explicit --cross-check
      madeus check site.madeus --watch
    """
    from importlib.metadata import version

    from madeus.checker.engine import Budget
    from madeus.checker.plan import Wish
    from madeus.checker.portfolio import ENGINES, UnknownEngine
    from madeus.cli.cache import FileCache
    from madeus.cli.checking import Round, listing

    if engine not in ("auto", *ENGINES):
        raise InputError(f"--engine {engine}: {UnknownEngine(engine)}")
    for option, target in (("--output", output), ("--trace", trace_file)):
        _check_writable(option, target)
    wish = Wish(assembly, verify, engine, cross_check, Budget(budget, memory), health)
    cache = None if no_cache else FileCache()
    what = Round(tuple(dict.fromkeys(files)), parse_settings(settings), wish, cache, strict, version("madeus"))
    if listed:
        lines, code = listing(what)
        click.echo("\n".join(lines))
        sys.exit(code)

    def one_round() -> Report:
        report = _round(what, form, output, trace_file)
        if cache is not None:
            cache.prune()
        return report

    if watch:
        from madeus.cli.watching import watch as watch_files

        watch_files(lambda: _read(one_round()), what.files)
        return
    sys.exit(one_round().exit_code)


def _round(what: Round, form: str, output: str | None, trace_file: str | None) -> Report:
    from madeus.cli.checking import check_files, errors_only, terminal

    streaming = form == "text" and output is None
    report = check_files(what, terminal if streaming else errors_only)
    if not streaming:
        from madeus.checker.report import render

        _write(render(report, form), output)
    if trace_file is not None:
        from madeus.cli.counterexample import write_run

        click.echo(write_run(report, trace_file), err=True)
    return report


def _read(report: Report) -> Iterable[str]:
    return [name for file in report.files for name in file.texts]


def _write(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error


def _check_writable(option: str, target: str | None) -> None:
    """Find out before the work that its result could not be written."""
    if target is None:
        return
    path = Path(target)
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{option} {target}: it is a directory")
    if not folder.is_dir():
        raise InputError(f"{option} {target}: there is no directory {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise InputError(f"{option} {target}: it may not be written")
