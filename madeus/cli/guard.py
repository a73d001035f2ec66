"""What stands between a command and the terminal: exit codes, and no traceback for a person's mistake."""

from __future__ import annotations

import os
import sys

import click

INTERNAL_ERROR = 70
INTERRUPTED = 130


def guarded(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code; see the list in ``madeus --help``."""
    try:
        code = command.main(args=arguments, prog_name="madeus", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code if error.exit_code != 1 or not isinstance(error, click.UsageError) else 2
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`madeus ... | head`): say nothing, and let nothing be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        _report_bug()
        return INTERNAL_ERROR


def _report_bug() -> None:
    import platform
    import traceback
    from importlib.metadata import version

    traceback.print_exc()
    print(
        f"\nThis is a bug in madeus {version('madeus')} (Python {platform.python_version()}), not a mistake of yours.\n"
        f"Please report it with the lines above and the arguments: {' '.join(sys.argv[1:])}",
        file=sys.stderr,
    )
