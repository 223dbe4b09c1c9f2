"""Says what is installed, active, missing or unprotected, and how to mend it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from synth.conf.env import TABLE
from worker.doctor import Finding, examine

SIGNS = {"ok": "ok     ", "note": "note   ", "warning": "WARNING", "problem": "PROBLEM"}


class Command(BaseCommand):
    help = "Examine this installation. Exit status 1 when something keeps it from its work."
    requires_system_checks = ()  # they are among the findings

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the findings as JSON")
        parser.add_argument(
            "--environment", action="store_true", help="the table of environment names, as Markdown"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["environment"]:
            self.stdout.write(environment_table())
            return
        findings = []
        for finding in examine():
            findings.append(finding)
            if not options["json"]:
                self._show(finding)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=1))
        problems = sum(finding.level == "problem" for finding in findings)
        warnings = sum(finding.level == "warning" for finding in findings)
        if not options["json"]:
            self.stdout.write(f"\n{problems} problems, {warnings} warnings")
        if problems:
            raise SystemExit(1)

    def _show(self, finding: Finding) -> None:
        self.stdout.write(f"{SIGNS[finding.level]} {finding.subject:<11} {finding.text}")
        if finding.remedy:
            self.stdout.write(f"{'':<19} -> {finding.remedy}")


def environment_table() -> str:
    """`docs/environment.md` from the typed table of names."""
    lines = [
        "# Environment",
        "",
        "Rendered by `manage.py doctor --environment` from `synth/conf/env.py`. Every name is optional.",
        "",
        "| name | type | default | what it does |",
        "| --- | --- | --- | --- |",
    ]
    for row in TABLE:
        default = f"`{row.default}`" if row.default not in ("", None) else ""
        secret = " *(secret)*" if row.secret else ""
        lines.append(f"| `{row.name}` | {row.kind.__name__} | {default} | {row.help}{secret} |")
    return "\n".join(lines)
