"""Least rights on the log's tables, for the roles that this server happens to have.

The owner migrates, the application inserts and reads entries, the sequencer builds the tree. Where all
three are one role (a single DATABASE_URL) there is nothing to separate, and only the triggers stand.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = (
    "audit_entry",
    "audit_pending",
    "audit_leaf",
    "audit_tile",
    "audit_checkpoint",
    "audit_publication",
)

APP_ROLE = "assent_app"
SEQUENCER_ROLE = "assent_sequencer"

RIGHTS: dict[str, dict[str, str]] = {
    APP_ROLE: {
        "audit_entry": "SELECT, INSERT",
        "audit_leaf": "SELECT",
        "audit_tile": "SELECT",
        "audit_checkpoint": "SELECT",
        "audit_publication": "SELECT",
    },
    SEQUENCER_ROLE: {
        "audit_entry": "SELECT",
        "audit_pending": "SELECT, DELETE",
        "audit_leaf": "SELECT, INSERT",
        "audit_tile": "SELECT, INSERT",
        "audit_checkpoint": "SELECT, INSERT",
        "audit_publication": "SELECT, INSERT",
    },
}


def apply(connection: BaseDatabaseWrapper) -> list[str]:
    """Revoke everything and grant what ``RIGHTS`` says; the names of the roles that were set.

    Does nothing where the tables do not exist yet or the connected role does not own them. Safe to repeat.
    """
    quote = connection.ops.quote_name
    done: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableowner, pg_has_role(tableowner, 'USAGE') FROM pg_tables"
            " WHERE schemaname = current_schema() AND tablename = ANY(%s)",
            [list(TABLES)],
        )
        rows = cursor.fetchall()
        if len(rows) != len(TABLES) or not all(owned for _, owned in rows):
            return done
        owner = rows[0][0]
        tables = ", ".join(quote(table) for table in TABLES)
        cursor.execute(f"REVOKE ALL ON {tables} FROM PUBLIC")
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(RIGHTS)])
        for role in sorted({name for (name,) in cursor.fetchall()} - {owner}):
            cursor.execute(f"REVOKE ALL ON {tables} FROM {quote(role)}")
            cursor.execute("SELECT pg_get_serial_sequence('audit_entry', 'id')")
            cursor.execute(f"REVOKE ALL ON SEQUENCE {cursor.fetchone()[0]} FROM {quote(role)}")
            for table, rights in RIGHTS[role].items():
                cursor.execute(f"GRANT {rights} ON {quote(table)} TO {quote(role)}")
            done.append(role)
    return done


def separated(connection: BaseDatabaseWrapper) -> bool:
    """Whether the connected role can neither own nor rewrite the log (what `doctor` reports)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_or(pg_has_role(tableowner, 'USAGE')"
            " OR has_table_privilege(format('%%I.%%I', schemaname, tablename), 'UPDATE')"
            " OR has_table_privilege(format('%%I.%%I', schemaname, tablename), 'DELETE'))"
            " FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(%s)",
            [[table for table in TABLES if table != "audit_pending"]],
        )
        row = cursor.fetchone()
    return row is not None and row[0] is False
