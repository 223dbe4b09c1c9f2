"""Where a webhook may go: a public HTTPS address, looked up once and then held to.

An address is refused unless it is one of the open network's own (IANA's special-purpose registries, as `ipaddress` has
them); of an IPv6 address that only carries an IPv4 one (mapped, NAT64, 6to4, Teredo) the carried one is judged as well.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from synth.errors import AssentError

MAX_URL = 2000
_CLOSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10",
        "168.63.129.16/32",
    )
)  # fmt: skip
"""Not the open network's though some `ipaddress` calls them so; the last is public, and answers inside one cloud."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """The name has no address (``name_unknown``), or one that webhooks do not go to (``address_forbidden``)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def checked_url(url: str, *, anywhere: bool = False) -> str:
    """``url``, if a webhook may have it. ``anywhere`` is for development: http and private addresses too.

    Names are looked up when something is sent, not here. Raises AssentError ``webhook_url_invalid``,
    ``webhook_address_forbidden``.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        raise _invalid("It is no address.") from None
    schemes = ("https", "http") if anywhere else ("https",)
    if len(url) > MAX_URL:
        raise _invalid(f"It has more than {MAX_URL} characters.")
    if not url.isascii() or any(character.isspace() or not character.isprintable() for character in url):
        raise _invalid("Write it in ASCII, without blanks.")
    if parts.scheme not in schemes or not parts.hostname:
        raise _invalid("It has to begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None or parts.fragment or "\\" in url:
        raise _invalid("It may have neither a user nor a fragment.")
    if not anywhere:
        _refuse_literal(parts)
    return url


def resolve(host: str, port: int, *, anywhere: bool = False) -> list[str]:
    """The addresses that ``host`` has now, to be connected to as they are. Raises `Unreachable`.

    One forbidden address among several forbids all: a name that points both ways is made to deceive.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise Unreachable("name_unknown") from None
    addresses = [str(row[4][0]) for row in found]
    if not addresses:
        raise Unreachable("name_unknown")
    if not anywhere and not all(is_public(address) for address in addresses):
        raise Unreachable("address_forbidden")
    return list(dict.fromkeys(addresses))


def is_public(text: str) -> bool:
    """Whether an address, as `socket.getaddrinfo` writes it, is one of the open network's."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # such as one with a zone, which is local
    return all(_is_open(one) for one in (address, *_carried(address)))


def _is_open(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return True  # nothing but what it carries
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _CLOSED)
    )


def _carried(address: IPAddress) -> list[IPAddress]:
    """IPv4 addresses that packets to this IPv6 address may be sent on to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    carried: list[IPAddress | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in carried if one is not None]


def _refuse_literal(parts: SplitResult) -> None:
    """Refuse a forbidden address written as a number, in any spelling that the system reads (127.1, 0x7f000001)."""
    try:
        found = socket.getaddrinfo(parts.hostname, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        host = str(parts.hostname).rstrip(".").lower()
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise _forbidden() from None
        return
    if not all(is_public(str(row[4][0])) for row in found):
        raise _forbidden()


def _invalid(why: str) -> AssentError:
    return AssentError(
        "webhook_url_invalid", f"This address cannot be used. {why}", limit=MAX_URL, extra={"param": "url"}
    )


def _forbidden() -> AssentError:
    return AssentError(
        "webhook_address_forbidden",
        "Webhooks go to public addresses only, not to this network or machine.",
        extra={"param": "url"},
    )
