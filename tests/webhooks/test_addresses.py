"""Where webhooks do not go: this machine, its network, clouds' metadata, in every spelling; names that turn."""

from __future__ import annotations

import socket

import pytest

from synth.errors import AssentError
from synth.webhooks import addresses, sending

PUBLIC = "93.184.215.14"
FORBIDDEN = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "3fff::1", "5f00::1", "fec0::1", "192.0.0.8",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:7f00:1::1", "100::1", "not an address",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_address_of_ours_or_of_nobody(address):
    assert not addresses.is_public(address)


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_open_network(address):
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "017700000001", "0", "[::1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "2852039166", "[fd00:ec2::254]", "10.0.0.8",
        "localhost", "LOCALHOST.", "metadata.google.internal", "printer.local", "a.localhost",
    ],
)  # fmt: skip
def test_a_forbidden_address_is_refused_when_it_is_written(host):
    with pytest.raises(AssentError) as refused:
        addresses.checked_url(f"https://{host}/hook")
    assert refused.value.code == "webhook_address_forbidden"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https:///path", "//example.org", "javascript:1",
        "https://user:word@example.org/", "https://user@example.org/", "https://example.org/#here",
        "https://example.org:99999/", "https://example.org:x/", "https://exam ple.org/", "https://example.org/\n",
        "https://example.org\\@evil.example/", "https://exämple.org/", "https://[::1", "https://" + "a" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_address_for_webhooks(url):
    with pytest.raises(AssentError) as refused:
        addresses.checked_url(url)
    assert refused.value.code == "webhook_url_invalid"


def test_what_is_one():
    for url in ("https://example.org/hook?a=b", "https://xn--exmple-cua.org:8443/x", f"https://{PUBLIC}/"):
        assert addresses.checked_url(url) == url


class Names:
    """A name server of the test's; each question for a name takes the next of its answers."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked, self.real = list(answers), 0, socket.getaddrinfo

    def __call__(self, host, port, *args, **kwargs):
        if host != "hooks.example":
            return self.real(host, port, *args, **kwargs)
        self.asked += 1
        found = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


@pytest.fixture
def connected(monkeypatch):
    """Addresses that were connected to; nothing leaves."""
    to = []

    def refuse(address, timeout=None, **kwargs):
        to.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    return to


def test_a_name_that_turns_after_it_was_judged_leads_nowhere_else(monkeypatch, connected):
    """DNS rebinding: the second answer is this machine, and nobody asks for it."""
    names = Names([PUBLIC], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    outcome = sending.post("https://hooks.example/", body=b"{}", headers={})
    assert outcome.error == "connection_failed"
    assert connected == [(PUBLIC, 443)] and names.asked == 1


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["169.254.169.254"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC]]
)
def test_a_name_with_a_forbidden_address_is_not_connected_to(monkeypatch, connected, found):
    monkeypatch.setattr(socket, "getaddrinfo", Names(found))
    assert sending.post("https://hooks.example/", body=b"{}", headers={}).error == "address_forbidden"
    assert connected == []


def test_a_name_without_an_address(monkeypatch, connected):
    monkeypatch.setattr(socket, "getaddrinfo", Names([]))
    assert sending.post("https://hooks.example/", body=b"{}", headers={}).error == "name_unknown"
