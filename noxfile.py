"""What continuous integration checks, one session each: ``nox`` runs the default ones, ``nox -s long`` the slow tests."""

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["style", "types", "layers", "tests"]


def _install(session: nox.Session) -> None:
    session.install("-e", ".[all]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "dev"))


@nox.session
def style(session: nox.Session) -> None:
    """Lint and formatting."""
    _install(session)
    session.run("ruff", "check", "madeus", "tests", "benchmarks")
    session.run("ruff", "format", "--check", "madeus", "tests", "benchmarks")


@nox.session
def types(session: nox.Session) -> None:
    """Static types."""
    _install(session)
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Which room imports which."""
    _install(session)
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """The fast tests."""
    _install(session)
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def long(session: nox.Session) -> None:
    """Every test, the slow ones and those on real test hosts included. Needs root."""
    _install(session)
    session.run("pytest", "-m", "", *session.posargs)
