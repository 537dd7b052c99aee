"""A window of the local day, as ``02:00-05:00``."""


def window(text: str) -> tuple[int, int]:
    """Return begin and end in minutes of the day; an end that is not after the begin is on the next day.

    Raises ValueError.
    """
    begin, _, end = text.partition("-")
    return _minutes(begin), _minutes(end)


def within(text: str, minute: int) -> bool:
    """Return whether a minute of the day is in the window ``text`` (empty: always). Raises ValueError."""
    if not text:
        return True
    begin, end = window(text)
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _minutes(text: str) -> int:
    hours, colon, minutes = text.strip(" ").partition(":")
    digits = hours + minutes
    if not (colon and 1 <= len(hours) <= 2 and len(minutes) == 2 and digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is no time of day")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > 24 * 60:
        raise ValueError(f"{text!r} is no time of day")
    return total
