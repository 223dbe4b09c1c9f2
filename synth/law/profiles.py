"""The profiles that are chosen (`ASSENT_PROFILE`), and the strictest of what they ask, as the service goes by it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent / "data" / "profiles.toml"

#: Who may switch a notice off that a profile asks for, from the freest on.
ANYBODY, OWNER, NOBODY = "anybody", "owner", "nobody"
_REMOVERS = (ANYBODY, OWNER, NOBODY)
FOREVER = 0
"""Days of a kind of record that is kept until its voice or account is erased."""


@dataclass(frozen=True)
class Evidence:
    """Where something can be looked at: ``kind`` is setting, event, page, bench or test; ``name`` its name there."""

    kind: str
    name: str


@dataclass(frozen=True)
class Requirement:
    """One thing that rules ask of the software.

    ``state``: met, part (met in part) or operator (the operator's own task). Texts are ``{"en": ..., "zh": ...}``.
    """

    code: str
    profiles: tuple[str, ...]
    asks: dict[str, str]
    met: dict[str, str]
    state: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Kept:
    """A kind of record: for how many days it is kept unless the operator says otherwise (`FOREVER` is 0)."""

    code: str
    title: dict[str, str]
    days: int


@dataclass(frozen=True)
class Rules:
    """What the chosen profiles ask, the strictest of each."""

    profiles: tuple[str, ...]
    notice_required: bool
    notice_off_by: str
    in_file_label: bool
    take_down_hours: int
    retention: dict[str, tuple[int, int | None]]
    named_operator: bool
    time_stamp: bool
    biometric_notice: bool

    @property
    def is_none(self) -> bool:
        return not self.profiles


class UnknownProfile(ValueError):
    """A name that is none of the table's."""


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    return tuple(_table()["profile"])


def title(profile: str, language: str = "en") -> str:
    """What the profile is called, with the rules that it stands for."""
    row: dict[str, str] = _table()["profile"][profile]["title"]
    return in_language(row, language)


def in_language(texts: dict[str, str], language: str) -> str:
    return texts["zh"] if language.startswith("zh") else texts["en"]


def chosen(setting: str) -> tuple[str, ...]:
    """Profiles named in a setting ("eu, cn"); none for "" and "none". Raises UnknownProfile."""
    asked = [word.strip().lower() for word in setting.split(",")]
    picked = tuple(dict.fromkeys(word for word in asked if word and word != "none"))
    unknown = [word for word in picked if word not in names()]
    if unknown:
        raise UnknownProfile(f"{', '.join(unknown)}: profiles are none, {', '.join(names())}")
    return picked


@lru_cache(maxsize=16)
def rules(setting: str) -> Rules:
    """The strictest of what the profiles in a setting ask. Raises UnknownProfile."""
    picked = chosen(setting)
    rows = [_table()["profile"][name] for name in picked]
    return Rules(
        profiles=picked,
        notice_required=any(row.get("notice_required", False) for row in rows),
        notice_off_by=max(
            (row.get("notice_off_by", ANYBODY) for row in rows), key=_REMOVERS.index, default=ANYBODY
        ),
        in_file_label=any(row.get("in_file_label", False) for row in rows),
        take_down_hours=min((row["take_down_hours"] for row in rows), default=_table()["take_down_hours"]),
        retention=_retention(rows),
        named_operator=any(row.get("named_operator", False) for row in rows),
        time_stamp=any(row.get("time_stamp", False) for row in rows),
        biometric_notice=any(row.get("biometric_notice", False) for row in rows),
    )


def _retention(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int | None]]:
    """Least and greatest days by kind of record; the greatest is None where no rule bounds it."""
    bounds: dict[str, tuple[int, int | None]] = {}
    for kind in kinds_kept():
        asked = [row.get("retention", {}).get(kind.code, {}) for row in rows]
        least = max((one.get("min", 0) for one in asked), default=0)
        greatest = min((one["max"] for one in asked if "max" in one), default=None)
        bounds[kind.code] = (least, greatest)
    return bounds


@lru_cache(maxsize=1)
def kinds_kept() -> tuple[Kept, ...]:
    return tuple(Kept(code, row["title"], row["days"]) for code, row in _table()["record"].items())


@lru_cache(maxsize=1)
def requirements() -> tuple[Requirement, ...]:
    return tuple(
        Requirement(
            code=code,
            profiles=tuple(row["profiles"]),
            asks=row["asks"],
            met=row["met"],
            state=row["state"],
            evidence=tuple(Evidence(*one.split(" ", 1)) for one in row["evidence"]),
        )
        for code, row in _table()["requirement"].items()
    )


def asked_by(profiles: Iterable[str]) -> list[Requirement]:
    """Requirements of these profiles, in the table's order."""
    wanted = set(profiles)
    return [row for row in requirements() if wanted & set(row.profiles)]


def retention_days(setting: str) -> dict[str, int]:
    """Days by kind of record, as "outputs=30, reports=7" says, the table's own for every other. Raises ValueError."""
    days = {kind.code: kind.days for kind in kinds_kept()}
    for word in filter(None, (part.strip() for part in setting.split(","))):
        code, separator, number = word.partition("=")
        if not separator or code.strip() not in days or not number.strip().isdecimal():
            raise ValueError(f"{word!r} is not KIND=DAYS with a kind among {', '.join(days)}")
        days[code.strip()] = int(number)
    return days


def contradictions(
    profile: str, *, retention: str, notice: str, operator_is_default: bool, has_time_stamp: bool
) -> list[str]:
    """One sentence for each setting that the profile does not allow; [] where all fits."""
    try:
        asked, kept = rules(profile), retention_days(retention)
    except UnknownProfile as error:
        return [f"ASSENT_PROFILE names what is no profile: {error}."]
    except ValueError as error:
        return [f"ASSENT_RETENTION cannot be read: {error}."]
    found = []
    who = ", ".join(asked.profiles)
    if asked.notice_required and notice == "none":
        found.append(
            f"ASSENT_NOTICE=none contradicts ASSENT_PROFILE={who}: it asks for a heard notice (spoken or rhythm)."
        )
    if asked.named_operator and operator_is_default:
        found.append(f"ASSENT_PROFILE={who} asks that files name their provider: set ASSENT_OPERATOR.")
    if asked.time_stamp and not has_time_stamp:
        found.append(
            f"ASSENT_PROFILE={who} asks for time-stamped credentials: set ASSENT_TIMESTAMP_URL (RFC 3161)."
        )
    for code, (least, greatest) in asked.retention.items():
        days = kept[code]
        if days != FOREVER and days < least:
            found.append(
                f"ASSENT_RETENTION keeps {code} for {days} days, ASSENT_PROFILE={who} asks for at least {least}."
            )
        if greatest is not None and (days == FOREVER or days > greatest):
            found.append(
                f"ASSENT_RETENTION keeps {code} for {days or 'ever'}, "
                f"ASSENT_PROFILE={who} allows at most {greatest} days."
            )
    return found
