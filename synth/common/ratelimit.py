"""Rate limits counted in Valkey, atomically: a fixed window per subject."""

from __future__ import annotations

import hashlib
import logging
import time

import redis

from synth.common.wakeup import client
from synth.errors import TooMany

logger = logging.getLogger(__name__)
_PERIODS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def check(*, action: str, subject: str, rate: str, times: int = 1) -> None:
    """Count one ``action`` of ``subject``, or ``times``; raises `TooMany` above ``rate`` ("20/minute").

    The subject (an address, a key id) is stored only as a hash. With Valkey away the request passes:
    limits protect capacity, they are not an access rule.
    """
    allowed, period = rate.split("/")
    period_s = _PERIODS_S[period]
    window = int(time.time()) // period_s
    digest = hashlib.sha256(subject.encode()).hexdigest()[:24]
    key = f"assent:rate:{action}:{digest}:{window}"
    try:
        pipeline = client().pipeline(transaction=True)
        pipeline.incrby(key, times)
        pipeline.expire(key, period_s + 1)
        count = pipeline.execute()[0]
    except redis.RedisError:
        logger.warning("rate limit for %s was not counted", action)
        return
    if count > int(allowed):
        raise TooMany(
            "rate_limited",
            f"At most {allowed} requests of this kind per {period}.",
            measured=count,
            limit=int(allowed),
            retry_after_s=period_s - time.time() % period_s,
        )
