"""The table as text for a terminal, and as docs/conformity.md."""

from __future__ import annotations

from synth.law import profiles
from synth.law.profiles import Requirement

NOT_ADVICE = (
    "Not legal advice. The wording was not checked against the official texts (state of 2026-11); whether a rule "
    "concerns an operator, and what else it asks, the software cannot know."
)


def as_text(setting: str, retention: str = "") -> str:
    """The conformity of a setting ("eu,cn"). Raises UnknownProfile, ValueError."""
    rules = profiles.rules(setting)
    days = profiles.retention_days(retention)
    if rules.is_none:
        lines = [f"No profile is chosen. ASSENT_PROFILE takes none, {', '.join(profiles.names())}."]
        return "\n".join([*lines, NOT_ADVICE]) + "\n"
    lines = [profiles.title(name) for name in rules.profiles]
    lines += [
        "",
        f"heard notice: {'required, switched off by ' + rules.notice_off_by if rules.notice_required else 'free'}",
        f"take-down within: {rules.take_down_hours} h",
        *(f"kept {code}: {days[code] or 'until erased'}" for code in days),
        "",
    ]
    for row in profiles.asked_by(rules.profiles):
        lines += [f"[{row.state}] {row.asks['en']}", f"    {row.met['en']}"]
        lines += [f"    {one.kind}: {one.name}" for one in row.evidence]
    return "\n".join([*lines, "", NOT_ADVICE]) + "\n"


def as_markdown() -> str:
    """The whole of docs/conformity.md."""
    head = (
        "# Profiles and conformity\n\n"
        "Rendered by `manage.py profile --docs` from `synth/law/data/profiles.toml`, the same table that drives the "
        f"service and its page `/conformity`.\n\n**{NOT_ADVICE}**\n\n"
        "`ASSENT_PROFILE` names the rules that an installation follows, several separated by commas; the strictest of "
        "each counts. A setting that contradicts them stops the start, with its sentence.\n\n"
        "| profile | stands for | heard notice | switched off by | label in the file | take-down within |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    rows = []
    for name in profiles.names():
        rules = profiles.rules(name)
        rows.append(
            f"| `{name}` | {profiles.title(name)} | {'required' if rules.notice_required else 'free'} "
            f"| {rules.notice_off_by if rules.notice_required else 'anybody'} "
            f"| {'required' if rules.in_file_label else 'where the format has a place'} | {rules.take_down_hours} h |"
        )
    kept = "\n\n## How long things are kept\n`ASSENT_RETENTION=outputs=365, reports=30` changes it, within bounds.\n\n"
    kept += "| kind | what | days |\n| --- | --- | --- |\n" + "\n".join(
        f"| `{kind.code}` | {kind.title['en']} | {kind.days or 'until erased'} |"
        for kind in profiles.kinds_kept()
    )
    bounds = "\n\n| profile | bounds |\n| --- | --- |\n" + "\n".join(
        f"| `{name}` | {_bounds(name)} |" for name in profiles.names()
    )
    asked = "\n\n## What the rules ask\n" + "\n".join(_section(row) for row in profiles.requirements())
    return head + "\n".join(rows) + kept + bounds + asked


def _bounds(name: str) -> str:
    found = []
    for code, (least, greatest) in profiles.rules(name).retention.items():
        if least:
            found.append(f"`{code}` at least {least}")
        if greatest is not None:
            found.append(f"`{code}` at most {greatest}")
    return ", ".join(found) or "none"


def _section(row: Requirement) -> str:
    words = {"met": "met", "part": "met in part", "operator": "the operator's own task"}
    evidence = "\n".join(f"- {one.kind}: `{one.name}`" for one in row.evidence)
    return (
        f"\n### {row.asks['en']}\n{', '.join(f'`{name}`' for name in row.profiles)}; **{words[row.state]}**. "
        f"{row.met['en']}\n\n{evidence}\n"
    )
