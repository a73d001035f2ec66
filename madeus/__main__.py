"""``python -m madeus``."""

from madeus.cli import main

main()
