"""What is wrong with a role: how its versions are made, what persists, what is done with masked files."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.diagnostics import Diagnostic, Span, error, nearest, warning


def made_twice(version: str, actions: Span, declared: Span) -> Diagnostic:
    return error(
        "MAD154",
        f'version "{version}" is made in two ways',
        actions,
        related=((declared, "it comes from somewhere already"),),
        help="write either `from ...` or actions in braces",
    )


def probe_in_version(version: str, span: Span) -> Diagnostic:
    return error(
        "MAD155",
        f'a probe cannot stand in version "{version}"',
        span,
        help="the layer of a version is made once and nothing runs in it: put the probe in a component that lives `in layer`",
    )


def captured_in_version(version: str, span: Span) -> Diagnostic:
    return error(
        "MAD155",
        f'nothing can be captured in version "{version}"',
        span,
        help="a version has no data ports: leave `->` out",
    )


def unknown_action(kind: str, version: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return warning(
        "MAD129",
        f'version "{version}" cannot be made: nothing installed here brings the action `{kind}`',
        span,
        help=f"write one of {', '.join(known)}, or install the package that brings it where the version is made from",
    )


def cannot_persist(path: str, span: Span) -> Diagnostic:
    return error(
        "MAD156",
        f"`{path}` cannot be persistent",
        span,
        help="write an absolute path that is not in /proc, /sys, /dev, /run or /tmp: every stack has those from its host",
    )


def unknown_policy(how: str, span: Span, known: Sequence[str]) -> Diagnostic:
    near = nearest(how, known)
    way_out = f"did you mean `{near}`?" if near else f"write one of {', '.join(known)}"
    return error("MAD157", f"there is no policy `{how}`", span, help=way_out)


def wrong_glob(glob: str, span: Span) -> Diagnostic:
    return error(
        "MAD157",
        f"`{glob}` fits no path",
        span,
        help="paths begin with `/`: write `/etc/**`, or `**/name` for a name in any directory",
    )


def unknown_lingering(how: str, span: Span, known: Sequence[str]) -> Diagnostic:
    near = nearest(how, known)
    way_out = f"did you mean `{near}`?" if near else f"write one of {', '.join(known)}"
    return error("MAD159", f"lingering processes know no `{how}`", span, help=way_out)


def not_taken_back(instance: str, program: str, span: Span, declared: Span) -> Diagnostic:
    return warning(
        "MAD158",
        f"`{program}` is taken back when it fails, and what `{instance}` has done stays",
        span,
        related=((declared, "it lives outside of layers"),),
        help="write `in layer` behind its host",
    )
