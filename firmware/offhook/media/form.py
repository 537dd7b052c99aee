"""What a card gives, and how it can fail: plain values, apart from the binding that not every machine has."""

from msgspec import Struct

from offhook.errors import DeviceError


class CardMissingError(DeviceError):
    """The PCM is not there now."""


class CardBusyError(DeviceError):
    """Another program has the PCM."""


class CardRefusedError(DeviceError):
    """The PCM is there, and trying again will not make it usable."""


class PcmForm(Struct, frozen=True):
    """What a card gave: frames a second, channels, octets a sample (2: S16_LE, 4: S32_LE), frames a period, a ring."""

    rate: int
    channels: int
    width: int
    period: int
    buffer: int

    @property
    def frame_bytes(self) -> int:
        """Octets of one frame."""
        return self.channels * self.width
