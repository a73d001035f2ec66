"""The markings of a trace, as differences."""

from __future__ import annotations

from collections.abc import Callable

from madeus.model import Add, Assembly, Connect, Connection, Delete, Disconnect, Instance, Program, Push, WaitAll
from madeus.semantics.replay import replay
from madeus.semantics.step import Step, StepKind, apply, enabled
from madeus.semantics.system import System
from madeus.semantics.trace import Event, Trace
from madeus.view.marking import element_names, markings
from madeus.view.page import trace_page
from tests.build import kind
from tests.view.test_page import carried

Run = Callable[..., Trace]


def _followed(trace: Trace, assembly: Assembly, *programs: Program) -> None:
    """Applying the differences one by one gives what the step relation gives; applying them again leads back."""
    marked = markings(trace, assembly, programs)
    assert marked.problem == ""
    system = System(assembly, [[p] for p in programs], failures=None)
    on = [set(numbers) for numbers in marked.initial]
    queues = list(marked.queues)
    types = {name: system.instances[name].type for name in marked.components}
    for index, conf in enumerate(replay(system, [e.step for e in trace.events])):
        if index:
            component, change = marked.steps[index - 1]
            more = [(c, x) for event, c, x in marked.more if event == index - 1]
            for number, changed in [*more, *([(component, change)] if component >= 0 else [])]:
                on[number] ^= set(marked.changes[changed].flips)
                before, queue = marked.changes[changed].before, marked.changes[changed].after
                queues[number] = queue if before != queue else queues[number]
        for number, name in enumerate(marked.components):
            elements = element_names(assembly.types[types[name]])
            lit = {elements[i] for i in on[number]}
            state = conf.components.get(name)
            if state is None:
                assert not lit
                continue
            assert {e for s, e in lit if s == "place"} == state.places
            assert {e for s, e in lit if s == "out"} == state.output_docks
            assert {e for s, e in lit if s == "running"} == state.running
            assert {e for s, e in lit if s == "failed"} == state.failed
            assert {e for s, e in lit if s == "in"} == state.input_docks
            assert queues[number] == ", ".join(pushed.behavior for pushed in state.queue)
    for component, change in [*reversed(marked.steps), *((c, x) for _, c, x in marked.more)]:
        if component >= 0:
            on[component] ^= set(marked.changes[change].flips)
    assert on == [set(numbers) for numbers in marked.initial]


def test_the_differences_of_a_deployment_give_its_markings(lamp: Assembly, simulated: Run) -> None:
    _followed(simulated(lamp), lamp)


def test_the_differences_of_programs_give_their_markings(
    site: Assembly, install: Program, upgrade: Program, simulated: Run
) -> None:
    _followed(simulated(site, install, upgrade), site, install, upgrade)


def test_what_a_rollback_takes_back_is_seen_on_every_component() -> None:
    web = kind("Web", "places off* on", "start: off -> on", "provide http at on")
    instances = (Instance("web", "Web", "h", layered=True), Instance("other", "Web", "h", layered=True))
    made = Assembly("site", {"Web": web}, instances)
    late = Instance("late", "Web", "h", layered=True)
    program = Program(
        "up", "site", (Push("web", "deploy"), Add(late), Push("late", "deploy"), Push("other", "deploy")), rollback=True
    )
    system = System(made, [[program]], None)
    conf, events = system.initial(), []
    while steps := enabled(system, conf):
        fails = [s for s in steps if s.kind is StepKind.FAIL and s.component == "late"]
        step = (fails or [s for s in steps if s.kind is not StepKind.FAIL])[0]
        conf = apply(system, conf, step)
        events.append(Event(0.0, step))
    assert events[-1].step.kind is StepKind.ROLLBACK
    _followed(Trace("site", tuple(events), (("up",),)), made, program)
    page = trace_page(Trace("site", tuple(events), (("up",),)), made, programs=[program])
    data = carried(page)
    assert data["ev"]["k"][-1] == "k" and data["ev"]["c"][-1] == -1
    assert data["names"][data["ev"]["e"][-1]] == "up: everything is taken back"
    assert {component for _, component, _ in data["marks"]["more"]} == {0, 1, 2}


def test_components_and_connections_come_and_go(site: Assembly, install: Program, simulated: Run) -> None:
    extra = Connection("second", "dep", "dep", "service")
    change = Program(
        "change",
        "site",
        (
            Add(Instance("second", "Server", "web2")),
            Connect(extra),
            Push("second", "install"),
            WaitAll(),
            Push("second", "suspend"),
            WaitAll(),
            Disconnect(extra),
            Delete("second"),
        ),
    )
    trace = simulated(site, install, change)
    _followed(trace, site, install, change)
    marked = markings(trace, site, (install, change))
    assert marked.linked == 1
    assert [link for _, link in marked.relinks] == [1, 1]
    assert marked.links[1] == extra


def test_active_services_and_ports_in_use_are_told(site: Assembly, install: Program, simulated: Run) -> None:
    trace = simulated(site, install)
    marked = markings(trace, site, (install,))
    on = [set(numbers) for numbers in marked.initial]
    for component, change in marked.steps:
        if component >= 0:
            on[component] ^= set(marked.changes[change].flips)
    dep = {element_names(site.types["Dep"])[i] for i in on[0]}
    server = {element_names(site.types["Server"])[i] for i in on[1]}
    assert ("provide", "service") in dep
    assert {("use", "dep"), ("provide", "web")} <= server


def test_queues_are_told_before_and_after(site: Assembly, install: Program, simulated: Run) -> None:
    marked = markings(simulated(site, install), site, (install,))
    words = {(change.before, change.after) for change in marked.changes}
    assert {("", "install"), ("install", "")} <= words


def test_equal_differences_are_kept_once(make_star: Callable[[int], Assembly], simulated: Run) -> None:
    few, many = (markings(simulated(make_star(n)), make_star(n)) for n in (5, 60))
    assert len(few.changes) == len(many.changes)


def test_a_trace_the_model_does_not_allow_is_followed_as_far_as_it_goes(lamp: Assembly, simulated: Run) -> None:
    events = simulated(lamp).events
    wrong = Event(0.0, Step(StepKind.FIRE, "db", "check"))
    marked = markings(Trace("lamp", (*events[:6], wrong, *events[6:])), lamp)
    assert len(marked.steps) == 6
    assert marked.problem.startswith("step 6 (fire db.check) is not enabled")


def test_a_trace_with_a_program_that_is_not_there_says_so(site: Assembly, install: Program, simulated: Run) -> None:
    assert markings(simulated(site, install), site).problem == "program install is not known"
