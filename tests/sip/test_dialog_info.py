"""What calls another phone has (:rfc:`4235`): the documents, and the table that they keep up to date."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import RemoteError
from offhook.sip.subscriptions.dialog_info import DialogTable, Taken, parse_dialog_info

BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="&b;"/>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="&a;"/>"""


def document(version: int, state: str, *dialogs: tuple[str, str, str]) -> bytes:
    inside = "".join(
        f'<dialog id="{name}" direction="{direction}" call-id="c"><state event="x">{word}</state>'
        f'<remote><identity display="Bob">sip:bob@pbx.test</identity><target uri="sip:b@10.0.0.1"/></remote></dialog>'
        for name, direction, word in dialogs
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="{state}" '
        f'entity="sip:1002@pbx.test">{inside}</dialog-info>'
    ).encode()


def take(table: DialogTable, data: bytes) -> Taken:
    return table.take(parse_dialog_info(data))


def test_a_document_is_read() -> None:
    info = parse_dialog_info(document(3, "partial", ("d1", "recipient", "early")))
    assert (info.version, info.full, info.entity) == (3, False, "sip:1002@pbx.test")
    (dialog,) = info.dialogs
    assert (dialog.id, dialog.direction, dialog.state, dialog.remote) == ("d1", "recipient", "early", "Bob")


def test_a_call_is_followed_from_ringing_to_its_end() -> None:
    table = DialogTable()
    assert table.presence == "unknown"
    assert take(table, document(0, "full")) is Taken.APPLIED
    assert table.presence == "idle"
    assert take(table, document(1, "partial", ("d1", "recipient", "early"))) is Taken.APPLIED
    assert table.presence == "ringing"
    assert take(table, document(2, "partial", ("d1", "recipient", "confirmed"))) is Taken.APPLIED
    assert table.presence == "busy"
    assert take(table, document(3, "partial", ("d1", "recipient", "terminated"))) is Taken.APPLIED
    assert table.presence == "idle"
    assert table.dialogs == ()


def test_who_dials_is_busy_and_does_not_ring() -> None:
    table = DialogTable()
    take(table, document(0, "full", ("d1", "initiator", "early")))
    assert table.presence == "busy"


def test_a_full_document_replaces_the_table() -> None:
    table = DialogTable()
    take(table, document(5, "full", ("d1", "recipient", "confirmed"), ("d2", "recipient", "early")))
    assert take(table, document(9, "full", ("d3", "initiator", "trying"))) is Taken.APPLIED
    assert [dialog.id for dialog in table.dialogs] == ["d3"]


def test_an_older_document_is_passed_over() -> None:
    table = DialogTable()
    take(table, document(5, "full", ("d1", "recipient", "confirmed")))
    assert take(table, document(5, "full")) is Taken.STALE
    assert take(table, document(4, "partial", ("d1", "recipient", "terminated"))) is Taken.STALE
    assert table.presence == "busy"


def test_a_gap_is_noticed_and_nothing_is_changed_by_what_follows() -> None:
    table = DialogTable()
    assert take(table, document(1, "partial", ("d1", "recipient", "early"))) is Taken.MISSED
    take(table, document(5, "full"))
    assert take(table, document(7, "partial", ("d1", "recipient", "early"))) is Taken.MISSED
    assert table.presence == "idle"
    assert take(table, document(8, "full", ("d1", "recipient", "confirmed"))) is Taken.APPLIED


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        b"no xml",
        BOMB,
        OUTSIDE,
        document(0, "half"),
        document(0, "full", ("", "recipient", "early")),
        document(0, "full", ("d1", "recipient", "floating")),
        document(0, "full").replace(b'version="0"', b'version="-1"'),
        document(0, "full").replace(b"UTF-8", b"UTF-77"),
        document(0, "full").replace(b"ns:dialog-info", b"ns:other"),
        document(0, "full") + b" " * 40000,
        b"<a>" * 5000,
    ],
)
def test_what_is_no_such_document_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_dialog_info(data)
    assert caught.value.status == 400


def test_a_table_holds_so_many_dialogs_and_no_more() -> None:
    table = DialogTable()
    take(table, document(0, "full", *((f"d{n}", "recipient", "early") for n in range(80))))
    assert len(table.dialogs) == 64
    for version in range(1, 5):
        take(table, document(version, "partial", *((f"e{version}.{n}", "recipient", "early") for n in range(60))))
    assert len(table.dialogs) == 64


WHOLE = document(1, "partial", ("d1", "recipient", "early"), ("d2", "initiator", "confirmed"))


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(max_size=6)), max_size=5), st.binary(max_size=60))
def test_any_document_is_read_or_refused(changes: list[tuple[int, bytes]], noise: bytes) -> None:
    damaged = WHOLE
    for place, bytes_ in changes:
        damaged = damaged[:place] + bytes_ + damaged[place + len(bytes_) :]
    for data in (damaged, noise):
        with suppress(RemoteError):
            info = parse_dialog_info(data)
            assert all(dialog.remote.isprintable() for dialog in info.dialogs)
            DialogTable().take(info)
