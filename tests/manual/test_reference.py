"""The pages that are made from the program say what the program says now."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import madeus
from tests.manual.blocks import ROOT, blocks_of


def test_pages_made_from_the_program_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, "scripts/reference", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}run scripts/reference"


def test_every_keyword_of_the_grammar_stands_in_an_example_of_the_language() -> None:
    grammar = (ROOT / "madeus/dsl/grammar.lark").read_text(encoding="utf-8")
    keywords = set(re.findall(r'"([a-z_]+)"', re.sub(r"^\s*//.*$", "", grammar, flags=re.MULTILINE)))
    blocks = [
        b for b in blocks_of(ROOT / "docs/reference/language.md") if b.language == "madeus" and not b.named_by("gives")
    ]
    shown = set(re.findall(r"[a-z_]+", re.sub(r'//.*|"[^"]*"', "", "\n".join(block.text for block in blocks))))
    assert keywords - shown == set()


def test_the_picture_of_the_model_is_the_one_that_its_text_gives(tmp_path: Path) -> None:
    (block,) = [b for b in blocks_of(ROOT / "docs/explanation/model.md") if b.language == "madeus"]
    file = tmp_path / block.title
    file.write_text(block.text)
    drawn = madeus.load(file).draw(overview=False).svg
    kept = (ROOT / "docs/images/model.svg").read_text(encoding="utf-8")
    assert sorted(re.findall(r">([^<>]+)</text>", kept)) == sorted(re.findall(r">([^<>]+)</text>", drawn))
