"""Whatever a file holds, loading it gives diagnostics and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeus.diagnostics import CODES, Span
from madeus.dsl import Loaded, load

SAMPLES = [page.mended for page in CODES.values()] + [page.wrong for page in CODES.values() if page.code > "MAD049"]
WORDS = sorted({word for sample in SAMPLES for word in sample.replace("\n", " \n ").split(" ") if len(word) < 40})


def _check(loaded: Loaded) -> None:
    """Spans lie within the texts, codes are registered, and there is a model exactly when there is no error."""
    assert (loaded.model is None) == any(diagnostic.is_error for diagnostic in loaded.diagnostics)
    for diagnostic in loaded.diagnostics:
        assert diagnostic.code in CODES
        spans: list[Span] = [span for span, _ in diagnostic.related]
        if diagnostic.span is not None:
            spans.append(diagnostic.span)
        for span in spans:
            text = loaded.files[span.file]
            assert 0 <= span.start <= span.end <= len(text) + 1
            assert text.count("\n", 0, span.start) + 1 == span.start_line


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid or faulty file with words replaced, moved, doubled and dropped."""
    words = draw(st.sampled_from(SAMPLES)).replace("\n", " \n ").split(" ")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(words) - 1)))
        match draw(st.sampled_from(("replace", "drop", "double", "insert", "swap"))):
            case "replace" if words:
                words[at] = draw(st.sampled_from(WORDS))
            case "drop" if words:
                del words[at]
            case "double" if words:
                words.insert(at, words[at])
            case "swap" if words:
                other = draw(st.integers(0, len(words) - 1))
                words[at], words[other] = words[other], words[at]
            case _:
                words.insert(at, draw(st.sampled_from(WORDS)))
    return " ".join(words)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_a_mutated_file_gives_diagnostics_and_no_traceback(text: str) -> None:
    _check(load("mutated.madeus", text=text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(SAMPLES), min_size=2, max_size=4))
def test_files_put_together_give_diagnostics_and_no_traceback(parts: list[str]) -> None:
    _check(load("together.madeus", text="\n".join(parts)))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(("n", "s.n", "s.t", "s.f", "", ".", "x.y")), st.text(max_size=30), max_size=4))
def test_any_settings_give_diagnostics_and_no_traceback(given_settings: dict[str, str]) -> None:
    text = "component C {\n  initial place a\n}\n"
    text += "assembly s(n: int = 1, t: duration = 1s, f: float = 0.5) {\n  c[1..n]: C\n}\n"
    loaded = load("settings.madeus", text=text, settings=given_settings)
    assert (loaded.model is None) == any(diagnostic.is_error for diagnostic in loaded.diagnostics)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(st.text(max_size=200), st.sampled_from(['{"C.t": 1}', '{"C.t": [2, 1]}', '{"C.x": 1}', "[]", "{", "NaN"]))
)
def test_any_table_of_durations_gives_diagnostics_and_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, table: str
) -> None:
    folder = tmp_path_factory.mktemp("durations")
    (folder / "table.json").write_text(table, encoding="utf-8", errors="surrogateescape")
    text = 'durations "table.json"\ncomponent C {\n  initial place a\n  place b\n  transition t: a -> b\n}\n'
    loaded = load(folder / "main.madeus", text=text)
    assert (loaded.model is None) == any(diagnostic.is_error for diagnostic in loaded.diagnostics)


@pytest.mark.parametrize(
    "path", ["missing.madeus", ".", "/dev/zero", "/dev/null/x", "a" * 5000, "nul\\0", "${x}", "", "/proc/self/mem"]
)
def test_any_path_of_an_import_gives_one_diagnostic(tmp_path: Path, path: str) -> None:
    loaded = load(tmp_path / "main.madeus", text=f'import "{path}"\n')
    assert [diagnostic.code for diagnostic in loaded.diagnostics] == ["MAD001"]
    assert loaded.model is None


def test_a_long_chain_of_imports_is_followed(tmp_path: Path) -> None:
    count = 1500
    for n in range(count):
        following = f'import "f{n + 1}.madeus"\n' if n + 1 < count else ""
        (tmp_path / f"f{n}.madeus").write_text(
            f"{following}component C{n} {{\n  initial place a\n}}\n", encoding="utf-8"
        )
    loaded = load(tmp_path / "f0.madeus")
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    assert len(loaded.model.types) == count


def test_nested_loops_stop_at_the_bound() -> None:
    text = (
        "component C {\n  initial place a\n}\n\nassembly s {\n  for i in 1..1000 {\n    for k in 1..1000 {\n"
        "      for m in 1..1000 {\n        c[i * k * m]: C\n      }\n    }\n  }\n}\n"
    )
    loaded = load("loops.madeus", text=text)
    assert "MAD123" in {diagnostic.code for diagnostic in loaded.diagnostics}


def test_all_pairs_of_many_replicas_stop_at_the_bound() -> None:
    text = (
        "component C {\n  initial place a\n  provide service p at a\n}\n"
        "component D {\n  initial place a\n  place b\n  use service u all for t\n  transition t: a -> b\n}\n"
        "assembly s {\n  c[1..1000]: C\n  d[1..1000]: D\n  connect d.u to c.p\n}\n"
    )
    loaded = load("pairs.madeus", text=text)
    assert [diagnostic.code for diagnostic in loaded.diagnostics if diagnostic.is_error][:1] == ["MAD123"]
