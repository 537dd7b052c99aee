"""One look at the supply and the gauge, as a board takes it."""

from msgspec import Struct


class PowerReading(Struct, frozen=True):
    """What is known about mains and battery at one moment; None where nothing tells.

    Attributes:
        ac: whether mains feeds the device.
        percent: state of charge, 0.0 to 100.0.
        volts: battery voltage.
        amps: battery current; negative while the battery discharges.
        gauge_ok: False where a gauge is expected and could not be read.
    """

    ac: bool | None = None
    percent: float | None = None
    volts: float | None = None
    amps: float | None = None
    gauge_ok: bool = True
