"""Rate limits counted in Valkey, atomically, by `limits`: a moving window per subject, without a border at which twice
the rate passes."""

from __future__ import annotations

import hashlib
import logging
import time
from functools import lru_cache

import redis
from limits import parse
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from synth.common.wakeup import client
from synth.errors import TooMany

logger = logging.getLogger(__name__)


def check(*, action: str, subject: str, rate: str, times: int = 1) -> None:
    """Count one ``action`` of ``subject``, or ``times``; raises `TooMany` above ``rate`` ("20/minute").

    What is refused is not counted. The subject (an address, a key id) is stored only as a hash. With Valkey away the
    request passes: limits protect capacity, they are not an access rule.
    """
    limit = parse(rate)
    digest = hashlib.sha256(subject.encode()).hexdigest()[:24]
    try:
        limiter = _limiter(client())
        if limiter.hit(limit, action, digest, cost=times):
            return
        window = limiter.get_window_stats(limit, action, digest)
    except redis.RedisError:
        logger.warning("rate limit for %s was not counted", action)
        return
    raise TooMany(
        "rate_limited",
        f"At most {limit.amount} requests of this kind per {limit.GRANULARITY.name}.",
        measured=limit.amount - window.remaining + times,
        limit=limit.amount,
        retry_after_s=max(0.1, window.reset_time - time.time()),
    )


@lru_cache(maxsize=1)
def _limiter(connection: redis.Redis) -> MovingWindowRateLimiter:
    pool = connection.connection_pool
    return MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix="assent:rate"))
