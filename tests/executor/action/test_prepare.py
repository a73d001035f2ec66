"""How actions are written: interpolation, types, options, the registry."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.executor.action import Masked, Registry, check_action, interpolate, parameters, prepare, references
from madeus.executor.action.base import RuntimeValue
from madeus.executor.action.registry import ActionPluginError
from madeus.executor.errors import InterpolationError, InvalidAction, UnknownAction
from madeus.model.action import Action
from madeus.model.value import Duration, Secret
from tests.executor.action.world import action

REGISTRY = Registry.installed()
SCOPE: Mapping[str, RuntimeValue] = {
    "port": 3306,
    "name": "db",
    "pw": Masked("s3cret"),
    "host.rack": "r1",
    "long": Duration(90),
    "list": ("a", "b"),
    "later": Secret("later"),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${port}", 3306),
        ("p${port}.${host.rack}", "p3306.r1"),
        ("$${port} ${name} $HOME $$", "${port} db $HOME $$"),
        ("${ port }", 3306),
        ("${pw}", Masked("s3cret")),
        ("-p${pw} ${name}", Masked("-ps3cret db", "-p*** db")),
        ("sleep ${long}", "sleep 90"),
        ("${list}", ("a", "b")),
        (("${name}", ("k", "${port}")), ("db", ("k", 3306))),
        (True, True),
    ],
)
def test_names_are_replaced_by_what_is_in_scope(text: Any, value: Any) -> None:
    assert interpolate(text, SCOPE) == value


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        (
            "${prot}",
            "`${prot}` names nothing that is known here in '${prot}'",
            "did you mean `${port}`? write `$${prot}`",
        ),
        ("a ${", "`${` without its `}` in 'a ${'", "write `$${`"),
        ("${}", "`${}` names nothing", ""),
        ("${later}", "the secret `later` was given no value", ""),
        ("${x:-1}", "`${x:-1}` names nothing that is known here", "write `$${x:-1}` for the shell's own"),
    ],
)
def test_a_name_that_means_nothing_is_an_error(text: str, message: str, help: str) -> None:
    with pytest.raises(InterpolationError) as caught:
        interpolate(text, SCOPE)
    assert message in str(caught.value) and help in caught.value.help


@given(st.text(alphabet="${}ab ", max_size=30))
def test_any_text_is_interpolated_or_refused(text: str) -> None:
    try:
        value = interpolate(text, {"a": "1"})
    except InterpolationError:
        return
    assert "${a}" not in str(value) or "$${a}" in text


@given(st.text(max_size=40))
def test_an_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert interpolate(text.replace("${", "$${"), {}) == text or "$${" in text


def test_references_are_found_in_lists_too() -> None:
    assert references(("${a} $${b}", (("k", "${c.d}"),))) == ["a", "c.d"]


def test_a_secret_is_shown_by_nothing() -> None:
    value = interpolate("x${pw}", SCOPE)
    assert "s3cret" not in f"{value} {value!r}"


def call_of(what: Action) -> Any:
    return prepare(REGISTRY.get(what.kind), what, SCOPE)


def test_values_are_converted_to_what_the_kind_declares() -> None:
    call = call_of(action("wait_tcp", port="${port}", within="2min", retry=2.0, timeout=Duration(3), expect="0, 3"))
    assert call.options["port"] == 3306 and call.options["within"] == 120.0 and call.options["expect"] == (0, 3)
    assert call.options["retry"] == 2 and call.options["timeout"] == 3.0 and call.options["host"] == "127.0.0.1"
    call = call_of(action("copy", "f", to="/f", mode=0o600))
    assert call.options["mode"] == 0o600 and call.options["owner"] is None
    assert call_of(action("copy", "f", to="/f", mode="0644")).options["mode"] == 0o644
    call = call_of(action("run", "x", environment=(("A", "${port}"), ("B", "${pw}")), expect=(0, 1)))
    assert call.options["environment"] == (("A", "3306"), ("B", Masked("s3cret"))) and call.options["expect"] == (0, 1)
    assert call_of(action("package", "a", ("b", "c"))).arguments == ((("a",), ("b", "c")),)


@pytest.mark.parametrize(
    ("what", "message", "help"),
    [
        (action("run"), "run: command is missing: text for the shell", "for example: run"),
        (action("run", "a", "b"), "run: takes 1 value, `b` is too many", ""),
        (action("run", "a", timout=Duration(1)), "run: unknown option `timout`", "did you mean `timeout`?"),
        (Action("run", ("a",), (("retry", 1), ("retry", 2))), "run: the option `retry` is given twice", ""),
        (action("run", "a", retry="x"), "run: `retry` must be an integer, not `x`", ""),
        (action("run", "a", timeout="soon"), "run: `timeout` must be a duration such as 30s, not `soon`", ""),
        (action("run", "a", timeout=-1), "run: `timeout` must be a duration", ""),
        (action("run", "a", environment="x"), "run: `environment` must be a map of strings, not `x`", ""),
        (action("run", "a", sensitive="maybe"), "run: `sensitive` must be a flag, not `maybe`", ""),
        (action("copy", "a"), "copy: the option `to` is missing", "for example: copy"),
        (action("copy", "a", to="/a", mode="rwx"), "copy: `mode` must be a mode such as 0644, not `rwx`", ""),
        (action("copy", "a", to="/a", outputs=("x",)), "copy: takes no output, `-> x` is too many", ""),
        (action("copy", "a", to="/a", directory="/"), "copy: unknown option `directory`", ""),
        (action("service", "a"), "service: the state is missing", "started"),
        (action("service", "a", started=True, stopped=True), "service: cannot be started and stopped at once", ""),
        (action("package", "a; reboot"), "package: `a; reboot` is no name of a package", ""),
        (action("package", "-x"), "package: `-x` is no name of a package", ""),
        (action("wait_tcp", port=70000), "wait_tcp: 70000 is no port", ""),
        (action("wait_http", "ftp://x"), "wait_http: `ftp://x` is no web address", ""),
        (action("wait_http", "http://x", from_="hosts"), "wait_http: `from` cannot be `hosts`", "did you mean `host`?"),
        (action("python", "nothing"), "python: `nothing` is no callable", 'write it as "module:function"'),
        (action("copy", "a", to="etc/a"), "copy: `etc/a` is no absolute path", "it begins with `/`"),
        (action("template", "a", to="~/a"), "template: `~/a` is no absolute path", "it begins with `/`"),
        (action("run", "a", expect=300), "run: `expect` must be exit codes from 0 to 255, not `300`", ""),
        (action("run", "a", environment="X"), "run: `environment` must be a map of strings, not `X`", ""),
        (action("copy", ("a", "b"), to="/a"), "copy: `source` must be a string, not `a b`", ""),
    ],
)
def test_what_is_wrong_with_an_action_is_said(what: Action, message: str, help: str) -> None:
    with pytest.raises(InvalidAction) as caught:
        call_of(what)
    assert message in str(caught.value) and help in caught.value.help and caught.value.exit_code == 2


def test_an_action_can_be_checked_before_anything_is_known_of_the_run() -> None:
    check_action(REGISTRY.get("wait_tcp"), action("wait_tcp", port="${anything}", within=Duration(1)))
    check_action(REGISTRY.get("run"), action("run", "echo ${x}", outputs=("a", "b")))
    with pytest.raises(InvalidAction, match="`port` must be an integer, not `x`"):
        check_action(REGISTRY.get("wait_tcp"), action("wait_tcp", port="x"))
    with pytest.raises(InvalidAction, match="unknown option"):
        check_action(REGISTRY.get("run"), action("run", "x", nope=1))
    with pytest.raises(InvalidAction, match="the state is missing"):
        check_action(REGISTRY.get("service"), action("service", "x"))
    check_action(REGISTRY.get("copy"), action("copy", "a", to="${somewhere}"))


def test_every_built_in_describes_itself_and_its_example_names_it() -> None:
    descriptions = REGISTRY.describe()
    names = ["copy", "package", "python", "run", "script", "service", "template", "wait_http", "wait_tcp"]
    assert [description.name for description in descriptions] == names
    for description in descriptions:
        assert description.summary and description.example.startswith(description.name + " ")
        kind = REGISTRY.get(description.name)
        given = [parameter.name for parameter in parameters(kind)]
        assert len(given) == len(set(given)) and "timeout" in given
        assert all(parameter.summary for parameter in (*description.arguments, *parameters(kind)))


def test_an_unknown_action_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownAction) as caught:
        REGISTRY.get("tempalte")
    assert str(caught.value) == "unknown action `tempalte`" and caught.value.help == "did you mean `template`?"


def test_packages_add_actions_by_entry_points_and_broken_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        metadata.EntryPoint("again", "madeus.executor.action.run:Run", "madeus.actions"),
        metadata.EntryPoint("lost", "no.such:Thing", "madeus.actions"),
        metadata.EntryPoint("odd", "os:getcwd", "madeus.actions"),
        metadata.EntryPoint("run", "os:getcwd", "madeus.actions"),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries)
    registry = Registry.installed()
    assert registry.get("again").describe().name == "run" and registry.get("run").describe().name == "run"
    with pytest.raises(
        ActionPluginError, match=r"the action `lost` \(no.such:Thing\) does not load: ModuleNotFoundError"
    ):
        registry.get("lost")
    with pytest.raises(ActionPluginError, match="it is not a subclass of ActionKind"):
        registry.get("odd")
