"""The guarded download: addresses as pure rules, then real connections with a name service of our own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from adapters.backends import http
from adapters.backends.download import (
    Fetcher,
    Hosts,
    UnusableError,
    admit,
    download,
    fetch_all,
    is_public,
    parse_hosts,
    resolve,
)
from adapters.backends.limits import Budget, Room
from bot.errors import Down
from tests.standins.providers import Gallery, png
from tests.standins.wire import Reply, Server

TLS = Path(__file__).parents[1] / "standins" / "tls"
PNG = png()

NOT_PUBLIC = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:808:808::", "2001::1", "2001:db8::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "ff0e::1", "100::1",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_s10_an_address_that_is_not_on_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])
def test_an_address_that_is(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_s10_a_mapped_address_is_as_public_as_the_one_it_maps(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert not is_public(f"64:ff9b::{address}")


HOSTS = parse_hosts(["CDN.example.com", "127.0.0.1:9000", "[::1]:9001", "secure.example.com:443"])


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://cdn.example.com/x", False),
        ("https://cdn.example.com:443/x", False),
        ("https://cdn.example.com./x", False),
        ("http://127.0.0.1:9000/x", True),
        ("https://127.0.0.1:9000/x", True),
        ("http://[::1]:9001/x", True),
        ("https://secure.example.com/x", True),
    ],
)
def test_a_listed_host_is_admitted(url: str, private: bool) -> None:
    assert admit(httpx.URL(url), HOSTS) is private


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example.com/x",
        "https://cdn.example.com:8443/x",
        "https://other.example.com/x",
        "https://cdn.example.com.evil.org/x",
        "https://evil.org/?cdn.example.com",
        "https://cdn.example.com@evil.org/",
        "https://user@cdn.example.com/x",
        "http://127.0.0.1:9001/x",
        "http://127.0.0.1/x",
        "ftp://127.0.0.1:9000/x",
        "file:///etc/passwd",
        "/x",
    ],
)
def test_s10_with_image_hosts_only_those_are_admitted(url: str) -> None:
    with pytest.raises(UnusableError):
        admit(httpx.URL(url), HOSTS)


def test_without_image_hosts_any_https_host_is_admitted_and_must_be_public() -> None:
    assert admit(httpx.URL("https://anything.example.org:8443/x"), Hosts()) is False
    with pytest.raises(UnusableError):
        admit(httpx.URL("http://anything.example.org/x"), Hosts())


# -- over sockets


@pytest.fixture(autouse=True)
def _retry_without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class Names:
    """A name service that remembers what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    gallery = Gallery()
    gallery.put(PNG)
    async with Server(gallery.answer, context) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    trusted = ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
    async with http.client(keep_alive=False, verify=trusted) as made:
        yield made


async def fetch(fetcher: Fetcher, url: str) -> bytes:
    deadline = asyncio.get_running_loop().time() + 20
    return await download(fetcher, url, deadline=deadline, room=Room(Budget()))


def listed(*hosts: tuple[str, int]) -> Hosts:
    return Hosts(frozenset(hosts))


async def test_s10_the_connection_goes_to_the_checked_address_under_the_hosts_name(
    server: Server, client: httpx.AsyncClient
) -> None:
    """Rebinding: a second lookup would lead elsewhere, and there is none."""
    names = Names(["127.0.0.1"], ["203.0.113.9"])
    fetcher = Fetcher(client, listed(("images.example.com", server.port)), names)
    assert await fetch(fetcher, f"https://images.example.com:{server.port}/picture/0.png") == PNG
    assert names.asked == ["images.example.com"]
    assert server.names == ["images.example.com"]
    assert server.heard[0].headers["host"] == f"images.example.com:{server.port}"


async def test_a_certificate_of_another_name_is_refused(server: Server, client: httpx.AsyncClient) -> None:
    fetcher = Fetcher(client, listed(("other.example.com", server.port)), Names(["127.0.0.1"]))
    with pytest.raises(Down):
        await fetch(fetcher, f"https://other.example.com:{server.port}/picture/0.png")
    assert not server.heard


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1", "8.8.8.8"], []])
async def test_s10_a_name_with_one_private_address_is_not_connected_to(
    server: Server, client: httpx.AsyncClient, addresses: list[str]
) -> None:
    fetcher = Fetcher(client, Hosts(), Names(addresses))
    with pytest.raises(UnusableError):
        await fetch(fetcher, f"https://images.example.com:{server.port}/picture/0.png")
    assert not server.heard


async def test_the_next_address_is_tried_where_the_first_refuses(server: Server, client: httpx.AsyncClient) -> None:
    fetcher = Fetcher(client, listed(("images.example.com", server.port)), Names(["127.9.9.9", "127.0.0.1"]))
    assert await fetch(fetcher, f"https://images.example.com:{server.port}/picture/0.png") == PNG


async def test_s11_a_redirect_from_https_to_a_plain_private_host_is_refused(
    server: Server, client: httpx.AsyncClient
) -> None:
    server.script(Reply(302, b"", {"Location": f"http://127.0.0.1:{server.port}/picture/0.png"}))
    fetcher = Fetcher(client, listed(("images.example.com", server.port)), Names(["127.0.0.1"]))
    with pytest.raises(UnusableError):
        await fetch(fetcher, f"https://images.example.com:{server.port}/start")
    assert len(server.heard) == 1


async def test_trouble_that_may_pass_is_what_a_failed_set_reports(server: Server, client: httpx.AsyncClient) -> None:
    fetcher = Fetcher(client, listed(("images.example.com", server.port)), Names(["127.0.0.1"]))
    server.always(Reply(503))
    urls = ["https://elsewhere.example.com/x", f"https://images.example.com:{server.port}/x"]
    with pytest.raises(Down) as caught:
        await fetch_all(fetcher, urls, deadline=asyncio.get_running_loop().time() + 3, room=Room(Budget()))
    assert not isinstance(caught.value, UnusableError)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "localhost"])
async def test_s10_however_loopback_is_spelt_its_address_tells(host: str) -> None:
    assert not any(is_public(address) for address in await resolve(host, 443))
