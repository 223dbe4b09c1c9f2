"""Facts about a request that several doors need."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The caller's address; X-Forwarded-For counts only behind proxies that are declared trusted.

    Each proxy appends whom it was asked by. With n trusted ones the n-th entry from the end was written by the
    outermost of them; everything before it is the caller's own word.

    Of an IPv6 address the network of 64 bits: whoever has one address there has all of them.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.ASSENT_TRUST_PROXY:
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        if hops:
            # Fewer entries than proxies: an inner one was asked directly, and wrote the first of them.
            address = hops[-min(settings.ASSENT_TRUST_PROXY, len(hops))]
    return _network(address)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))
