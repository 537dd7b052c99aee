"""What the kernel tells of links, addresses and routes (rtnetlink(7)): a parser, and the state that it adds up to.

Bytes in, values out; the socket is in :mod:`offhook.engine.network`. Numbers are in the machine's own byte order.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")
RTM_NEWLINK, RTM_DELLINK = 16, 17
RTM_NEWADDR, RTM_DELADDR = 20, 21
RTM_NEWROUTE, RTM_DELROUTE = 24, 25
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
NLM_F_REQUEST, NLM_F_DUMP = 0x01, 0x300
GROUPS = 0x1 | 0x10 | 0x100 | 0x40 | 0x400  # RTMGRP_LINK, IPV4_IFADDR, IPV6_IFADDR, IPV4_ROUTE, IPV6_ROUTE

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 4, 5, 6
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_NOT_USABLE = 0x08 | 0x40  # IFA_F_DADFAILED, IFA_F_TENTATIVE: nothing can be bound to it yet
_SCOPE_HOST, _TABLE_MAIN, _TYPE_UNICAST = 254, 254, 1


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface; ``up``: it can carry something now."""

    index: int
    up: bool
    loopback: bool
    gone: bool


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of ours on one interface; one that cannot be bound to yet counts as ``gone``."""

    index: int
    ip: str
    gone: bool


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """The way to everywhere else, through ``gateway`` (empty: the link itself) on an interface."""

    index: int
    family: int
    gateway: str
    priority: int
    gone: bool


Change = Link | InterfaceAddress | DefaultRoute


def dump_request(kind: int) -> bytes:
    """Return the message that asks for all links, addresses or routes."""
    return _HEADER.pack(_HEADER.size + 16, kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + bytes(16)


def parse_netlink(data: bytes) -> Iterator[Change]:
    """Yield what a datagram of the kernel says; what is cut short or unknown is passed over, nothing is raised."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            return
        change = _change(kind, data[at + _HEADER.size : at + length])
        if change is not None:
            yield change
        at += (length + 3) & ~3


def _change(kind: int, body: bytes) -> Change | None:
    if kind in (RTM_NEWLINK, RTM_DELLINK) and len(body) >= _LINK.size:
        return _link(body, kind == RTM_DELLINK)
    if kind in (RTM_NEWADDR, RTM_DELADDR) and len(body) >= _ADDRESS.size:
        return _address(body, kind == RTM_DELADDR)
    if kind in (RTM_NEWROUTE, RTM_DELROUTE) and len(body) >= _ROUTE.size:
        return _route(body, kind == RTM_DELROUTE)
    return None


def _link(body: bytes, gone: bool) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(body)
    up = bool(flags & _IFF_UP and flags & _IFF_RUNNING)
    return Link(index, up and not gone, bool(flags & _IFF_LOOPBACK), gone)


def _address(body: bytes, gone: bool) -> InterfaceAddress | None:
    family, _, flags, scope, index = _ADDRESS.unpack_from(body)
    attributes = _attributes(body[_ADDRESS.size :])
    # On a point-to-point link IFA_ADDRESS is the other side's.
    ip = _ip(family, attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS, b""))
    if not ip or scope == _SCOPE_HOST:
        return None
    flags = _number(attributes.get(_IFA_FLAGS, b"")) or flags
    return InterfaceAddress(index, ip, gone or bool(flags & _NOT_USABLE))


def _route(body: bytes, gone: bool) -> DefaultRoute | None:
    family, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    if prefix or table != _TABLE_MAIN or kind != _TYPE_UNICAST:
        return None
    attributes = _attributes(body[_ROUTE.size :])
    gateway = _ip(family, attributes.get(_RTA_GATEWAY, b""))
    index, priority = (_number(attributes.get(key, b"")) for key in (_RTA_OIF, _RTA_PRIORITY))
    return DefaultRoute(index, family, gateway, priority, gone)


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            break
        found[kind & 0x3FFF] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _ip(family: int, data: bytes) -> str:
    if (family, len(data)) in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        return socket.inet_ntop(family, data)
    return ""


def _number(data: bytes) -> int:
    return int(struct.unpack("=I", data)[0]) if len(data) == 4 else 0


class NetworkState:
    """Links, addresses and default routes as they are now, loopback apart."""

    def __init__(self) -> None:
        self._loopback: set[int] = set()
        self._up: set[int] = set()
        self._addresses: set[tuple[int, str]] = set()
        self._routes: set[tuple[int, int, str, int]] = set()

    @property
    def addresses(self) -> frozenset[str]:
        """Every address of this device that can be bound to."""
        return frozenset(ip for _, ip in self._addresses)

    @property
    def connected(self) -> bool:
        """Whether a link is up that has an address."""
        return any(index in self._up for index, _ in self._addresses)

    def apply(self, change: Change) -> bool:
        """Take one change; return whether anything is different now. Repetitions (a lease renewed) are not."""
        match change:
            case Link(index, up, loopback, gone):
                return self._apply_link(index, up, loopback, gone)
            case InterfaceAddress(index, ip, gone):
                return index not in self._loopback and _put(self._addresses, (index, ip), not gone)
            case DefaultRoute(index, family, gateway, priority, gone):
                return _put(self._routes, (index, family, gateway, priority), not gone)

    def _apply_link(self, index: int, up: bool, loopback: bool, gone: bool) -> bool:
        if loopback:
            self._loopback.add(index)
            self._addresses = {row for row in self._addresses if row[0] != index}
            return False
        changed = _put(self._up, index, up)
        if gone:
            self._addresses = {row for row in self._addresses if row[0] != index}
            self._routes = {row for row in self._routes if row[0] != index}
        elif not up:
            # The kernel drops IPv4 routes of a link that goes down without a message for each.
            self._routes = {row for row in self._routes if row[0] != index}
        return changed


def _put(members: set[_T], member: _T, there: bool) -> bool:
    before = member in members
    if there:
        members.add(member)
    else:
        members.discard(member)
    return before is not there
