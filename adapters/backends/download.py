"""Fetching a picture from an address that somebody else named, without being led anywhere else.

The host is looked up once, every address it has must be public, and the connection goes to one of those very
addresses, with the host's name in TLS and in ``Host``. Only an entry ``host:port`` of ``image_hosts`` may be plain http
or private.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import stamina

from adapters.backends import http
from adapters.backends.limits import TURNS, Room
from bot.errors import Down

REDIRECTS = 2
#: IPv6 ranges that lead somewhere else than they say (NAT64, Teredo, 6to4) or to a documentation page.
DETOURS = tuple(
    ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2001:db8::/32", "2002::/16")
)
UNICAST = ipaddress.IPv6Network("2000::/3")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class UnusableError(Down):
    """What this url leads to is no picture of ours and never will be. Its picture was paid for all the same."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, maybe_charged=True)


@dataclass(frozen=True, slots=True)
class Hosts:
    """``image_hosts``: ``listed`` with a port may be plain http or private, ``named`` without one may not."""

    listed: frozenset[tuple[str, int]] = frozenset()
    named: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.listed or self.named)


@dataclass(frozen=True, slots=True)
class Fetcher:
    client: httpx.AsyncClient  #: without keep-alive: a connection is never used again under another name
    hosts: Hosts
    resolve: Resolve


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def fetcher(image_hosts: Iterable[str]) -> Fetcher:
    return Fetcher(http.client(keep_alive=False), parse_hosts(image_hosts), resolve)


def parse_hosts(entries: Iterable[str]) -> Hosts:
    """Raises ValueError for an entry that is neither ``host`` nor ``host:port``."""
    listed, named = set(), set()
    for entry in entries:
        parts = urlsplit(f"//{entry.strip()}")
        if not parts.hostname or parts.path or parts.query or parts.username is not None:
            raise ValueError(f"{entry!r} is neither a host nor host:port")
        if parts.port is None:
            named.add(parts.hostname)
        else:
            listed.add((parts.hostname, parts.port))
    return Hosts(frozenset(listed), frozenset(named))


async def fetch_all(fetcher: Fetcher, urls: Sequence[str], *, deadline: float, room: Room) -> list[bytes]:
    """The good pictures, in order. Raises Down where none is: UnusableError only if asking again is of no use."""
    outcomes = await asyncio.gather(*(_outcome(fetcher, url, deadline, room) for url in urls))
    pictures = [outcome for outcome in outcomes if isinstance(outcome, bytes)]
    errors = [outcome for outcome in outcomes if isinstance(outcome, Down)]
    if errors and not pictures:
        raise next((error for error in errors if not isinstance(error, UnusableError)), errors[0])
    return pictures


async def _outcome(fetcher: Fetcher, url: str, deadline: float, room: Room) -> bytes | Down:
    try:
        return await download(fetcher, url, deadline=deadline, room=room)
    except Down as error:
        return error


async def download(fetcher: Fetcher, url: str, *, deadline: float, room: Room) -> bytes:
    """One picture. A get charges nothing, so what may pass is tried again. Raises Down, UnusableError."""
    patience = max(0.01, deadline - asyncio.get_running_loop().time())
    try:
        async with asyncio.timeout_at(deadline):
            async for attempt in stamina.retry_context(
                on=_may_pass, attempts=http.ATTEMPTS, timeout=patience, wait_initial=0.2, wait_max=2.0, wait_jitter=0.3
            ):
                with attempt:
                    return await _follow(fetcher, url, room)
    except http.UnreadableError as error:
        raise UnusableError(str(error)) from error
    except TimeoutError as error:
        raise Down("the picture did not arrive in time", maybe_charged=True) from error
    except (httpx.HTTPError, OSError) as error:
        raise Down(f"the picture did not arrive: {type(error).__name__}", maybe_charged=True) from error
    raise AssertionError


def _may_pass(error: Exception) -> bool:
    return isinstance(error, httpx.HTTPError | OSError)


async def _follow(fetcher: Fetcher, url: str, room: Room) -> bytes:
    for _ in range(REDIRECTS + 1):
        response = await _open(fetcher, url)
        try:
            if response.is_success:
                body = await http.read(response, cap=http.PICTURE_CAP, room=room)
                if complaint := http.picture_complaint(body):
                    raise UnusableError(complaint)
                return body
            url = _next_url(url, response)
        finally:
            await response.aclose()
    raise UnusableError(f"more than {REDIRECTS} redirects")


def _next_url(url: str, response: httpx.Response) -> str:
    status = response.status_code
    if response.has_redirect_location:
        with suppress(httpx.InvalidURL):
            return str(httpx.URL(url).join(response.headers["location"]))
    if status >= 500 or status in {408, 425, 429}:
        raise httpx.RemoteProtocolError(f"status {status}")
    raise UnusableError(f"the picture's host answers {status}")


async def _open(fetcher: Fetcher, address: str) -> httpx.Response:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise UnusableError("the picture's url is none") from error
    private = admit(url, fetcher.hosts)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        addresses = await fetcher.resolve(url.host, port)
    except UnicodeError as error:
        raise UnusableError("the picture's host is no host name") from error
    if not addresses or not (private or all(is_public(one) for one in addresses)):
        raise UnusableError(f"{url.host} is not on the public internet")
    return await _connect(fetcher.client, url, addresses)


async def _connect(client: httpx.AsyncClient, url: httpx.URL, addresses: Sequence[str]) -> httpx.Response:
    await TURNS.turn()
    for place, address in enumerate(addresses, 1):
        request = client.build_request(
            "GET",
            url.copy_with(host=address.partition("%")[0]),
            headers={"Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.raw_host.decode("ascii").strip("[]")},
        )
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if place == len(addresses):
                raise
    raise AssertionError


def admit(url: httpx.URL, hosts: Hosts) -> bool:
    """Whether ``url`` may be plain http and lead to a private address. Raises UnusableError where it is not allowed."""
    port = url.port or {"https": 443, "http": 80}.get(url.scheme, 0)
    host = url.host.rstrip(".").lower()
    if not host or url.userinfo or url.scheme not in {"http", "https"}:
        raise UnusableError("the picture's url is no plain web address")
    if (host, port) in hosts.listed:
        return True
    if url.scheme != "https":
        raise UnusableError(f"the picture's url at {host} is not https")
    if hosts and not (host in hosts.named and port == 443):
        raise UnusableError(f"{host}:{port} is not in image_hosts")
    return False


def is_public(address: str) -> bool:
    """Whether an IP address is an ordinary one of the public internet: nothing private, special or tunnelled."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if isinstance(ip, ipaddress.IPv6Address) and (ip not in UNICAST or any(ip in net for net in DETOURS)):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)
