"""What a database of one's own remembers of the keys, when the data folder beside it was lost."""

from __future__ import annotations

import os
from contextlib import closing

from synth.local.errors import LocalError
from synth.local.keys import MARK_KEY


def keys_of_database() -> dict[str, str]:
    """Name -> check value of the keys that the database of this environment was begun with.

    Empty where no database is configured (then it lies in the data folder), none was made yet, or one of a release
    that did not write it down. LocalError where the server does not answer: a key is not made on a guess.
    """
    url = database_url()
    if url is None:
        return {}
    import psycopg2
    from psycopg2.extensions import parse_dsn

    database = parse_dsn(os.environ.get("DATABASE_URL") or url).get("dbname")
    try:
        opened = psycopg2.connect(url, dbname=database, connect_timeout=10)
    except psycopg2.OperationalError as error:
        if "does not exist" in str(
            error
        ):  # the database, or its role: `manage.py roles` has not made them yet
            return {}
        raise LocalError(f"The database does not answer: {str(error).strip()}") from None
    with closing(opened), opened.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.watermark_masterkey')")
        row = cursor.fetchone()
        if row is None or row[0] is None:
            return {}
        cursor.execute("SELECT check_value FROM watermark_masterkey")
        row = cursor.fetchone()
        return {MARK_KEY: str(row[0])} if row else {}


def database_url() -> str | None:
    """The connection with the most rights that this environment names; None where it names no database."""
    names = ("DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
