"""What ``offhook status`` prints of voice mail, other people's phones and texts."""

from offhook.cli_status import summary

QUIET = {"mailbox": {"waiting": False, "accounts": []}, "watched": [], "texts": {"count": 0, "last": []}}
LOUD = {
    "mailbox": {
        "waiting": True,
        "accounts": [{"account": "desk", "waiting": True, "new": 2}, {"account": "home", "waiting": False, "new": 0}],
    },
    "watched": [{"uri": "sip:1003@pbx.test", "state": "busy"}],
    "texts": {"count": 7, "last": [{"account": "desk", "from": "Ann", "text": "hello"}]},
}


def lines(status: dict[str, object]) -> list[str]:
    whole = {"version": "1", "uptime_s": 1.0, "phone": "ON_HOOK", "sip": {}, "accounts": [], "calls": []}
    return summary(whole | status)


def test_what_waits_is_shown() -> None:
    shown = lines(LOUD)
    assert "mailbox    2 new for account desk" in shown
    assert "watched    sip:1003@pbx.test: busy" in shown
    assert "texts      7 received, the last from Ann" in shown


def test_where_nothing_waits_nothing_is_said() -> None:
    assert not any(line.startswith(("mailbox", "watched", "texts")) for line in lines(QUIET))
