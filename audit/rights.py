"""Least rights on the log's tables, for the roles that this server happens to have.

The owner migrates, the application inserts and reads entries, the sequencer builds the tree. Where all
three are one role (a single DATABASE_URL) there is nothing to separate, and only the triggers stand.
"""

from __future__ import annotations

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = (
    "audit_entry",
    "audit_pending",
    "audit_leaf",
    "audit_tile",
    "audit_checkpoint",
    "audit_publication",
)

#: what each role may do, by its alias in the settings; the roles' names are those of the connection URLs
RIGHTS: dict[str, dict[str, str]] = {
    "default": {
        "audit_entry": "SELECT, INSERT",
        "audit_pending": "SELECT",
        "audit_leaf": "SELECT",
        "audit_tile": "SELECT",
        "audit_checkpoint": "SELECT",
        "audit_publication": "SELECT",
    },
    "sequencer": {
        "audit_entry": "SELECT",
        "audit_pending": "SELECT, DELETE",
        "audit_leaf": "SELECT, INSERT",
        "audit_tile": "SELECT, INSERT",
        "audit_checkpoint": "SELECT, INSERT",
        "audit_publication": "SELECT, INSERT",
    },
}


def role_names() -> dict[str, str]:
    """Alias -> name of the role that it connects as; only those that differ from the owner's."""
    names = {alias: str(settings.DATABASES[alias].get("USER") or "") for alias in ("owner", *RIGHTS)}
    return {alias: names[alias] for alias in RIGHTS if names[alias] and names[alias] != names["owner"]}


def apply(connection: BaseDatabaseWrapper) -> list[str]:
    """Grant the roles of the settings what ``RIGHTS`` says and nobody else a write; the names that were set.

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
        cursor.execute("SELECT pg_get_serial_sequence('audit_entry', 'id')")
        sequence = cursor.fetchone()[0]
        # A restore without grants leaves these open to everybody.
        cursor.execute("REVOKE ALL ON FUNCTION audit_deny(), audit_enqueue() FROM PUBLIC")
        names = role_names()
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(names.values())])
        existing = {name for (name,) in cursor.fetchall()} - {owner}
        # Others may have been let read (a backup, a replica); nobody else may write.
        cursor.execute(
            "SELECT DISTINCT grantee FROM information_schema.role_table_grants"
            " WHERE table_schema = current_schema() AND table_name = ANY(%s) AND grantee <> 'PUBLIC'",
            [list(TABLES)],
        )
        for role in sorted({name for (name,) in cursor.fetchall()} - existing - {owner}):
            cursor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON {tables} FROM {quote(role)}")
        for role in sorted(existing):
            cursor.execute(f"REVOKE ALL ON {tables} FROM {quote(role)}")
            cursor.execute(f"REVOKE ALL ON SEQUENCE {sequence} FROM {quote(role)}")
        for alias, role in sorted(names.items()):
            if role not in existing:
                continue
            for table, rights in RIGHTS[alias].items():
                cursor.execute(f"GRANT {rights} ON {quote(table)} TO {quote(role)}")
            if alias == "default":  # a backup reads where it stands
                cursor.execute(f"GRANT SELECT ON SEQUENCE {sequence} TO {quote(role)}")
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
