"""Imports and tables of durations: what is read, what is seen from where, and what each fault is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeus.dsl import load
from madeus.model import Interval
from tests.dsl.faults import WEB, faults, loaded

TABLE = 'durations "table.json"\n'


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.madeus").write_text(text, encoding="utf-8")


def test_names_of_imports_and_of_their_imports_are_seen(tmp_path: Path) -> None:
    _write(tmp_path, a='import "b.madeus"\n', b=WEB)
    found = loaded('import "a.madeus"\nassembly s {\n  w: Web\n}\n', tmp_path)
    assert found.diagnostics == ()
    assert found.model is not None
    assert set(found.model.types) == {"Web"}


def test_an_imported_file_does_not_see_the_names_of_the_importing_one(tmp_path: Path) -> None:
    _write(tmp_path, a="assembly s {\n  w: Web\n}\n")
    assert faults('import "a.madeus"\n' + WEB, tmp_path) == [("MAD050", "Web")]


def test_a_file_imported_by_two_ways_is_read_once(tmp_path: Path) -> None:
    _write(tmp_path, a='import "c.madeus"\n', b='import "./c.madeus"\n', c=WEB)
    assert faults('import "a.madeus"\nimport "b.madeus"\n', tmp_path) == []


def test_paths_are_relative_to_the_importing_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    _write(tmp_path / "lib", a='import "b.madeus"\n', b=WEB)
    assert faults('import "lib/a.madeus"\nassembly s {\n  w: Web\n}\n', tmp_path) == []


def test_a_circle_of_imports_is_reported_once_and_names_its_files(tmp_path: Path) -> None:
    _write(tmp_path, a='import "b.madeus"\n', b='import "a.madeus"\n')
    found = loaded('import "a.madeus"\n', tmp_path).diagnostics
    assert [d.code for d in found] == ["MAD008"]
    assert "a.madeus` imports itself, by way of `" in found[0].message


def test_a_file_that_imports_itself_is_reported(tmp_path: Path) -> None:
    _write(tmp_path, main='import "main.madeus"\n')
    assert [d.code for d in load(tmp_path / "main.madeus").diagnostics] == ["MAD008"]


def test_faults_of_imported_files_are_reported_with_their_file(tmp_path: Path) -> None:
    _write(tmp_path, a="component C {\n  place x\n}\n")
    (found,) = loaded('import "a.madeus"\n', tmp_path).diagnostics
    assert found.code == "MAD110"
    assert found.span is not None
    assert found.span.file.endswith("a.madeus")


def test_only_the_questions_of_the_loaded_file_are_in_the_model(tmp_path: Path) -> None:
    library = WEB + "\nassembly s {\n  w: Web\n}\n\nverify s {\n  terminates\n}\n"
    _write(tmp_path, a=library)
    found = loaded('import "a.madeus"\nverify s {\n  confluent\n}\n', tmp_path)
    assert found.model is not None
    assert [str(p) for v in found.model.verifications for p in v.properties] == ["confluent"]


def test_a_missing_file_is_one_diagnostic_and_no_model(tmp_path: Path) -> None:
    found = load(tmp_path / "missing.madeus")
    assert [d.code for d in found.diagnostics] == ["MAD001"]
    assert found.model is None


# ---- durations ---------------------------------------------------------------------------------------------------------


def _timed(folder: Path, table: str, text: str = WEB + "\nassembly s {\n  a: Web\n  b[1..2]: Web\n}\n"):  # type: ignore[no-untyped-def]
    (folder / "table.json").write_text(table, encoding="utf-8")
    return loaded(TABLE + text, folder)


def test_times_of_a_type_hold_for_all_its_instances(tmp_path: Path) -> None:
    model = _timed(tmp_path, '{ "Web.start": [3, 4.5], "Web.halt": 2 }').model
    assert model is not None
    assert model.types["Web"].transition["start"].interval == Interval(3.0, 4.5)
    assert model.assemblies["s"].type_of("a").transition["halt"].interval == Interval(2.0, 2.0)


def test_times_of_an_instance_give_it_a_type_of_its_own(tmp_path: Path) -> None:
    model = _timed(tmp_path, '{ "Web.start": 1, "a.start": 7, "b.halt": 3, "s/b[2].start": 9 }').model
    assert model is not None
    site = model.assemblies["s"]
    assert [i.type for i in site.instances] == ["Web@a", "Web@b[1]", "Web@s/b[2]"]
    assert site.type_of("a").transition["start"].interval == Interval(7.0, 7.0)
    assert site.type_of("b[1]").transition["start"].interval == Interval(1.0, 1.0)
    assert site.type_of("b[2]").transition["start"].interval == Interval(9.0, 9.0)
    assert site.type_of("b[2]").transition["halt"].interval == Interval(3.0, 3.0)
    assert set(site.types) == {"Web@a", "Web@b[1]", "Web@s/b[2]"}
    assert set(site.types) < set(model.types)


def test_the_source_map_finds_elements_of_instances_with_times_of_their_own(tmp_path: Path) -> None:
    found = _timed(tmp_path, '{ "a.start": 7 }')
    assert found.source_map["s/a.start"] == found.source_map["Web.start"]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("{", "MAD009"),
        ("[]", "MAD009"),
        ('{ "Web.start": "1s" }', "MAD009"),
        ('{ "Web.start": [1] }', "MAD009"),
        ('{ "Web.start": true }', "MAD009"),
        ('{ "Web.start": -1 }', "MAD009"),
        ('{ "Web.start": NaN }', "MAD009"),
        ('{ "Web.start": Infinity }', "MAD009"),
        ("[" * 100_000, "MAD009"),
        ('{ "Web.start": [2, 1] }', "MAD116"),
        ('{ "Web.strat": 1 }', "MAD068"),
        ('{ "c.start": 1 }', "MAD068"),
        ('{ "": 1 }', "MAD068"),
    ],
)
def test_a_faulty_table_is_one_diagnostic(tmp_path: Path, table: str, code: str) -> None:
    assert [d.code for d in _timed(tmp_path, table).diagnostics] == [code]


def test_a_fault_of_a_table_is_underlined_in_the_table(tmp_path: Path) -> None:
    found = _timed(tmp_path, '{\n  "Web.start": 1,\n  "Web.strat": 2\n}\n')
    (fault,) = found.diagnostics
    assert fault.span is not None
    assert found.files[fault.span.file][fault.span.start : fault.span.end] == '"Web.strat"'
    assert (fault.span.start_line, fault.span.start_column) == (3, 3)
    assert fault.help == "did you mean `Web.start`?"


def test_a_missing_table_is_one_diagnostic(tmp_path: Path) -> None:
    assert faults(TABLE + WEB, tmp_path) == [("MAD001", '"table.json"')]
