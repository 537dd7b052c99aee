"""From a jitter buffer's timeline to an even stream of samples: decode, conceal, play faster or slower.

::

    source.get(n) -> audio | lost | quiet -> decode | conceal | fade -> shorten or lengthen by a pitch period
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from offhook.dsp import drift
from offhook.dsp.conceal import Concealer

Samples = NDArray[np.int16]

_URGENT = 240  # samples of surplus from which on time is made up four times as fast
_LOOK = 320  # samples between two looks at the delay where nothing was to be done
_PACE = 800  # samples between two changes of speed
_RETRY = 160  # samples until the next attempt where no join was found
_PATIENCE = 8000  # samples for which there must have been a surplus before it is taken out of a pause
_LONG_PATIENCE = 40_000  # the same, before it is taken out of speech


class Piece(Protocol):
    """A stretch of timeline, see :class:`offhook.rtp.jitter.Piece`."""

    @property
    def kind(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def start(self) -> int: ...
    @property
    def payload_type(self) -> int: ...


class Source(Protocol):
    """Where pieces come from; :class:`offhook.rtp.jitter.JitterBuffer` is one."""

    def get(self, count: int, now: float) -> Sequence[Piece]: ...
    def surplus(self) -> int: ...
    def adjust(self, used: int, heard: int) -> None: ...


class Decoder(Protocol):
    """Payload to int16 samples; :class:`offhook.dsp.codecs.g711.G711` is one."""

    def decode(self, payload: bytes) -> Samples: ...


class Playout:
    """The receiving half of a call, 8 kHz int16; one per stream."""

    def __init__(self, source: Source, decoders: Mapping[int, Decoder]) -> None:
        """``decoders`` by payload type; a payload of another type is concealed."""
        self._source = source
        self._decoders = decoders
        self._concealer = Concealer()
        self._decoded: tuple[bytes, Samples] = (b"", np.zeros(0, np.int16))
        self._look = 0  # samples until the next look at the delay
        self._rest = 0  # samples until the speed may be changed again
        self._spare_for = 0  # samples for which there has been a surplus
        self.concealed = 0  # samples made up so far because a packet was lost or late

    def read(self, count: int, now: float) -> Samples:
        """Return exactly ``count`` samples for the ear (before any gain), at ``now`` seconds."""
        self._rest -= count
        self._spare_for += count
        self._look -= count
        if self._look <= 0:
            surplus = self._source.surplus()
            if surplus <= 0:
                self._spare_for = 0
            if surplus >= drift.SHORTEST and self._may_shorten(surplus):
                return self._shortened(count, surplus, now)
            if surplus < 0 and self._rest <= 0:
                return self._lengthened(count, now)
            self._look = _LOOK
        return self._render(self._source.get(count, now))

    def _may_shorten(self, surplus: int) -> bool:
        if self._concealer.active or self._rest > 0:
            return False
        return surplus >= _URGENT or self._spare_for >= _PATIENCE

    def _shortened(self, count: int, surplus: int, now: float) -> Samples:
        pieces = self._source.get(count + min(surplus, drift.LONGEST), now)
        samples, whole = self._decode_all(pieces)
        if not whole:
            self._source.adjust(count, count)
            return self._render(pieces)[:count]
        amid_speech = surplus >= _URGENT or self._spare_for >= _LONG_PATIENCE
        samples, removed = drift.shorten(samples, surplus, amid_speech)
        pace = _PACE // 4 if surplus >= _URGENT else _PACE
        self._rest = pace if removed else _RETRY
        self._source.adjust(count + removed, count)
        return self._concealer.good(samples[:count])

    def _lengthened(self, count: int, now: float) -> Samples:
        pieces = self._source.get(count, now)
        samples, whole = self._decode_all(pieces)
        if not whole or self._concealer.active:
            return self._render(pieces)
        longer, added = drift.lengthen(self._concealer.past(drift.LONGEST + 40), samples, count)
        self._rest = _PACE if added else _RETRY
        if added:
            self._source.adjust(count - added, count)
        return self._concealer.good(longer[:count])

    def _decode_all(self, pieces: Sequence[Piece]) -> tuple[Samples, bool]:
        """Return the decoded pieces, and whether all of them are audio that can be decoded."""
        if any(piece.kind != "audio" or piece.payload_type not in self._decoders for piece in pieces):
            return np.zeros(0, np.int16), False
        parts = [self._decode(piece) for piece in pieces]
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)), True

    def _decode(self, piece: Piece) -> Samples:
        payload, samples = self._decoded
        if payload is not piece.payload:
            samples = self._decoders[piece.payload_type].decode(piece.payload)
            self._decoded = (piece.payload, samples)
        return samples[piece.start : piece.start + piece.count]

    def _render(self, pieces: Sequence[Piece]) -> Samples:
        parts = [self._render_one(piece) for piece in pieces]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _render_one(self, piece: Piece) -> Samples:
        if piece.kind == "audio" and piece.payload_type in self._decoders:
            return self._concealer.good(self._decode(piece))
        if piece.kind == "quiet":
            return self._concealer.silence(piece.count)
        self.concealed += piece.count
        return self._concealer.conceal(piece.count)
