"""The catalog as rows of a table."""

from __future__ import annotations

from itertools import pairwise

from madeus.executor.layers.rows import catalog_of, difference, rows_of
from madeus.layers import Catalog, Change, Occasion, Role
from madeus.layers.operation import assign, checkpoint, rollback
from madeus.layers.removal import add_machine, forget_states
from madeus.layers.versioning import define, make

BASE = Role("web", "debian")


def history() -> list[Catalog]:
    """Catalogs that follow each other."""
    found = [Catalog()]

    def then(change: Change | Catalog) -> None:
        found.append(change.catalog if isinstance(change, Change) else change)

    for number, machine in enumerate(["m1", "m2"]):
        then(add_machine(found[-1], machine))
        if not number:
            then(define(found[-1], BASE, "/srv/debian", ["1", "2"], Occasion("a", 1.0)))
            then(make(found[-1], "web", "1", "m1", Occasion("b", 2.0)))
            then(make(found[-1], "web", "2", "m1", Occasion("c", 3.0)))
        then(assign(found[-1], machine, "web", "2", Occasion(f"d{number}", 4.0)))
    then(checkpoint(found[-1], "m1", Occasion("e", 5.0)))
    then(rollback(found[-1], "m1", None, Occasion("f", 6.0)))
    then(forget_states(found[-1], "m1", [1]))
    return found


def as_stored(catalog: Catalog) -> Catalog:
    return catalog_of((kind, name, body) for (kind, name), body in rows_of(catalog).items())


def test_a_catalog_comes_back_from_its_rows() -> None:
    for catalog in history():
        assert as_stored(catalog) == catalog


def test_the_difference_leads_from_one_catalog_to_the_other_and_says_nothing_else() -> None:
    catalogs = history()
    for before, after in [*pairwise(catalogs), *pairwise(reversed(catalogs))]:
        written, gone = difference(before, after)
        assert (written, gone) == difference(as_stored(before), as_stored(after))
        rows = {**rows_of(before), **written}
        assert {key: body for key, body in rows.items() if key not in gone} == rows_of(after)
        assert all(rows_of(before).get(key) != body for key, body in written.items())


def test_what_both_have_is_not_looked_at() -> None:
    before = history()[-1]
    after = checkpoint(before, "m2", Occasion("g", 7.0)).catalog
    assert difference(before, before) == ({}, [])
    assert ("machine", "m1") not in difference(before, after)[0]
    assert ("machine", "m2") in difference(before, after)[0]
