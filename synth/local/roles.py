"""The database and its three roles, for the embedded server, compose and a server of your own alike.

* ``assent_owner`` owns the database and its tables, and migrates.
* ``assent_app`` is what web and workers use: it reads and writes rows and cannot change the schema.
  (On the audit log the migrations leave it INSERT and SELECT only.)
* ``assent_sequencer`` gets what the audit migrations grant it, and nothing else.

Everything here may be run again at any time and changes only what differs. It never grants anything on the
existing tables of the log, because that would undo what the migrations revoked; those get their rights from every
`manage.py prepare`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from synth.local.errors import LocalError

DATABASE = "assent"


@dataclass(frozen=True)
class Roles:
    """The names in use, and passwords where the server asks for one (not on the embedded server's socket)."""

    owner: str = "assent_owner"
    app: str = "assent_app"
    sequencer: str = "assent_sequencer"
    passwords: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.owner, self.app, self.sequencer)))


def prepare(admin_url: str, *, database: str = DATABASE, roles: Roles | None = None) -> list[str]:
    """Make what is missing: the roles, the database, and the rights that later tables get.

    ``admin_url`` is a connection that may make roles and databases (a superuser, or a role with CREATEROLE
    and CREATEDB). Returns one sentence for each thing made; LocalError when the connection lacks a right.
    """
    roles = roles or Roles()
    with closing(connect(admin_url)) as admin:
        done = make_roles(admin, roles)
        if not _rows(admin, "SELECT 1 FROM pg_database WHERE datname = %s", database):
            _run(
                admin, "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'", database, roles.owner
            )
            done.append(f"made database {database}")
    with closing(connect(admin_url, database=database)) as inside:
        grant_roles(inside, roles)
        done += heal(inside, roles)
    return done


def heal(connection: Any, roles: Roles) -> list[str]:
    """Give back what a restored dump without owners or grants lacks; a sentence for each kind of thing mended.

    Tables and sequences of the schema get their owner, and the application its rights on all but the log's.
    """
    done = []
    strays = _rows(
        connection,
        "SELECT c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v') AND pg_get_userbyid(c.relowner) <> %s",
        roles.owner,
    )
    for name, kind in strays:
        _run(
            connection,
            f"ALTER {'VIEW' if kind == 'v' else 'TABLE'} public.{{}} OWNER TO {{}}",
            name,
            roles.owner,
        )
    functions = _rows(
        connection,
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND pg_get_userbyid(p.proowner) <> %s"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
        roles.owner,
    )
    for (signature,) in functions:  # as the server itself writes it, quoted where needed
        _run(connection, f"ALTER FUNCTION {signature} OWNER TO {{}}", roles.owner)
    if strays or functions:
        done.append(f"gave {len(strays)} tables and {len(functions)} functions to {roles.owner}")
    if roles.app == roles.owner:
        return done
    bare = _rows(
        connection,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT starts_with(c.relname, 'audit_')"
        " AND NOT has_table_privilege(%s, c.oid, 'SELECT')",
        roles.app,
    )
    for (name,) in bare:
        _run(connection, "GRANT SELECT, INSERT, UPDATE, DELETE ON public.{} TO {}", name, roles.app)
    if bare:
        sequences = _rows(
            connection,
            "SELECT sequencename FROM pg_sequences"
            " WHERE schemaname = 'public' AND NOT starts_with(sequencename, 'audit_')",
        )
        for (name,) in sequences:
            _run(connection, "GRANT USAGE, SELECT ON SEQUENCE public.{} TO {}", name, roles.app)
        done.append(
            f"gave {roles.app} its rights on {len(bare)} tables; those of the log come with manage.py prepare"
        )
    return done


def make_roles(connection: Any, roles: Roles | None = None) -> list[str]:
    """Make the roles that are missing; they can log in and are nothing special. Returns what was made."""
    roles = roles or Roles()
    done = []
    for name in roles.names:
        if not _rows(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", name):
            _run(connection, "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE", name)
            done.append(f"made role {name}")
        if name in roles.passwords:
            _run(connection, "ALTER ROLE {} PASSWORD %s", name, values=(roles.passwords[name],))
    return done


def grant_roles(connection: Any, roles: Roles | None = None) -> None:
    """In the connected database: close it to PUBLIC, and say what the roles may do on the owner's tables.

    ``connection`` is a psycopg2 connection with autocommit, of a superuser or of the owner itself.
    """
    roles = roles or Roles()
    database = _rows(connection, "SELECT current_database()")[0][0]
    _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _run(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    _run(connection, "GRANT ALL ON SCHEMA public TO {}", roles.owner)
    for name in roles.names:
        _run(connection, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", database, name)
        _run(connection, "GRANT USAGE ON SCHEMA public TO {}", name)
    if roles.app == roles.owner:
        return
    later = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT "
    _run(connection, later + "SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}", roles.owner, roles.app)
    _run(connection, later + "USAGE, SELECT ON SEQUENCES TO {}", roles.owner, roles.app)


def from_urls(app_url: str, owner_url: str, sequencer_url: str) -> tuple[str, Roles]:
    """(database, roles with their passwords) as three connection URLs of one database name them."""
    from psycopg2.extensions import parse_dsn

    parts = [parse_dsn(url) for url in (app_url, owner_url, sequencer_url)]
    databases = {part.get("dbname") for part in parts}
    names = [part.get("user") for part in parts]
    if len(databases) != 1 or None in databases or None in names:
        raise LocalError("The three database URLs must each name a user and all name the same database.")
    passwords = {str(part["user"]): str(part["password"]) for part in parts if part.get("password")}
    app, owner, sequencer = map(str, names)
    return str(databases.pop()), Roles(owner=owner, app=app, sequencer=sequencer, passwords=passwords)


def connect(url: str, *, database: str | None = None) -> Any:
    """An autocommit connection, to ``database`` instead of the one that the URL names if given."""
    import psycopg2  # not at the top: this room is imported before any package is installed

    connection = psycopg2.connect(psycopg2.extensions.make_dsn(url, dbname=database))
    connection.autocommit = True
    return connection


def _rows(connection: Any, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _run(connection: Any, statement: str, *names: str, values: tuple[str, ...] | None = None) -> None:
    """Run a statement in which each ``{}`` stands for an identifier."""
    from psycopg2 import errors, sql

    composed = sql.SQL(statement).format(*map(sql.Identifier, names))
    try:
        with connection.cursor() as cursor:
            cursor.execute(composed, values)
    except errors.InsufficientPrivilege as error:
        raise LocalError(
            f"This connection may not run: {statement.format(*names)} ({str(error).strip()}). "
            "Give a connection that may, or ask the server's administrator to run it."
        ) from None
