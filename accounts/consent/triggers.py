"""SQL by which the database itself keeps evidence as it was written.

A consent's scope, dates and receipt, a challenge's statement, what a speaker acknowledged, and whose voice a
voice is never change after the insert; a consent row is never deleted. What names a person may be emptied once
their voice is erased, and never be anything else than it was or empty. The services obey this anyway: the
triggers are for whatever comes round them.
"""

from __future__ import annotations

# table -> columns that never change after the insert
FROZEN: dict[str, tuple[str, ...]] = {
    "accounts_consent": (
        "voice_id",
        "submission_id",
        "scope",
        "valid_from",
        "valid_until",
        "receipt",
        "receipt_sha256",
        "receipt_signature",
        "created_at",
    ),
    "accounts_challenge": ("voice_id", "language", "scope", "scope_sha256", "created_at", "expires_at"),
    "accounts_submission": (
        "challenge_id",
        "upload_sha256",
        "acknowledged_scope_sha256",
        "attestations",
        "submitted_by_id",
    ),
    "accounts_voice": ("organisation_id", "owner_id", "language", "created_at"),
    "accounts_clip": (
        "voice_id",
        "kind",
        "sha256",
        "language",
        "duration_ms",
        "sample_rate_hz",
        "created_at",
    ),
}


# table -> columns that stay as they were written, or become empty (the SQL of "empty")
ERASABLE: dict[str, dict[str, str]] = {
    "accounts_challenge": {"statement": "''", "spec": "'{}'::jsonb"},
}


def frozen_sql(table: str) -> str:
    """SQL of the trigger that refuses to change the frozen columns of `table`."""
    columns = FROZEN[table]
    erasable = ERASABLE.get(table, {})
    changed = " OR ".join(
        [
            *(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns),
            *(
                f"(NEW.{column} IS DISTINCT FROM OLD.{column} AND NEW.{column} IS DISTINCT FROM {empty})"
                for column, empty in erasable.items()
            ),
        ]
    )
    return f"""
CREATE OR REPLACE FUNCTION {table}_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {changed} THEN
    RAISE EXCEPTION '{table}: {", ".join([*columns, *erasable])} never change' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS {table}_frozen ON {table};
CREATE TRIGGER {table}_frozen BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_frozen();
"""


CONSENT_CLOSES_ONCE_SQL = """
CREATE OR REPLACE FUNCTION accounts_consent_closes_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'accounts_consent: a consent is never deleted' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.closed_as <> '' AND (NEW.closed_as, NEW.revoked_at, NEW.revoked_reason, NEW.version)
      IS DISTINCT FROM (OLD.closed_as, OLD.revoked_at, OLD.revoked_reason, OLD.version) THEN
    RAISE EXCEPTION 'accounts_consent: closed as % already', OLD.closed_as USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.version < OLD.version THEN
    RAISE EXCEPTION 'accounts_consent: the version only grows' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS accounts_consent_closes_once ON accounts_consent;
CREATE TRIGGER accounts_consent_closes_once BEFORE UPDATE OR DELETE ON accounts_consent
  FOR EACH ROW EXECUTE FUNCTION accounts_consent_closes_once();
"""
