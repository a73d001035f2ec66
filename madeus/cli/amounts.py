"""Amounts of time and memory on the command line."""

from __future__ import annotations

import re

import click

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LONGEST = 1e9


class Duration(click.ParamType["float | None"]):
    """``90``, ``60s``, ``2min``, ``1h``, ``500ms``: seconds as a float; ``none``: no limit."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Seconds, or None. Fails with a usage error."""
        if value is None or isinstance(value, float):
            return value
        text = str(value).strip()
        if text == "none":
            return None
        found = _NUMBER.fullmatch(text)
        unit = _SECONDS.get(found[2]) if found else None
        if found is None or unit is None or float(found[1]) * unit > _LONGEST:
            self.fail(f"{text!r} is no duration: write 60s, 2min, 1h, 500ms, or none for no limit", param, ctx)
        return float(found[1]) * unit


class Size(click.ParamType["int | None"]):
    """``4G``, ``512M``, ``1GiB``: bytes as an int; ``none``: no limit."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Bytes, or None. Fails with a usage error."""
        if value is None or isinstance(value, int):
            return value
        text = str(value).strip()
        if text == "none":
            return None
        found = _NUMBER.fullmatch(text)
        unit = _BYTES.get(found[2].lower().removesuffix("ib").removesuffix("b") or "") if found else None
        if found is None or unit is None:
            self.fail(f"{text!r} is no size: write 4G, 512M, or none for no limit", param, ctx)
        return int(float(found[1]) * unit)
