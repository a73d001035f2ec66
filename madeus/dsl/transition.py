"""Transitions of a component type: ends, behaviors, stations, intervals, actions and what they produce."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf

from madeus.diagnostics import Span
from madeus.dsl import names_errors, structure_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.actions import ActionScope, lower_action, lower_probe
from madeus.dsl.names_errors import did_you_mean
from madeus.dsl.report import Report
from madeus.dsl.scope import TypeInfo
from madeus.model import (
    ANY_TIME,
    DEFAULT_BEHAVIOR,
    Action,
    Interval,
    Parameter,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
    ValueType,
    default_station,
)


class TransitionLowering:
    """The work on the transitions of one component type."""

    def __init__(
        self,
        info: TypeInfo,
        report: Report,
        scope: Callable[[str, frozenset[str]], ActionScope],
        provides: Mapping[str, ProvidePort],
        uses: Sequence[UsePort],
    ) -> None:
        self.info = info
        self.report = report
        self.scope = scope
        self.provides = provides
        self.data_uses: dict[str, set[str]] = {}
        for use in uses:
            if use.kind is PortKind.DATA:
                for transition in use.transitions:
                    self.data_uses.setdefault(transition, set()).add(use.name)
        self.scopes: list[ActionScope] = []
        self.stations: dict[str, tuple[str, Span]] = {}
        self.captures: list[tuple[Transition, s.Name]] = []

    def lower(self, written: s.Transition, block: s.Name | None) -> Transition | None:
        """The transition, or `None` when it is a second one of its name or its ends are not known."""
        info, name = self.info, written.name.text
        source, target = self._place(written.source), self._place(written.target)
        interval = self._interval(written)
        behaviors = self._behaviors(written, block)
        stations = self._stations(written, target)
        scope = self.scope(name, frozenset(self.data_uses.get(name, ())))
        self.scopes.append(scope)
        actions: list[Action] = []
        probe: tuple[Action, Span] | None = None
        captured: list[s.Name] = []
        for part in written.actions:
            if isinstance(part, s.Action):
                actions.append(lower_action(part, scope))
                captured.extend(part.captures)
            elif isinstance(part, s.Probe):
                lowered = lower_probe(part.action, scope)
                if probe is not None:
                    self.report.add(structure_errors.second_probe(part.span, probe[1]))
                else:
                    probe = (lowered, part.span)
            else:
                scope.opaque = True
        for capture in captured:
            self._capture(written, capture, target)
        if info.transitions.get(name) != written.name.span:
            return None
        if source is None or target is None or not behaviors:
            info.sound = False
            info.doubtful.add(name)
            return None
        transition = Transition(
            name,
            source,
            target,
            behaviors,
            stations,
            interval,
            tuple(actions),
            written.idempotent,
            probe[0] if probe is not None else None,
            written.doc or "",
        )
        self.captures.extend((transition, capture) for capture in captured)
        return transition

    def _place(self, name: s.Name) -> str | None:
        info = self.info
        if name.text in info.places:
            return name.text
        if name.text in info.groups:
            self.report.add(names_errors.place_is_group(name.text, info.name, name.span, info.groups[name.text]))
        elif not info.may_declare(name.text, "place"):
            self.report.add(
                names_errors.unknown_place(name.text, info.name, name.span, info.places, groups=False, transition=False)
            )
        return None

    def _interval(self, written: s.Transition) -> Interval:
        takes = written.takes
        if takes is None:
            return ANY_TIME
        if takes.high is None:
            return Interval(float(takes.low.seconds), inf)
        if takes.low.seconds > takes.high.seconds:
            self.report.add(
                structure_errors.empty_interval(written.name.text, takes.low.raw, takes.high.raw, takes.span)
            )
            return ANY_TIME
        return Interval(float(takes.low.seconds), float(takes.high.seconds))

    def _behaviors(self, written: s.Transition, block: s.Name | None) -> tuple[str, ...]:
        info = self.info
        names: dict[str, Span] = {} if block is None else {block.text: block.span}
        missing = False
        for name in written.behaviors:
            if name.text in names:
                first = names[name.text]
                self.report.add(names_errors.named_twice("the behavior", name.text, name.span, first))
            elif name.text in info.behaviors or name.text == DEFAULT_BEHAVIOR:
                names[name.text] = name.span
            else:
                missing = True
                if not info.may_declare(name.text, "behavior"):
                    self.report.add(names_errors.unknown_behavior(name.text, info.name, name.span, info.behaviors))
        if not names and not missing:
            return (DEFAULT_BEHAVIOR,)
        return tuple(names)

    def _stations(self, written: s.Transition, target: str | None) -> tuple[str, ...]:
        names: dict[str, Span] = {}
        for name in written.stations:
            if name.text in names:
                self.report.add(names_errors.named_twice("the station", name.text, name.span, names[name.text]))
                continue
            names[name.text] = name.span
            if target is None:
                continue
            place, first = self.stations.setdefault(name.text, (target, name.span))
            if place != target:
                self.report.add(structure_errors.station_on_two_places(name.text, target, place, name.span, first))
                self.info.sound = False
        return tuple(names)

    def _capture(self, written: s.Transition, capture: s.Name, target: str | None) -> None:
        info, port = self.info, capture.text
        declared = self.provides.get(port)
        if declared is None:
            if port in info.uses:
                reason = f"`{port}` is a use port, it receives nothing from here"
                self.report.add(types_errors.not_captured(port, info.name, capture.span, reason, info.uses[port]))
            elif port not in info.provides and not info.may_declare(port, "port"):
                data = [name for name, p in self.provides.items() if p.kind is PortKind.DATA]
                help_ = did_you_mean(port, capture.span, data)[0]
                help_ = help_ or f"declare `provide data {port}: string at {written.target.text}`"
                self.report.add(types_errors.not_captured(port, info.name, capture.span, help_, None))
        elif declared.kind is PortKind.SERVICE:
            reason = "a service has no value that could be captured"
            self.report.add(types_errors.not_captured(port, info.name, capture.span, reason, info.provides[port]))
        elif target is not None and port not in info.doubtful and declared.bound != (target,):
            self.report.add(
                types_errors.captured_elsewhere(
                    port, written.name.text, target, declared.bound[0], capture.span, info.provides[port]
                )
            )

    def check_stations(self) -> None:
        """Report data ports that two transitions of one station, in one behavior, both produce."""
        first: dict[tuple[str, str, str], tuple[str, Span]] = {}
        for transition, capture in self.captures:
            stations = transition.stations or (default_station(transition.destination),)
            for key in ((b, station, capture.text) for b in transition.behaviors for station in stations):
                other, span = first.setdefault(key, (transition.name, capture.span))
                if other != transition.name:
                    self.report.add(
                        types_errors.produced_twice(capture.text, transition.name, other, capture.span, span)
                    )

    def parameters(self) -> Iterable[Parameter]:
        """The component's parameters for its model."""
        for parameter in self.info.parameters.values():
            yield Parameter(parameter.name, parameter.type or ValueType.STRING, parameter.default)
