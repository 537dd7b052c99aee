from offhook.emergency.callback import CallbackSettings, CallbackWindow


def test_without_an_emergency_call_nothing_is_held() -> None:
    window = CallbackWindow()
    assert not window.holds(0.0)
    assert not window.rings_regardless(0.0)
    assert window.remaining(0.0) == 0.0


def test_while_the_call_lasts_it_holds_but_other_calls_do_not_ring_in() -> None:
    window = CallbackWindow()
    window.call_started()
    assert window.holds(1e6)
    assert not window.rings_regardless(1e6)


def test_for_thirty_minutes_after_the_call_everything_rings() -> None:
    window = CallbackWindow()
    window.call_started()
    window.call_ended(100.0)
    assert window.rings_regardless(100.0)
    assert window.remaining(100.0) == 1800.0
    assert window.rings_regardless(1899.9)
    assert not window.rings_regardless(1900.0)
    assert not window.holds(1900.0)


def test_a_second_emergency_call_begins_the_window_anew() -> None:
    window = CallbackWindow(CallbackSettings(window=60.0))
    window.call_started()
    window.call_ended(0.0)
    window.call_started()
    window.call_ended(50.0)
    assert window.holds(100.0)


def test_a_callback_mark_counts_only_inside_the_window() -> None:
    window = CallbackWindow()
    assert not window.is_marked_callback("psap-callback", 0.0)
    window.call_started()
    window.call_ended(0.0)
    assert window.is_marked_callback(" PSAP-Callback", 1.0)
    assert not window.is_marked_callback("emergency", 1.0)
    assert not window.is_marked_callback(None, 1.0)
