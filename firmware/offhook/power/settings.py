"""Thresholds and times of the power machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PowerSettings:
    """When which state is entered. Times in seconds, charge in percent.

    Attributes:
        outage_debounce: mains must be gone for this long before it counts as an outage.
        restore_debounce: mains must be back for this long before the outage is over.
        settle: a low or critical battery must read so for this long; one odd sample changes nothing.
        low_percent, low_runtime: LOW at or below either of them.
        critical_percent, critical_runtime, critical_volts: CRITICAL at or below any of them. The voltage is that of the
            battery under load where the board must go down in order; None where the cells are not known.
        percent_back, runtime_back, volts_back: what a reading must be above a threshold (a share for the runtime) to go
            back up from LOW or CRITICAL while mains is still gone.
        shutdown_after: from CRITICAL to switching off, time to say so and to finish.
        capacity_mah: of a full battery, for boards that measure current; None: not known.
        full_runtime: what a full battery lasts, until a slope is measured; None: nothing is promised before.
        safety: the predicted drain is taken this much higher than measured.
    """

    outage_debounce: float = 2.0
    restore_debounce: float = 5.0
    settle: float = 3.0
    low_percent: float = 25.0
    low_runtime: float = 7200.0
    critical_percent: float = 5.0
    critical_runtime: float = 180.0
    critical_volts: float | None = None
    percent_back: float = 3.0
    runtime_back: float = 0.25
    volts_back: float = 0.1
    shutdown_after: float = 30.0
    capacity_mah: float | None = None
    full_runtime: float | None = None
    safety: float = 1.15
