"""Component types: names looked up, members checked, and the model made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from madeus.diagnostics import Span
from madeus.dsl import names_errors, structure_errors, types_errors
from madeus.dsl import syntax as s
from madeus.dsl.actions import ActionScope, lower_probe
from madeus.dsl.parameters import declare
from madeus.dsl.report import Report
from madeus.dsl.scope import TypeInfo, World
from madeus.dsl.structure import check_structure
from madeus.dsl.transition import TransitionLowering
from madeus.dsl.values import value_type
from madeus.model import (
    DEFAULT_BEHAVIOR,
    Action,
    ComponentType,
    Group,
    Multiplicity,
    Place,
    PortKind,
    ProvidePort,
    UsePort,
)


def lower_component(declaration: s.Component, world: World, visible: int) -> TypeInfo:
    """A component type with everything that is wrong with it reported; its model lacks what could not be made out."""
    return _Lowering(declaration, world, visible).lower()


class _Lowering:
    """The work on one component type."""

    def __init__(self, declaration: s.Component, world: World, visible: int) -> None:
        self.report: Report = world.report
        self.world = world
        self.name = declaration.name.text
        self.declaration = declaration
        blocks = [m for m in declaration.members if isinstance(m, s.Behavior)]
        self.broken = (
            *(m for m in declaration.members if isinstance(m, s.Broken)),
            *(t for b in blocks for t in b.transitions if isinstance(t, s.Broken)),
        )
        self.info = TypeInfo(self.name, declaration, self.broken)
        self.info.sound = not self.broken
        self.visible = visible
        self.secrets = world.secret_spans(visible)
        self.blind = bool(world.incomplete & visible)
        self.transitions = self._transitions()

    def _transitions(self) -> list[tuple[s.Transition, s.Name | None]]:
        """Transitions with the behavior block each stands in, in the order of the text."""
        found: list[tuple[s.Transition, s.Name | None]] = []
        for member in self.declaration.members:
            if isinstance(member, s.Transition):
                found.append((member, None))
            elif isinstance(member, s.Behavior):
                found.extend((t, member.name) for t in member.transitions if isinstance(t, s.Transition))
        return found

    def lower(self) -> TypeInfo:
        info, declaration = self.info, self.declaration
        info.parameters, read = declare(
            declaration.parameters, self.name, self.report, self.secrets, {}, declaration.broken or self.blind
        )
        self._declare_names()
        groups = self._groups()
        provides = [p for m in declaration.members if isinstance(m, s.Provide) if (p := self._provide(m)) is not None]
        uses = [u for m in declaration.members if isinstance(m, s.Use) if (u := self._use(m)) is not None]
        lowering = TransitionLowering(info, self.report, self._scope, {p.name: p for p in provides}, uses)
        transitions = [t for written, block in self.transitions if (t := lowering.lower(written, block)) is not None]
        lowering.check_stations()
        places = self._places(lowering.scopes)
        info.model = ComponentType(
            name=self.name,
            places=places,
            transitions=tuple(transitions),
            behaviors=self._behaviors(),
            groups=tuple(groups),
            provides=tuple(provides),
            uses=tuple(uses),
            parameters=tuple(lowering.parameters()),
            doc=declaration.doc or "",
        )
        self._unused(lowering.scopes, read, uses)
        check_structure(info, self.report)
        return info

    # ---- names

    def _declare_names(self) -> None:
        info = self.info
        for member in self.declaration.members:
            match member:
                case s.Places():
                    for name in member.names:
                        self._declare("the place", name, info.places, info.groups)
                case s.Group():
                    self._declare("the group", member.name, info.groups, info.places)
                case s.Provide():
                    self._declare("the port", member.name, info.provides, info.uses)
                case s.Use():
                    self._declare(
                        "the port", member.name, info.uses, info.provides, info_parameters=member.kind == "data"
                    )
                case s.Behavior():
                    hint = "put all its transitions in one block, or name it in them with `in`"
                    self._declare("the behavior", member.name, info.behaviors, hint=hint)
                case _:
                    pass
        for transition, _ in self.transitions:
            hint = "one transition may belong to several behaviors: `in first, second`"
            self._declare("the transition", transition.name, info.transitions, hint=hint)

    def _declare(
        self,
        what: str,
        name: s.Name,
        table: dict[str, Span],
        beside: Mapping[str, Span] | None = None,
        *,
        hint: str = "",
        info_parameters: bool = False,
    ) -> None:
        if not name.text:
            return
        first = table.get(name.text) or (beside or {}).get(name.text)
        if first is None and info_parameters and name.text in self.info.parameters:
            first = self.info.parameters[name.text].span
            hint = f"`${{{name.text}}}` could mean the parameter or the data port"
        if first is not None:
            self.report.add(names_errors.duplicate_member(what, name.text, self.name, name.span, first, hint))
        table.setdefault(name.text, name.span)

    def _distinct(self, names: Sequence[s.Name], what: str) -> list[s.Name]:
        seen: dict[str, Span] = {}
        for name in names:
            if name.text in seen:
                self.report.add(names_errors.named_twice(what, name.text, name.span, seen[name.text]))
            seen.setdefault(name.text, name.span)
        return [name for name in names if seen[name.text] == name.span]

    def _held(self, names: Sequence[s.Name], groups: bool = True) -> list[str]:
        """Places and groups that are known, of those named; the others are reported."""
        info = self.info
        known: list[str] = []
        for name in self._distinct(names, "the place"):
            if name.text in info.places or (groups and name.text in info.groups):
                known.append(name.text)
            elif name.text in info.groups:
                group = info.groups[name.text]
                self.report.add(names_errors.place_is_group(name.text, self.name, name.span, group))
            elif not info.may_declare(name.text, "place"):
                choice = [*info.places, *(info.groups if groups else ())]
                self.report.add(
                    names_errors.unknown_place(
                        name.text, self.name, name.span, choice, groups, groups and name.text in info.transitions
                    )
                )
        return known

    # ---- members

    def _places(self, scopes: list[ActionScope]) -> tuple[Place, ...]:
        places: list[Place] = []
        done: set[str] = set()
        for member in self.declaration.members:
            if not isinstance(member, s.Places):
                continue
            scope = self._scope("", frozenset())
            probe = place_probe(member.body, scope, self.report)
            scopes.append(scope)
            for name in member.names:
                if name.text not in done:
                    done.add(name.text)
                    places.append(Place(name.text, member.initial, probe, member.doc or ""))
        if not any(place.initial for place in places) and self.info.sound and not self._broken_initial():
            first = next((m.span for m in self.declaration.members if isinstance(m, s.Places)), None)
            self.report.add(structure_errors.no_initial_place(self.name, self.declaration.name.span, first))
            self.info.sound = False
        return tuple(places)

    def _broken_initial(self) -> bool:
        return any(part.kind in ("initial", "place", "") for part in self.broken)

    def _groups(self) -> list[Group]:
        groups: dict[str, Group] = {}
        for member in self.declaration.members:
            if isinstance(member, s.Group):
                group = Group(member.name.text, tuple(self._held(member.places, groups=False)))
                groups.setdefault(group.name, group)
        return list(groups.values())

    def _provide(self, port: s.Provide) -> ProvidePort | None:
        info, name = self.info, port.name.text
        bound = self._held(port.at)
        if len(bound) < len(port.at):
            info.doubtful.add(name)
        if info.provides.get(name) != port.name.span:
            return None
        if port.kind == "service":
            if port.type is not None:
                self.report.add(types_errors.service_with_type(name, port.type.span))
            return ProvidePort(name, PortKind.SERVICE, tuple(bound), doc=port.doc or "")
        if port.type is None:
            self.report.add(types_errors.data_without_type(name, port.name.span))
        type_ = value_type(port.type, self.report) if port.type is not None else None
        if len(port.at) > 1:
            self.report.add(types_errors.data_at_many(name, port.at[0].span.to(port.at[-1].span), None))
            info.doubtful.add(name)
        elif bound and bound[0] in info.groups:
            self.report.add(types_errors.data_at_many(name, port.at[0].span, info.groups[bound[0]]))
            info.doubtful.add(name)
        if type_ is None or not bound:
            info.doubtful.add(name)
        return ProvidePort(name, PortKind.DATA, tuple(bound[:1]) or ("",), type_, port.doc or "")

    def _use(self, port: s.Use) -> UsePort | None:
        info, name = self.info, port.name.text
        transitions: list[str] = []
        holders: list[str] = []
        if port.binding == "for":
            transitions = self._bound_transitions(port)
        elif port.kind == "data":
            self.report.add(types_errors.data_during(name, port.targets[0].span.to(port.targets[-1].span)))
            info.doubtful.add(name)
        else:
            holders = self._held(port.targets)
            self._check_initial(port)
        if info.uses.get(name) != port.name.span:
            return None
        kind = PortKind.DATA if port.kind == "data" else PortKind.SERVICE
        type_ = None
        if port.type is not None and kind is PortKind.SERVICE:
            self.report.add(types_errors.service_with_type(name, port.type.span))
        elif port.type is not None:
            type_ = value_type(port.type, self.report)
        elif kind is PortKind.DATA:
            self.report.add(types_errors.data_without_type(name, port.name.span))
        if kind is PortKind.DATA and type_ is None:
            info.doubtful.add(name)
        return UsePort(
            name,
            kind,
            tuple(transitions),
            tuple(holders),
            Multiplicity(port.multiplicity),
            port.optional,
            type_,
            port.doc or "",
        )

    def _bound_transitions(self, port: s.Use) -> list[str]:
        info = self.info
        known: list[str] = []
        for target in self._distinct(port.targets, "the transition"):
            if target.text in info.transitions:
                known.append(target.text)
            elif info.may_declare(target.text, "transition"):
                info.doubtful.add(port.name.text)
            else:
                info.doubtful.add(port.name.text)
                place = port.kind == "service" and (target.text in info.places or target.text in info.groups)
                self.report.add(
                    names_errors.unknown_transition(target.text, self.name, target.span, info.transitions, place)
                )
        return known

    def _check_initial(self, port: s.Use) -> None:
        initial = {
            name.text: name.span
            for m in self.declaration.members
            if isinstance(m, s.Places) and m.initial
            for name in m.names
        }
        members = {m.name.text: m for m in self.declaration.members if isinstance(m, s.Group)}
        for target in port.targets:
            places = [n.text for n in members[target.text].places] if target.text in members else [target.text]
            for place in places:
                if place in initial:
                    self.report.add(
                        structure_errors.initial_place_needs_service(port.name.text, place, target.span, initial[place])
                    )
                    break

    def _behaviors(self) -> tuple[str, ...]:
        names = dict.fromkeys(self.info.behaviors)
        if not names or any(block is None and not t.behaviors for t, block in self.transitions):
            names = {DEFAULT_BEHAVIOR: None, **names}
        elif any(n.text == DEFAULT_BEHAVIOR for t, _ in self.transitions for n in t.behaviors):
            names[DEFAULT_BEHAVIOR] = None
        return tuple(names)

    # ---- use of names

    def _scope(self, transition: str, bound: frozenset[str]) -> ActionScope:
        info = self.info
        data = {m.name.text: m.name.span for m in self.declaration.members if isinstance(m, s.Use) and m.kind == "data"}
        return ActionScope(
            report=self.report,
            transition=transition,
            parameters={name: p.type for name, p in info.parameters.items()},
            bound=bound,
            ports=data,
            provided=frozenset(info.provides),
            secrets=self.secrets,
            broken=self.broken,
            open=info.open_head or self.blind,
        )

    def _unused(self, scopes: Iterable[ActionScope], read: set[str], uses: Sequence[UsePort]) -> None:
        """Parameters and data ports that nothing reads, where that is certain."""
        info = self.info
        by_transition: dict[str, ActionScope] = {}
        opaque = False
        used = set(read)
        for scope in scopes:
            opaque = opaque or scope.opaque
            used |= scope.used
            by_transition[scope.transition] = scope
            self.world.secrets_used |= scope.secrets_used
        self.world.opaque = self.world.opaque or opaque or bool(self.broken)
        if self.world.faulty & self.visible:
            return
        acting = {t.name for t in info.model.transitions if t.actions}
        if not opaque:
            for parameter in info.parameters.values():
                if parameter.name not in used:
                    self.report.add(names_errors.unused_parameter(parameter.name, self.name, parameter.span))
        for use in uses:
            if use.kind is not PortKind.DATA or use.name in used or use.name in info.doubtful:
                continue
            bound = [t for t in use.transitions if t in acting]
            if bound and not any(by_transition[t].opaque for t in bound):
                self.report.add(names_errors.unused_data(use.name, self.name, info.uses[use.name]))


def place_probe(body: Iterable[s.Probe | s.Action | s.Broken], scope: ActionScope, report: Report) -> Action | None:
    """The probe of a place; anything else that stands in its block is reported."""
    found: tuple[Action, Span] | None = None
    for part in body:
        if isinstance(part, s.Action):
            report.add(structure_errors.action_in_place(part.name.text, part.span))
        elif isinstance(part, s.Probe):
            action = lower_probe(part.action, scope)
            if found is not None:
                report.add(structure_errors.second_probe(part.span, found[1]))
            else:
                found = (action, part.span)
    return found[0] if found is not None else None
