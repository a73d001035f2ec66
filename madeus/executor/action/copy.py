"""``copy "source" to "destination"``: a file or a whole directory of the controller on the host."""

from __future__ import annotations

import asyncio
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import ActionKind, ActionResult, Call, Context, Description, Kind, Parameter, show
from madeus.executor.action.compare import Wanted, compare, digest
from madeus.executor.action.local import missing
from madeus.executor.errors import ActionFailed, InvalidAction
from madeus.executor.transport.base import Job
from madeus.model.action import Action

FILE_OPTIONS = (
    Parameter(
        "to", Kind.STRING, "absolute path on the host; one that ends in `/` is a directory to put it in", required=True
    ),
    Parameter("mode", Kind.MODE, "permission bits of the file, such as 0644"),
    Parameter("owner", Kind.STRING, "owning user"),
    Parameter("group", Kind.STRING, "owning group"),
    Parameter("user", Kind.STRING, "user of the host who writes it"),
)
AT_ONCE = 4
"""Files of a directory that are under way at one time."""


class Copy(ActionKind):
    """Copies what differs. Of a directory everything below it; what is on the host besides stays."""

    description: ClassVar[Description] = Description(
        name="copy",
        summary="copy a file or directory to the host",
        arguments=(Parameter("source", Kind.STRING, "file or directory, relative to the .madeus file", required=True),),
        options=(
            *FILE_OPTIONS,
            Parameter("directory_mode", Kind.MODE, "permission bits of directories that are made", default=0o755),
        ),
        idempotent=True,
        example='copy "site/" to "/var/www/html" owner "www-data"',
    )

    @override
    def looking(self, action: Action) -> Action:
        return action

    @override
    def expects(self, call: Call) -> str:
        return "what it copies"

    @override
    def check(self, call: Call) -> None:
        check_destination(call)

    @override
    def plan(self, call: Call, context: Context) -> str:
        source = context.local_path(call.text(0))
        count = sum(1 for path, _ in _tree(source) if path.is_file())
        what = f"{source} ({count} file{'s' * (count != 1)})" if source.is_dir() else str(source)
        return f"copy {what} to {call.plain('to')}"

    @override
    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        source = context.local_path(call.text(0))
        pairs = list(_tree(source))
        folders = [place for path, place in pairs if path.is_dir()]
        target = call.plain("to") or ""
        target = (target.rstrip("/") or "/") if folders else destination(target, source.name)
        if context.looking:
            there = [Wanted(_below(target, folder), None, None) for folder in folders]
            files = [(path, place) for path, place in pairs if path.is_file()]
            there += [
                Wanted(_below(target, place), digest(path), call.options["mode"] or _mode(path))
                for path, place in files
            ]
            await compare(call, context, there)
            return ActionResult(changed=False)
        changed = False
        if folders:
            changed = await self._folders(call, context, attempt, [_below(target, folder) for folder in folders])
        slots = asyncio.Semaphore(AT_ONCE)

        async def bring(path: Path, place: str) -> bool:
            async with slots:
                mode = call.options["mode"]
                if mode is None:
                    mode = _mode(path)
                return await context.transport.put(
                    _below(target, place), path, mode, call.plain("owner"), call.plain("group"), call.plain("user")
                )

        bringing = (bring(path, place) for path, place in pairs if path.is_file())
        for brought in await asyncio.gather(*bringing, return_exceptions=True):
            if isinstance(brought, BaseException):
                raise brought
            changed = changed or brought
        return ActionResult(changed=changed)

    async def _folders(self, call: Call, context: Context, attempt: int, folders: list[str]) -> bool:
        """Make the directories that are missing; whether there were any."""
        facts = await context.transport.stat(folders, call.plain("user"))
        lacking = [folder for folder, fact in zip(folders, facts, strict=True) if fact.kind != "directory"]
        if not lacking:
            return False
        owner = ":".join([call.plain("owner") or "", call.plain("group") or ""]).strip(":")
        if call.plain("group") and not call.plain("owner"):
            owner = f":{call.plain('group')}"
        words = " ".join(map(shlex.quote, lacking))
        text = f"set -e\nmkdir -p -- {words}\nchmod {call.options['directory_mode']:o} -- {words}\n"
        if owner:
            text += f"chown -- {shlex.quote(owner)} {words}\n"
        job = Job(context.job_id(attempt, "folders"), text, user=call.plain("user"), ephemeral=True)
        outcome = await context.transport.perform(job)
        if outcome.exit_code:
            said = outcome.stderr.decode(errors="replace").strip() or f"exit code {outcome.exit_code}"
            raise ActionFailed(call.kind, context.host.name, said.splitlines()[-1], stderr=outcome.stderr)
        return True


def check_destination(call: Call) -> None:
    """A relative path would depend on where the transport happens to be.

    Raises:
        InvalidAction: the option `to` is relative.
    """
    if not (call.plain("to") or "").startswith("/"):
        raise InvalidAction(call.kind, f"`{show(call.options['to'])}` is no absolute path", "it begins with `/`")


def destination(to: str, name: str) -> str:
    """Where a single file goes: into a directory when the path ends in a slash."""
    return to + name if to.endswith("/") else to


def _below(target: str, place: str) -> str:
    return f"{target.rstrip('/')}/{place}" if place else target


def _tree(source: Path) -> Iterator[tuple[Path, str]]:
    """Files and directories with their place below the target: itself has the empty one. Sorted; parents come first."""
    try:
        source.stat()
    except OSError as error:
        raise missing(source, error) from None
    yield source, ""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file() or path.is_dir():
                yield path, path.relative_to(source).as_posix()


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
