"""ITU-T G.711: mu-law (PCMU) and A-law (PCMA), 8000 samples a second, one byte each.

Both ways are one table look-up. The tables are built when the module is imported, from the decision values of G.711
tables 1 and 2: a 16-bit sample is coded by its magnitude, so that coding is symmetric about zero.
"""

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Octets = NDArray[np.uint8]
Payload = bytes | bytearray | memoryview | Octets

RATE = 8000
_OCTET = np.dtype(np.uint8)
_BIAS = 33 << 2  # G.711 counts in 14 bits; a 16-bit sample has two more


class G711(Struct, frozen=True, eq=False):
    """One of the two laws.

    Attributes:
        name: the encoding name of SDP (:rfc:`3551#section-4.5.14`).
        silence: the octet that stands for zero.
    """

    name: Literal["PCMU", "PCMA"]
    silence: int
    _encoder: Octets
    _decoder: Samples

    def encode(self, samples: Samples) -> Octets:
        """Return one octet for each int16 sample (any shape); ``.tobytes()`` is the RTP payload."""
        return self._encoder.take(samples)  # a negative index counts from the end: two's complement, as the table does

    def decode(self, payload: Payload) -> Samples:
        """Return one int16 sample for each octet."""
        octets = payload if isinstance(payload, np.ndarray) else np.frombuffer(payload, _OCTET)
        return self._decoder.take(octets)


def _ulaw() -> G711:
    octets = ~np.arange(256) & 0xFF
    exponent, mantissa = octets >> 4 & 7, octets & 15
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    decoder = np.where(octets & 0x80, -magnitude, magnitude).astype(np.int16)

    # 16 codes a segment, each twice as wide as in the one before; the first misses what the bias holds.
    widths = np.repeat(8 << np.arange(8), 16)
    widths[0] -= _BIAS - 128
    widths[-1] += 32769 - widths.sum()
    code = np.arange(128, dtype=np.uint8).repeat(widths)  # of the magnitudes 0 to 32768
    encoder = np.concatenate([code[:-1] ^ 0xFF, code[:0:-1] ^ 0x7F])
    return G711("PCMU", 0xFF, encoder, decoder)


def _alaw() -> G711:
    octets = np.arange(256) ^ 0x55
    exponent, mantissa = octets >> 4 & 7, octets & 15
    low = (mantissa << 4) + 8
    magnitude = np.where(exponent > 0, (low + 0x100) << np.maximum(exponent - 1, 0), low)
    decoder = np.where(octets & 0x80, magnitude, -magnitude).astype(np.int16)

    # 16 codes a segment, the first two of one width. The smallest negative value falls into the first negative
    # interval: -1 is coded like the magnitude 0 (13 bits).
    widths = np.repeat([16, *(16 << np.arange(7))], 16)
    code = np.arange(128, dtype=np.uint8).repeat(widths)
    encoder = np.concatenate([code ^ 0xD5, code[::-1] ^ 0x55])
    return G711("PCMA", 0xD5, encoder, decoder)


PCMU = _ulaw()
PCMA = _alaw()
LAWS: dict[str, G711] = {"PCMU": PCMU, "PCMA": PCMA}


def encode_ulaw(samples: Samples) -> Octets:
    """Return the mu-law octets of int16 samples."""
    return PCMU.encode(samples)


def decode_ulaw(payload: Payload) -> Samples:
    """Return the int16 samples of mu-law octets."""
    return PCMU.decode(payload)


def encode_alaw(samples: Samples) -> Octets:
    """Return the A-law octets of int16 samples."""
    return PCMA.encode(samples)


def decode_alaw(payload: Payload) -> Samples:
    """Return the int16 samples of A-law octets."""
    return PCMA.decode(payload)
