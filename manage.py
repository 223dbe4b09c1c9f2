#!/usr/bin/env python3
"""Assent's command line.

``up``, ``down``, ``setup``, ``test`` and a few more need nothing but Python 3.11 or 3.12 and make their own
environment in ``.venv``; every other command is Django's or a room's and runs in that environment.
"""

import os
import shutil
import sys

SUPPORTED = ((3, 11), (3, 12))


def main() -> None:
    if sys.version_info[:2] not in SUPPORTED:
        _find_another_python()
    from synth.local import cli

    sys.exit(cli.main(sys.argv[1:]))


def _find_another_python() -> None:
    """Start again under a supported Python when the machine has one."""
    for major, minor in reversed(SUPPORTED):
        program = shutil.which("python{}.{}".format(major, minor))  # noqa: UP032 - older Pythons read this file
        if program:
            os.execv(program, [program, *sys.argv])  # noqa: S606
    sys.exit("Assent needs Python 3.11 or 3.12; this is {}.{}.".format(*sys.version_info[:2]))


if __name__ == "__main__":
    main()
