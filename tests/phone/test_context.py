from offhook.phone import actions as do
from offhook.phone.actions import Tone
from offhook.phone.context import Context
from offhook.phone.settings import PhoneSettings


def context() -> Context:
    return Context(PhoneSettings())


def test_an_emergency_call_ends_whatever_holds_the_line_and_waits_for_nothing() -> None:
    phone = context()
    phone.place("555", emergency=False)
    phone.hold_key("5")
    phone.place("112", emergency=True)
    assert phone.drain()[2:] == [do.StopDtmf("o1", "5"), do.EndCall("o1"), do.PlaceEmergencyCall("o2", "112")]


def test_nothing_is_asked_for_twice() -> None:
    phone = context()
    phone.quiet()
    phone.ring(False)
    phone.wait(None)
    phone.end_call()
    phone.answer_call()
    phone.hold_key("5")
    phone.release_key()
    assert phone.drain() == []
    phone.play(Tone.DIAL)
    phone.play(Tone.DIAL)
    assert phone.drain() == [do.PlayTone(Tone.DIAL)]


def test_one_timer_runs_at_a_time() -> None:
    phone = context()
    phone.wait("dial", 5.0)
    phone.wait("dial", 3.0)
    phone.wait("reorder", 9.0)
    phone.wait(None)
    assert phone.drain() == [
        do.SetTimer("dial", 5.0),
        do.SetTimer("dial", 3.0),
        do.CancelTimer("dial"),
        do.SetTimer("reorder", 9.0),
        do.CancelTimer("reorder"),
    ]
