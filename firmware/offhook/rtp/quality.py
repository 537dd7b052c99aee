"""How good a call sounds, estimated from delay and loss: the E-model of ITU-T G.107 in its short form."""

_BASE = 93.2  # rating of a perfect narrow-band connection
_KNEE_MS = 177.3  # delay beyond which conversation suffers

# Equipment impairment and robustness to loss of G.711 with concealment (ITU-T G.113 appendix I).
G711_IMPAIRMENT = 0.0
G711_ROBUSTNESS = 25.1


def rating(
    delay_ms: float,
    loss_percent: float,
    burst_ratio: float = 1.0,
    impairment: float = G711_IMPAIRMENT,
    robustness: float = G711_ROBUSTNESS,
) -> float:
    """Return the rating R, 0 to 93.2.

    ``delay_ms`` is one way, mouth to ear; ``burst_ratio`` is 1 for random loss, more if losses come together.
    """
    late = max(0.0, delay_ms - _KNEE_MS)
    delay = 0.024 * max(0.0, delay_ms) + 0.11 * late
    loss = max(0.0, min(loss_percent, 100.0))
    equipment = impairment + (95.0 - impairment) * loss / (loss / max(burst_ratio, 1.0) + robustness)
    return max(0.0, min(_BASE, _BASE - delay - equipment))


def mos(rating: float) -> float:
    """Return the mean opinion score, 1 to 4.5, of a rating R (G.107 annex B)."""
    if rating <= 0:
        return 1.0
    return 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6
