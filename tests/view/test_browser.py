"""The page of a trace in a real browser, opened from a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from madeus.model import Assembly, Program
from madeus.semantics.step import Step, StepKind
from madeus.semantics.trace import Event, Trace
from madeus.view.page import Banner, trace_page
from madeus.view.timeline import ActionDetail, Detail

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=1"><b>bold</b>'
Run = Callable[..., Trace]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as session:
        found = session.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page; afterwards nothing may have been complained of, run or asked for from elsewhere."""
    complaints: list[str] = []
    opened: list[Any] = []

    def show(html: str, anchor: str = "", scheme: str = "light") -> Any:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        tab = browser.new_page(viewport={"width": 1300, "height": 760}, color_scheme=scheme)
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda r: None if r.url.startswith(("file:", "blob:")) else complaints.append(r.url))
        tab.goto(path.as_uri() + anchor)
        tab.wait_for_selector("html[data-ready=yes]")
        opened.append(tab)
        return tab

    yield show
    for tab in opened:
        assert tab.evaluate("window.pwned === undefined")
        tab.close()
    assert complaints == []


@pytest.fixture
def failing(lamp: Assembly, simulated: Run) -> tuple[Trace, dict[int, Detail]]:
    """A deployment whose database start fails, with hostile output everywhere."""
    events = list(simulated(lamp).events)
    end = next(i for i, e in enumerate(events) if e.step == Step(StepKind.END, "db", "start"))
    events[end] = events[end]._replace(step=Step(StepKind.FAIL, "db", "start"))
    trace = Trace("lamp", tuple(events[: end + 1]))
    details = {
        e.fired: Detail(
            lamp.instance[e.component].host,
            (
                ActionDetail(f"run {HOSTILE}", 0, f"out of {e.name} {HOSTILE}", "", 1.5),
                ActionDetail("run false", 1, "", f"cannot {HOSTILE}", 0.2, 3, f"gave up {HOSTILE}"),
            ),
        )
        for e in trace.executions
    }
    return trace, details


def _count(tab: Any, selector: str, count: int) -> None:
    """Waits until so many elements are there."""
    from playwright.sync_api import expect

    expect(tab.locator(selector)).to_have_count(count)


def test_every_execution_is_a_bar_and_the_critical_path_is_marked(
    lamp: Assembly, simulated: Run, show: Callable[..., Any]
) -> None:
    trace = simulated(lamp)
    tab = show(trace_page(trace, lamp))
    assert tab.locator("#gantt .bar").count() == len(trace.executions) == 18
    marked = tab.locator("#gantt .bar.crit").evaluate_all("bars => bars.map(b => b.getAttribute('aria-label'))")
    assert sorted(text.split(" on ")[0] for text in marked) == sorted(e.name for e in trace.critical_executions)
    assert "58 s in all" in tab.inner_text("#stats")


def test_a_click_shows_what_an_action_did_as_text(
    lamp: Assembly, failing: tuple[Trace, dict[int, Detail]], show: Callable[..., Any]
) -> None:
    trace, details = failing
    tab = show(trace_page(trace, lamp, details))
    tab.locator(".bar.fail").click()
    shown = tab.inner_text("#detail")
    for words in (
        "db.start",
        "db1",
        "failed",
        f"gave up {HOSTILE}",
        "exit code 1",
        "attempt 3",
        "1.5 s",
        f"run {HOSTILE}",
        f"cannot {HOSTILE}",
    ):
        assert words in shown
    assert tab.locator("#detail b b, #detail img, #detail script").count() == 0
    tab.keyboard.press("Escape")
    assert tab.locator("#detail").is_hidden()


def test_what_is_typed_filters_by_name_host_and_output(
    lamp: Assembly, failing: tuple[Trace, dict[int, Detail]], show: Callable[..., Any]
) -> None:
    tab = show(trace_page(failing[0], lamp, failing[1]))
    tab.keyboard.press("/")
    for words, count in (("web[2]", 3), ("out of db.pull", 1), ("db1 start", 1), ("nothing like it", 0), ("", 14)):
        tab.fill("#search", words)
        _count(tab, "#gantt .bar", count)
    tab.check("#only-failed")
    assert tab.locator("#gantt .bar").count() == 1


def test_the_keyboard_reaches_and_opens_every_bar(lamp: Assembly, simulated: Run, show: Callable[..., Any]) -> None:
    trace = simulated(lamp)
    tab = show(trace_page(trace, lamp))
    tab.focus("#gantt")
    for name in (e.name for e in trace.critical_executions):
        tab.keyboard.press("n")
        chosen = tab.get_attribute("#gantt", "aria-activedescendant")
        assert tab.get_attribute(f"#{chosen}", "aria-label").startswith(name)
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert tab.inner_text("#detail h2") == "db.pull"


def test_zooming_makes_bars_wider_and_fit_shows_all_again(
    lamp: Assembly, simulated: Run, show: Callable[..., Any]
) -> None:
    tab = show(trace_page(simulated(lamp), lamp))
    width = "() => document.querySelector('#bar-0 rect').getAttribute('width') * 1"
    before = tab.evaluate(width)
    tab.focus("#gantt")
    tab.keyboard.press("+")
    tab.keyboard.press("Shift+ArrowLeft")
    tab.keyboard.press("Shift+ArrowLeft")
    assert tab.evaluate(width) > before * 1.4
    tab.click("#zoom-all")
    assert tab.evaluate(width) == pytest.approx(before)


def test_the_tokens_at_each_step_are_drawn_forward_and_back(
    site: Assembly, install: Program, simulated: Run, show: Callable[..., Any]
) -> None:
    trace = simulated(site, install)
    banner = Banner("forbidden: server.running", ("server waits for nothing",))
    tab = show(trace_page(trace, site, programs=(install,), banner=banner, steps_first=True))
    assert tab.inner_text("#banner b") == "forbidden: server.running"
    marked = "() => [...document.querySelectorAll('.place.on')].map(p => p.nextSibling.textContent)"
    lit = "() => document.querySelectorAll('.dock.on, .running, .provide.on, .use.on').length"
    assert tab.evaluate(marked) == ["running", "running"]
    assert tab.inner_text("#where").startswith(f"step {len(trace.events)} of {len(trace.events)}")
    assert tab.evaluate(lit) == 3
    tab.keyboard.press("Home")
    assert tab.evaluate(marked) == ["undeployed", "undeployed"]
    assert tab.evaluate(lit) == 0
    first_leave = next(i for i, e in enumerate(trace.events) if e.step.kind is StepKind.LEAVE)
    for _ in range(first_leave + 1):
        tab.click("#forward")
    assert tab.evaluate(marked) == ["undeployed"]
    assert tab.locator(".dock.on").count() == 1
    assert tab.locator(".comp.now .title").text_content() == "dep : Dep  @app1"
    tab.click("#back")
    assert tab.evaluate(marked) == ["undeployed", "undeployed"]
    assert tab.locator(".dock.on").count() == 0


def test_light_and_dark_follow_the_system_and_the_button(
    lamp: Assembly, simulated: Run, show: Callable[..., Any]
) -> None:
    tab = show(trace_page(simulated(lamp), lamp), scheme="dark")
    assert tab.get_attribute("html", "data-theme") == "dark"
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.click("#theme")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_ten_thousand_bars_keep_the_document_small(
    make_star: Callable[[int], Assembly], simulated: Run, show: Callable[..., Any]
) -> None:
    star = make_star(2500)
    tab = show(trace_page(simulated(star), star))
    assert "10006 executions" in tab.inner_text("#shown")
    size = "document.querySelectorAll('*').length"
    assert tab.evaluate(size) < 1500
    tab.evaluate("document.getElementById('gantt').scrollTop = 1e9")
    tab.locator("#gantt .bar").nth(10).wait_for()
    tab.fill("#search", "web[2499]")
    _count(tab, "#gantt .bar", 4)
    tab.click("#tab-steps")
    tab.click("#last")
    assert tab.evaluate(size) < 30_000


def test_a_run_that_fails_marks_what_is_still_running(lamp: Assembly, show: Callable[..., Any]) -> None:
    events = (Event(0.0, Step(StepKind.LEAVE, "db", "waiting")), Event(0.0, Step(StepKind.FIRE, "db", "provision"), 0))
    tab = show(trace_page(Trace("lamp", events), lamp))
    assert tab.locator(".bar.open").count() == 1


def test_a_trace_the_model_does_not_allow_says_where(lamp: Assembly, show: Callable[..., Any]) -> None:
    events = (Event(0.0, Step(StepKind.FIRE, "db", "check")),)
    tab = show(trace_page(Trace("lamp", events), lamp))
    assert "step 0 (fire db.check) is not enabled" in tab.inner_text("#banner")
