"""``template "file.j2" to "destination"``: a Jinja2 template, rendered on the controller with what is in scope."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from madeus.executor.action.base import (
    ActionKind,
    ActionResult,
    Call,
    Context,
    Description,
    Kind,
    Parameter,
    RuntimeValue,
)
from madeus.executor.action.compare import Wanted, compare
from madeus.executor.action.copy import FILE_OPTIONS, check_destination, destination
from madeus.executor.action.local import read_local
from madeus.executor.action.plain import python_value
from madeus.executor.errors import TemplateError
from madeus.model.action import Action


class Template(ActionKind):
    """Renders with parameters, data ports, secrets and ``host``; an undefined name is an error. Includes are relative to it."""

    description: ClassVar[Description] = Description(
        name="template",
        summary="render a Jinja2 template into a file of the host",
        arguments=(Parameter("source", Kind.STRING, "the template, relative to the .madeus file", required=True),),
        options=(*FILE_OPTIONS, Parameter("with", Kind.MAP, "more names for the template", default=())),
        idempotent=True,
        example='template "my.cnf.j2" to "/etc/mysql/conf.d/madeus.cnf" mode 0644',
    )

    @override
    def looking(self, action: Action) -> Action:
        return action

    @override
    def expects(self, call: Call) -> str:
        return "what it renders"

    @override
    def check(self, call: Call) -> None:
        check_destination(call)

    @override
    def plan(self, call: Call, context: Context) -> str:
        path = context.local_path(call.text(0))
        read_local(path)
        return f"template {path} to {call.plain('to')}"

    @override
    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        path = context.local_path(call.text(0))
        text = render(
            path, {**names(context.scope), **{name: python_value(value) for name, value in call.options["with"] or ()}}
        )
        target = destination(call.plain("to") or "", path.name.removesuffix(".j2"))
        if context.looking:
            digest = hashlib.sha256(text.encode()).hexdigest()
            await compare(call, context, [Wanted(target, digest, call.options["mode"])])
            return ActionResult(changed=False)
        changed = await context.transport.put(
            target,
            text.encode(),
            call.options["mode"],
            call.plain("owner"),
            call.plain("group"),
            call.plain("user"),
        )
        return ActionResult(changed=changed)


def render(path: Path, values: Mapping[str, Any]) -> str:
    """The text of a template.

    Raises:
        TemplateError: with the file and line of the template, or of one that it includes.
        LocalFileError: it cannot be read.
    """
    import jinja2

    read_local(path)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    try:
        return environment.get_template(path.name).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(Path(error.filename or path), error.lineno, error.message or "is not a template") from None
    except jinja2.TemplateNotFound as error:
        raise TemplateError(path, _line(error, path), f"includes `{error.name}`, which does not exist") from None
    except UnicodeDecodeError:
        raise TemplateError(path, None, "is not UTF-8") from None
    except Exception as error:  # whatever an expression of the template does
        where, line = _place(error, path)
        reason = str(error) if isinstance(error, jinja2.UndefinedError) else f"{type(error).__name__}: {error}"
        raise TemplateError(where, line, reason, _known(error, values)) from None


def names(scope: Mapping[str, RuntimeValue]) -> dict[str, Any]:
    """A scope for a template: ``host.rack`` becomes a member of ``host``; secrets are in the clear."""
    found: dict[str, Any] = {}
    for name, value in scope.items():
        head, _, member = name.partition(".")
        if member:
            inner = found.setdefault(head, {})
            if isinstance(inner, dict):
                inner[member] = python_value(value)
        elif not isinstance(found.get(head), dict):
            found[head] = python_value(value)
    return found


def _place(error: BaseException, path: Path) -> tuple[Path, int | None]:
    """File and line of the innermost frame that lies in a template."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent.is_relative_to(path.parent)
    ]
    return (Path(frames[-1].filename), frames[-1].lineno) if frames else (path, None)


def _line(error: BaseException, path: Path) -> int | None:
    return _place(error, path)[1]


def _known(error: BaseException, values: Mapping[str, Any]) -> str:
    import jinja2

    return (
        f"names known here: {', '.join(sorted(values))}" if isinstance(error, jinja2.UndefinedError) and values else ""
    )
