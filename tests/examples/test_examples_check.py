"""Every example checks as its verify blocks and its header say, within a second or two each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import madeus
from madeus.checker import Boundaries

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.madeus"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT / "examples")))
def test_an_example_is_verified_and_healthy(file: Path) -> None:
    report = madeus.load(file).check(budget=30.0)
    assert [str(d.message) for d in report.diagnostics] == []
    assert report.holds


def test_the_examples_with_a_verify_block_are_checked() -> None:
    asked = [file for file in EXAMPLES if re.search(r"^verify ", file.read_text(), re.M)]
    assert len(asked) >= 5


@pytest.mark.parametrize(
    ("name", "minimum", "maximum"),
    [("openstack", 122.88, 143.18), ("openstack-aeolus", 223.06, 232.645), ("openstack-sequential", 322.966, 342.483)],
)
def test_the_three_openstacks_take_as_long_as_they_are_compared_by(name: str, minimum: float, maximum: float) -> None:
    results = madeus.load(ROOT / f"examples/{name}.madeus").check(health=False).results
    (found,) = [r.verdict.measure for r in results if r.question == "boundaries up"]
    assert isinstance(found, Boundaries)
    assert (found.minimum, found.maximum) == (pytest.approx(minimum, abs=0.006), pytest.approx(maximum, abs=0.006))
