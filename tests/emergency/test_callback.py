from offhook.emergency.callback import CallbackSettings, CallbackWindow


def test_without_an_emergency_call_nothing_is_held() -> None:
    window = CallbackWindow()
    assert not window.holds(0.0)
    assert window.remaining(0.0) == 0.0


def test_it_holds_while_the_call_lasts() -> None:
    window = CallbackWindow()
    window.call_started()
    assert window.holds(1e6)


def test_it_holds_for_thirty_minutes_after_the_call() -> None:
    window = CallbackWindow()
    window.call_started()
    window.call_ended(100.0)
    assert window.holds(100.0)
    assert window.remaining(100.0) == 1800.0
    assert window.holds(1899.9)
    assert not window.holds(1900.0)


def test_a_second_emergency_call_begins_the_window_anew() -> None:
    window = CallbackWindow(CallbackSettings(window=60.0))
    window.call_started()
    window.call_ended(0.0)
    window.call_started()
    window.call_ended(50.0)
    assert window.holds(100.0)


def test_a_call_holds_the_phone_though_no_window_is_wanted() -> None:
    window = CallbackWindow(CallbackSettings(window=0.0))
    window.call_started()
    assert window.holds(10.0)
    window.call_ended(20.0)
    assert not window.holds(20.0)
