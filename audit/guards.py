"""What in the database keeps the log append-only and whole: whether it is all there, and putting it back.

The migrations make these guards; whoever owns the tables can take them away again, and nothing else would notice.
"""

from __future__ import annotations

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

PROTECTED = ("audit_entry", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_publication")
#: table -> its CHECK constraints, all of which must hold for every row (validated, enforced)
CONSTRAINTS = {
    "audit_entry": ("audit_entry_leaf_hash", "audit_entry_body_length", "audit_entry_columns_match_body"),
    "audit_leaf": ("audit_leaf_shape",),
    "audit_tile": ("audit_tile_shape",),
    "audit_checkpoint": ("audit_checkpoint_shape",),
}
#: function -> its body, to be compared without regard to white space
FUNCTIONS = {
    "audit_deny": """
BEGIN
  RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END """,
    "audit_enqueue": """
BEGIN
  INSERT INTO audit_pending (entry_id) VALUES (NEW.id);
  RETURN NULL;
END """,
}
#: (table, trigger) -> (when, for each, function)
TRIGGERS = {
    **{(table, "audit_deny_change"): ("BEFORE UPDATE OR DELETE", "ROW", "audit_deny") for table in PROTECTED},
    **{(table, "audit_deny_truncate"): ("BEFORE TRUNCATE", "STATEMENT", "audit_deny") for table in PROTECTED},
    ("audit_entry", "audit_enqueue"): ("AFTER INSERT", "ROW", "audit_enqueue"),
}
# pg_trigger.tgtype: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate
_TYPES = {"audit_deny_change": 1 | 2 | 8 | 16, "audit_deny_truncate": 2 | 32, "audit_enqueue": 1 | 4}

_LOST = """
FROM audit_entry e LEFT JOIN audit_leaf l ON l.entry_id = e.id
  LEFT JOIN audit_pending p ON p.entry_id = e.id WHERE l.entry_id IS NULL AND p.entry_id IS NULL
"""
# The newest may be between two steps of the sequencer, whose copy outside comes first.
_UNPUBLISHED = """
FROM audit_checkpoint c LEFT JOIN audit_publication p ON p.size = c.size
  WHERE p.size IS NULL AND c.created_at < now() - interval '1 minute'
"""


def missing(using: str = "default") -> list[str]:
    """One sentence for each guard that is absent, silenced or another one; the whole list in four small queries."""
    connection = connections[using]
    return [*_triggers(connection), *_functions(connection), *_constraints(connection)]


def left_behind(using: str = "default") -> list[str]:
    """One sentence for entries that no sequencer will ever see, and one for checkpoints that nobody is shown."""
    found = []
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT count(*), min(e.id) {_LOST}")
        count, first = cursor.fetchone()
        if count:
            found.append(f"{count} entries were never queued for the tree, the first is entry {first}")
        cursor.execute(f"SELECT count(*), min(c.size) {_UNPUBLISHED}")
        count, first = cursor.fetchone()
        if count:
            found.append(f"{count} checkpoints are signed but not shown, the first has {first} entries")
    return found


def mend(using: str = "owner") -> list[str]:
    """Put back what `missing` and `left_behind` name, constraints apart; a sentence for each. Needs the owner's rights.

    A constraint cannot be put back over rows that break it, so that is left to a person.
    """
    connection = connections[using]
    done = [*_triggers(connection), *_functions(connection), *left_behind(using)]
    if not done:
        return []
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        schema = cursor.fetchone()[0]
        for name, body in FUNCTIONS.items():
            definer = (
                f"SECURITY DEFINER SET search_path = {schema}, pg_temp" if name == "audit_enqueue" else ""
            )
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {definer} AS $${body}$$"
            )
            cursor.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
        for (table, trigger), (when, each, function) in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {table}")
            cursor.execute(
                f"CREATE TRIGGER {trigger} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
            )
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        cursor.execute(f"INSERT INTO audit_pending (entry_id) SELECT e.id {_LOST}")
        cursor.execute(
            f"INSERT INTO audit_publication (size, created_at) SELECT c.size, now() {_UNPUBLISHED}"
            " ON CONFLICT DO NOTHING"
        )
    return done


def _triggers(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname, t.tgtype, t.tgenabled, p.proname FROM pg_trigger t"
            " JOIN pg_class c ON c.oid = t.tgrelid"
            # a function of the same name in another schema is another one
            " LEFT JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = c.relnamespace"
            " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace AND t.tgqual IS NULL"
            " AND starts_with(c.relname, 'audit_')"
        )
        found = {(row[0], row[1]): (row[2], row[3], row[4]) for row in cursor.fetchall()}
    told = []
    for (table, trigger), (_, _, function) in TRIGGERS.items():
        kind, enabled, calls = found.get((table, trigger), (None, "", ""))
        if kind is None:
            told.append(f"trigger {trigger} of {table} is gone")
        elif kind != _TYPES[trigger] or calls != function:
            told.append(f"trigger {trigger} of {table} is another one")
        elif enabled != "A":
            told.append(f"trigger {trigger} of {table} is not enabled always")
    return told


def _functions(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
            " AND proname = ANY(%s) AND pronargs = 0",
            [list(FUNCTIONS)],
        )
        found = {name: source.split() for name, source in cursor.fetchall()}
    return [
        f"function {name} is {'another one' if name in found else 'gone'}"
        for name, body in FUNCTIONS.items()
        if found.get(name) != body.split()
    ]


def _constraints(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        # pg_constraint.conenforced came with PostgreSQL 18; as JSON its absence reads as NULL
        cursor.execute(
            "SELECT r.relname, c.conname, c.convalidated, to_jsonb(c) ->> 'conenforced' FROM pg_constraint c"
            " JOIN pg_class r ON r.oid = c.conrelid"
            " WHERE c.contype = 'c' AND r.relnamespace = current_schema()::regnamespace"
        )
        found = {
            (table, name): valid and enforced != "false" for table, name, valid, enforced in cursor.fetchall()
        }
    return [
        f"constraint {name} of {table} is {'not enforced' if (table, name) in found else 'gone'}"
        for table, names in CONSTRAINTS.items()
        for name in names
        if not found.get((table, name))
    ]
