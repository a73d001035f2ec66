"""What is refused on a live assembly while a rollout of it is not over."""

from __future__ import annotations

from pathlib import Path

import click

anyway_option = click.option("--anyway", is_flag=True, help="Do it although a rollout of the assembly is not over.")


def refuse_beside_rollout(name: str, state: Path | None) -> None:
    """Raise RolloutHalfway when a rollout of the live assembly of that name, if there is one, is not over."""
    from madeus.executor.journal.living import live_row
    from madeus.executor.journal.store import FILE, Journal, state_directory
    from madeus.executor.rollout.store import check_over

    if not (state_directory(state) / FILE).exists():
        return
    journal = Journal.open(state, create=False)
    try:
        live = live_row(journal, name)
        if live is not None:
            check_over(journal, name, live.created)
    finally:
        journal.close()
