"""The states of voices, submissions and styles, and the only moves between them.

One table, applied by conditional UPDATE (`move`): two processes that race for the same move cannot both win,
and nothing moves backwards. A trigger made from the same table refuses illegal moves in the database as well,
so a forgotten `save()` cannot revive a revoked voice.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Model, TextChoices
from django.utils.translation import gettext_lazy as _


class VoiceStatus(TextChoices):
    REGISTERED = "registered", _("registered, no consent yet")
    ACTIVE = "active", _("active")
    SUSPENDED = "suspended", _("suspended")
    EXPIRED = "expired", _("consent expired")
    REVOKED = "revoked", _("revoked")


class CheckState(TextChoices):
    """How far the check of a recording (a consent submission or a style clip) has come."""

    QUEUED = "queued", _("waiting for the check")
    CHECKING = "checking", _("being checked")
    NEEDS_REVIEW = "needs_review", _("a reviewer listens")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    REMOVED = "removed", _("removed")


UNDECIDED = (CheckState.QUEUED, CheckState.CHECKING)
"""A machine has yet to say what it measured."""


# table name -> (column, {state: states it may move to}). A repeated state is always allowed.
MOVES: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "accounts_voice": (
        "status",
        {
            "registered": ("active", "revoked"),
            "active": ("suspended", "expired", "revoked"),
            "suspended": ("active", "expired", "revoked"),
            "expired": ("active", "revoked"),
            "revoked": (),
        },
    ),
    "accounts_submission": (
        "state",
        {
            "queued": ("checking", "rejected"),
            # Back to the queue when its worker was lost: the one way back.
            "checking": ("queued", "approved", "needs_review", "rejected"),
            "needs_review": ("approved", "rejected"),
            "approved": (),
            "rejected": (),
        },
    ),
    "accounts_style": (
        "state",
        {
            "queued": ("checking", "rejected", "removed"),
            "checking": ("queued", "approved", "needs_review", "rejected", "removed"),
            "needs_review": ("approved", "rejected", "removed"),
            "approved": ("removed",),
            "rejected": ("removed",),
            "removed": (),
        },
    ),
}


def sources_of(table: str, to: str) -> list[str]:
    """States from which `to` may be reached in `table`."""
    return [state for state, targets in MOVES[table][1].items() if to in targets]


def move(model: type[Model], pk: UUID, to: str, **changes: Any) -> bool:
    """Move one row to state `to`, with further column `changes`, if its present state allows it.

    One UPDATE with the allowed present states in its WHERE clause; True when this caller made the move.
    """
    table = model._meta.db_table
    column = MOVES[table][0]
    allowed = {"pk": pk, f"{column}__in": sources_of(table, to)}
    return model._default_manager.filter(**allowed).update(**{column: to, **changes}) == 1


def trigger_sql(table: str) -> str:
    """SQL that makes the database itself refuse any move that is not in the table."""
    column, moves = MOVES[table]
    legal = " OR ".join(
        f"(OLD.{column} = '{state}' AND NEW.{column} IN ({', '.join(repr(target) for target in targets)}))"
        for state, targets in moves.items()
        if targets
    )
    return f"""
CREATE OR REPLACE FUNCTION {table}_forward_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.{column} <> OLD.{column} AND NOT ({legal}) THEN
    RAISE EXCEPTION '{table}: % may not become %', OLD.{column}, NEW.{column}
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS {table}_forward_only ON {table};
CREATE TRIGGER {table}_forward_only BEFORE UPDATE OF {column} ON {table}
  FOR EACH ROW EXECUTE FUNCTION {table}_forward_only();
"""
