"""What the kernel tells of the network: the parser on bytes, the state that they add up to."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.netlink import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    Change,
    DefaultRoute,
    InterfaceAddress,
    Link,
    NetworkState,
    dump_request,
    parse_netlink,
)

UP, LOOPBACK, RUNNING = 0x1, 0x8, 0x40
TENTATIVE = 0x40


def message(kind: int, body: bytes) -> bytes:
    """One netlink message, padded as the kernel does."""
    data = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
    return data + bytes(-len(data) % 4)


def attribute(kind: int, data: bytes) -> bytes:
    row = struct.pack("=HH", 4 + len(data), kind) + data
    return row + bytes(-len(row) % 4)


def link(index: int, flags: int, kind: int = RTM_NEWLINK) -> bytes:
    return message(kind, struct.pack("=BxHiII", 0, 1, index, flags, 0) + attribute(3, b"eth0\0"))


def address(index: int, ip: str, kind: int = RTM_NEWADDR, flags: int = 0, peer: str = "") -> bytes:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    rows = attribute(1, socket.inet_pton(family, peer or ip)) + attribute(2, socket.inet_pton(family, ip))
    rows += attribute(8, struct.pack("=I", flags))
    return message(kind, struct.pack("=BBBBI", family, 24, flags & 0xFF, 0, index) + rows)


def route(index: int, gateway: str, kind: int = RTM_NEWROUTE, prefix: int = 0, table: int = 254) -> bytes:
    head = struct.pack("=BBBBBBBBI", socket.AF_INET, prefix, 0, 0, table, 3, 0, 1, 0)
    rows = attribute(5, socket.inet_aton(gateway)) + attribute(4, struct.pack("=I", index))
    return message(kind, head + rows)


def changes(*messages: bytes) -> list[Change]:
    return list(parse_netlink(b"".join(messages)))


def state_after(*messages: bytes) -> NetworkState:
    state = NetworkState()
    for change in changes(*messages):
        state.apply(change)
    return state


def test_links_addresses_and_default_routes_are_read() -> None:
    assert changes(link(2, UP | RUNNING), link(1, UP | LOOPBACK | RUNNING)) == [
        Link(2, True, False, False),
        Link(1, True, True, False),
    ]
    assert changes(address(2, "192.0.2.7"), address(2, "2001:db8::7", RTM_DELADDR)) == [
        InterfaceAddress(2, "192.0.2.7", False),
        InterfaceAddress(2, "2001:db8::7", True),
    ]
    assert changes(route(2, "192.0.2.1")) == [DefaultRoute(2, socket.AF_INET, "192.0.2.1", 0, False)]


def test_a_link_without_carrier_is_down() -> None:
    assert changes(link(2, UP)) == [Link(2, False, False, False)]
    assert changes(link(2, UP | RUNNING, RTM_DELLINK)) == [Link(2, False, False, True)]


def test_on_a_point_to_point_link_our_own_address_counts() -> None:
    assert changes(address(4, "10.0.0.2", peer="10.0.0.1")) == [InterfaceAddress(4, "10.0.0.2", False)]


def test_an_address_that_cannot_be_bound_to_yet_is_not_there() -> None:
    state = state_after(link(2, UP | RUNNING), address(2, "2001:db8::7", flags=TENTATIVE))
    assert not state.addresses
    assert [state.apply(change) for change in changes(address(2, "2001:db8::7"))] == [True]
    assert state.addresses == {"2001:db8::7"}


def test_only_default_routes_of_the_main_table_count() -> None:
    assert changes(route(2, "192.0.2.1", prefix=24), route(2, "192.0.2.1", table=255)) == []


def test_what_is_said_again_is_no_change() -> None:
    rows = (link(2, UP | RUNNING), address(2, "192.0.2.7"), route(2, "192.0.2.1"))
    state = state_after(*rows)
    assert not any(state.apply(change) for change in changes(*rows))
    assert state.apply(changes(route(2, "192.0.2.1", RTM_DELROUTE))[0])
    assert state.connected


def test_loopback_is_no_network() -> None:
    state = state_after(address(1, "127.0.0.1"), link(1, UP | LOOPBACK | RUNNING))
    assert not state.addresses
    assert not state.connected
    assert not state.apply(changes(address(1, "127.0.0.2"))[0])


def test_a_link_that_goes_takes_its_routes_and_one_that_is_removed_its_addresses() -> None:
    rows = (link(2, UP | RUNNING), address(2, "192.0.2.7"), route(2, "192.0.2.1"))
    state = state_after(*rows, link(2, UP))
    assert not state.connected
    assert state.addresses == {"192.0.2.7"}
    assert state.apply(changes(route(2, "192.0.2.1"))[0]), "the way is there anew"
    assert not state_after(*rows, link(2, 0, RTM_DELLINK)).addresses


def test_a_request_asks_for_everything_of_a_kind() -> None:
    length, kind, flags, _, _ = struct.unpack_from("=IHHII", dump_request(18))
    assert (length, kind, flags) == (len(dump_request(18)), 18, 0x301)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes) -> None:
    state = NetworkState()
    for change in parse_netlink(data):
        state.apply(change)


@given(
    st.lists(
        st.tuples(
            st.sampled_from((16, 17, 20, 21, 24, 25, 3)),
            st.binary(max_size=60),
            st.integers(0, 80),
        ),
        max_size=5,
    )
)
def test_messages_of_every_kind_with_any_bytes_in_them_are_taken(rows: list[tuple[int, bytes, int]]) -> None:
    data = b"".join(struct.pack("=IHHII", 16 + length, kind, 0, 0, 0) + body for kind, body, length in rows)
    state = NetworkState()
    for change in parse_netlink(data):
        state.apply(change)


@given(st.integers(0, 200))
def test_what_is_cut_short_is_passed_over(length: int) -> None:
    whole = link(2, UP | RUNNING) + address(2, "192.0.2.7") + route(2, "192.0.2.1")
    assert changes(whole[:length]) == changes(whole)[: len(changes(whole[:length]))]
