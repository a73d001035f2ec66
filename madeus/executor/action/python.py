"""``python "module:function"``: a callable of the user's, on the controller."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
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
    Masked,
    Parameter,
    RuntimeValue,
    show,
)
from madeus.executor.action.plain import python_value
from madeus.executor.action.printed import captured
from madeus.executor.errors import ActionFailed, InvalidAction, PythonActionFailed
from madeus.executor.inventory import Host
from madeus.executor.transport.base import OUTPUT_LIMIT, Transport
from madeus.model.action import Action
from madeus.model.value import Duration


@dataclass(frozen=True, slots=True)
class PythonContext:
    """What the user's callable gets as its first argument."""

    host: Host
    """The host of the component."""

    transport: Transport
    """Jobs and files on that host; of use to asynchronous callables."""

    values: Mapping[str, Any]
    """Parameters, data ports and secrets by name, as Python values."""

    arguments: tuple[Any, ...]
    """The values after the name of the callable."""

    outputs: tuple[str, ...]
    """Ports named after ``->``; return one value, a tuple of as many, or a mapping by name."""

    attempt: int


class Python(ActionKind):
    """Calls ``function(context, *arguments)``: a plain function in its own thread, an asynchronous one in the event loop."""

    description: ClassVar[Description] = Description(
        name="python",
        summary="call a Python function on the controller",
        arguments=(
            Parameter(
                "target",
                Kind.STRING,
                "`module:function`, called with a context (host, values, attempt) and the arguments; "
                "modules beside the .madeus file are found",
                required=True,
            ),
            Parameter("argument", Kind.ANY, "argument for the function", many=True),
        ),
        outputs=None,
        example='python "tools:register" "${ip}" -> token',
    )

    @override
    def looking(self, action: Action) -> Action:
        return action

    @override
    def check(self, call: Call) -> None:
        module, colon, function = call.text(0).partition(":")
        if not colon or not all(part.isidentifier() for part in [*module.split("."), *function.split(".")]):
            raise InvalidAction(
                call.kind, f"`{show(call.arguments[0])}` is no callable", 'write it as "module:function"'
            )

    @override
    def plan(self, call: Call, context: Context) -> str:
        return " ".join(["python", *map(show, (call.arguments[0], *call.arguments[1]))])

    @override
    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        target = call.text(0)
        function = load(call.kind, target, context.base)
        arguments = tuple(python_value(value) for value in call.arguments[1])
        given = PythonContext(
            context.host,
            context.transport,
            {name: python_value(value) for name, value in context.scope.items()},
            arguments,
            call.outputs,
            attempt,
        )
        _check_takes(call.kind, target, function, (given, *arguments))
        with captured() as printed:
            try:
                if inspect.iscoroutinefunction(function):
                    returned = await function(given, *arguments)
                else:
                    returned = await _in_thread(function, given, *arguments)
                    if inspect.isawaitable(returned):
                        returned = await returned
                outputs = _outputs(call, context, returned)
            except ActionFailed as error:
                error.stdout = error.stdout or printed.stdout(OUTPUT_LIMIT)
                raise
            except (Exception, SystemExit) as error:  # an exit of the user's code is not ours
                failed = PythonActionFailed(context.host.name, target, _said(error), trace_of_user(error))
                failed.stdout = printed.stdout(OUTPUT_LIMIT)
                raise failed from error
        return ActionResult(outputs=outputs, stdout=printed.stdout(OUTPUT_LIMIT), stderr=printed.stderr(OUTPUT_LIMIT))


async def _in_thread(function: Callable[..., Any], *given: Any) -> Any:
    """Call in a thread of its own, which is left alone when nobody waits for it any more.

    `asyncio.to_thread` would make the end of the program wait for a function that never returns.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Callable[[], Any]] = loop.create_future()

    def deliver(outcome: Callable[[], Any]) -> None:
        if not done.done():
            done.set_result(outcome)

    context = copy_context()

    def work() -> None:
        try:
            returned = context.run(function, *given)
        except BaseException as error:
            outcome = partial(_raise, error)
        else:
            outcome = partial(_give, returned)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(deliver, outcome)

    threading.Thread(target=work, name="madeus-python-action", daemon=True).start()
    return (await done)()


def _raise(error: BaseException) -> Any:
    raise error


def _give(value: Any) -> Any:
    return value


def load(kind: str, target: str, base: Path) -> Callable[..., Any]:
    """The callable that a target names; modules beside the .madeus file come first.

    Raises:
        InvalidAction: no such module or function, or its module does not import.
    """
    module_name, _, path = target.partition(":")
    beside = str(base.resolve())
    if beside not in sys.path:
        sys.path.insert(0, beside)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        way_out = (
            f"is there a {module_name.replace('.', '/')}.py in {base}, or a package installed?"
            if error.name == module_name
            else ""
        )
        raise InvalidAction(kind, f"no module `{error.name}`", way_out) from None
    except (Exception, SystemExit) as error:  # whatever the module does while it is imported
        raise InvalidAction(
            kind, f"the module `{module_name}` does not import: {_said(error)}", trace_of_user(error)
        ) from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise InvalidAction(kind, f"`{module_name}` has no `{path}`")
        found = getattr(found, name)
    if not callable(found):
        raise InvalidAction(kind, f"`{target}` cannot be called")
    function: Callable[..., Any] = found
    return function


def trace_of_user(error: BaseException) -> str:
    """A traceback without the frames of this package, the standard library's threads and the import system."""
    own = str(Path(__file__).resolve().parents[2])
    frames = traceback.extract_tb(error.__traceback__)
    kept = [
        frame
        for frame in frames
        if not frame.filename.startswith((own, "<frozen importlib"))
        and not frame.filename.endswith(("concurrent/futures/thread.py", "threading.py", "importlib/__init__.py"))
    ]
    head = "Traceback (most recent call last):\n" if kept else ""
    return (head + "".join(traceback.format_list(kept)) + "".join(traceback.format_exception_only(error))).rstrip()


def _check_takes(kind: str, target: str, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # some built-in ones do not tell
    try:
        signature.bind(*given)
    except TypeError as error:
        number = len(given) - 1
        raise InvalidAction(
            kind,
            f"`{target}` does not take what it gets: {error}",
            f"it is called with a context (host, values, attempt) and {number} argument{'s' * (number != 1)}",
        ) from None


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _outputs(call: Call, context: Context, returned: Any) -> dict[str, RuntimeValue]:
    names = call.outputs
    if not names:
        return {}
    if isinstance(returned, Mapping):
        lacking = [name for name in names if name not in returned]
        if lacking:
            raise ActionFailed(call.kind, context.host.name, f"{call.text(0)} returned no value for `{lacking[0]}`")
        values = [returned[name] for name in names]
    elif len(names) == 1:
        values = [returned]
    elif isinstance(returned, tuple | list) and len(returned) == len(names):
        values = list(returned)
    else:
        raise ActionFailed(
            call.kind, context.host.name, f"{call.text(0)} must return {len(names)} values: {', '.join(names)}"
        )
    return {name: _model_value(call, context, name, value) for name, value in zip(names, values, strict=True)}


def _model_value(call: Call, context: Context, name: str, value: Any) -> RuntimeValue:
    if isinstance(value, str | bool | int | float | Duration | Masked):
        return value
    if isinstance(value, list | tuple):
        return tuple(_model_value(call, context, name, item) for item in value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return tuple((key, _model_value(call, context, name, item)) for key, item in value.items())
    raise ActionFailed(
        call.kind,
        context.host.name,
        f"{call.text(0)} returned {type(value).__name__} for `{name}`",
        help="return text, a number, a list or a mapping",
    )
