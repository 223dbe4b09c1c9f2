"""The database and its three roles, for the embedded server, compose and a server of your own alike.

* ``assent_owner`` owns the database and its tables, and migrates.
* ``assent_app`` is what web and workers use: it reads and writes rows and cannot change the schema.
  (On the audit log the migrations leave it INSERT and SELECT only.)
* ``assent_sequencer`` gets what the audit migrations grant it, and nothing else.

Everything here may be run again at any time and changes only what differs. It never grants anything on
existing tables, because that would undo what the migrations revoked.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    done = ensure_roles(admin_url, roles)
    if _make_database(admin_url, database, roles.owner):
        done.append(f"made database {database}")
    grant_defaults(admin_url, database=database, roles=roles)
    return done


def ensure_roles(admin_url: str, roles: Roles | None = None) -> list[str]:
    """Make the roles that are missing; they can log in and are nothing special. Returns what was made."""
    roles = roles or Roles()
    done = []
    with _Session(admin_url) as session:
        for name in roles.names:
            if not session.rows("SELECT 1 FROM pg_roles WHERE rolname = %s", name):
                session.run("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE", name)
                done.append(f"made role {name}")
            if name in roles.passwords:
                session.run("ALTER ROLE {} PASSWORD %s", name, values=(roles.passwords[name],))
    return done


def grant_defaults(admin_url: str, *, database: str = DATABASE, roles: Roles | None = None) -> None:
    """In ``database``: close it to PUBLIC, and say what the app may do on tables the owner makes later."""
    roles = roles or Roles()
    with _Session(admin_url, database=database) as session:
        session.run("REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
        session.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        session.run("GRANT ALL ON SCHEMA public TO {}", roles.owner)
        for name in roles.names:
            session.run("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", database, name)
            session.run("GRANT USAGE ON SCHEMA public TO {}", name)
        if roles.app == roles.owner:
            return
        defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT "
        session.run(defaults + "SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}", roles.owner, roles.app)
        session.run(defaults + "USAGE, SELECT ON SEQUENCES TO {}", roles.owner, roles.app)


def _make_database(admin_url: str, database: str, owner: str) -> bool:
    with _Session(admin_url) as session:
        if session.rows("SELECT 1 FROM pg_database WHERE datname = %s", database):
            return False
        session.run("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'", database, owner)
        return True


class _Session:
    """An autocommit connection; ``{}`` in a statement stands for quoted identifiers."""

    def __init__(self, url: str, *, database: str | None = None) -> None:
        import psycopg2  # not at the top: this room is imported before any package is installed

        self._psycopg2 = psycopg2
        self._connection = psycopg2.connect(psycopg2.extensions.make_dsn(url, dbname=database))
        self._connection.autocommit = True

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def run(self, statement: str, *names: str, values: tuple[str, ...] = ()) -> None:
        from psycopg2 import sql

        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(composed, values or None)
        except self._psycopg2.errors.InsufficientPrivilege as error:
            raise LocalError(
                f"The connection may not run: {statement.format(*names)} ({str(error).strip()}). "
                "Give a connection that may make roles, or make them by hand."
            ) from None
