"""Telling an outage from a failure: work interrupted by an outage is not failed, it is repeated.

The row is left as it is; its heartbeat ends, and the reaper queues it again (so often, not for ever).
"""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

# A connection cut in the middle of a result comes as the bare base class, whose subclasses (a broken
# constraint, a wrong statement) are faults of ours and would only fail again.
_OUTAGES = (OperationalError, InterfaceError, RedisConnectionError, RedisTimeoutError)


def is_outage(error: Exception) -> bool:
    """Whether the database or the broker went away, rather than the work being impossible."""
    return isinstance(error, _OUTAGES) or type(error) is DatabaseError
