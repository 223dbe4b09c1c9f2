"""One database, three roles: the application, the owner of the tables, the log's sequencer.

`default` may insert and read the log, nothing more; `owner` migrates; `sequencer` builds the tree.
With only DATABASE_URL given all three are the same role, and `doctor` says what that leaves unprotected.
"""

from __future__ import annotations

from typing import Any

import dj_database_url

from synth.conf.env import read


def _database(url: str) -> dict[str, Any]:
    # Under ASGI a connection that outlives its request is a leak: none is kept (CONN_MAX_AGE=0).
    return {**dj_database_url.parse(url, conn_max_age=0), "ATOMIC_REQUESTS": False}


_DEFAULT_URL = read("DATABASE_URL") or "postgres://assent_app@localhost/assent"

DATABASES = {
    "default": _database(_DEFAULT_URL),
    "owner": _database(read("DATABASE_OWNER_URL") or _DEFAULT_URL),
    "sequencer": _database(read("DATABASE_SEQUENCER_URL") or _DEFAULT_URL),
}
