from offhook.engine.clock import BUILD_DATE, kernel_is_synchronised, time_is_known


def test_time_is_known_when_the_kernel_says_so_or_it_is_later_than_the_build() -> None:
    later, earlier = BUILD_DATE.timestamp() + 1, 0.0
    assert time_is_known(lambda: later, lambda: False)
    assert time_is_known(lambda: earlier, lambda: True)
    assert not time_is_known(lambda: earlier, lambda: False)


def test_the_kernel_is_asked_without_changing_its_clock() -> None:
    assert kernel_is_synchronised() in (True, False)
