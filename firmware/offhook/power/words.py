"""What the phone says about its supply: short English sentences for the ear."""

from offhook.power.state import PowerState

_OPENING = {
    PowerState.OUTAGE: "Power failure",
    PowerState.LOW: "Battery low",
    PowerState.CRITICAL: "Battery nearly empty",
}


def notice(state: PowerState, percent: float | None, runtime: float | None) -> str:
    """Return what to say at the next lift, as ``Power failure. Battery at 42 percent, about 3 hours.``; empty on mains.

    ``percent`` and ``runtime`` (seconds) are left out where they are not known.
    """
    if state is PowerState.MAINS:
        return ""
    facts = []
    if percent is not None:
        facts.append(f"Battery at {percent:.0f} percent")
    if runtime is not None:
        facts.append(_duration(runtime))
    told = ", ".join(facts)
    return f"{_OPENING[state]}. {told[0].upper()}{told[1:]}." if told else f"{_OPENING[state]}."


def shutdown(seconds: float) -> str:
    """Return what to say before switching off."""
    return f"Battery empty. The phone switches off in {round(seconds)} seconds."


def _duration(seconds: float) -> str:
    """Say a time rounded down: tens of minutes, from five hours on whole hours."""
    tens = int(seconds // 600) * 10
    if tens < 10:
        return "less than 10 minutes"
    hours, minutes = divmod(tens, 60)
    if hours >= 5:
        minutes = 0
    parts = []
    if hours:
        parts.append(f"{hours} hour{'s' if hours > 1 else ''}")
    if minutes:
        parts.append(f"{minutes} minutes")
    return "about " + " ".join(parts)
