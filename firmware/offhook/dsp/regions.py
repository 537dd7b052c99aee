"""What a telephone sounds like in each country: tones, ring cadence, flash, DTMF levels.

:func:`plan` reads one row of :mod:`offhook.dsp.region_table` when it is asked for it.
"""

from collections.abc import Mapping

from msgspec import Struct

from offhook.dsp.errors import ToneError
from offhook.dsp.region_table import DEFAULT, ROWS, SHARED, SOURCES
from offhook.dsp.tonespec import Tone, parse

TONE_NAMES = (
    *("dial", "stutter", "no_service", "ringback", "busy", "reorder", "info", "waiting", "confirm", "howler"),
)

# Three falling notes, which no plan uses for anything: nobody takes them for dial tone.
_NO_SERVICE = "520:180 415:180 310:300 -:1000"
_HOWLER = "1400+2060+2450+2600:100 -:100"
_HOWLER_DBM0, _HOWLER_RISE_DB, _HOWLER_RISE_S = -10.0, 20.0, 8.0

# Per frequency. North America: Telcordia GR-506, and what analogue adapters ship with. Europe: CEPT T/CS 20-15.
_NORTH_AMERICAN_LEVELS = {"dial": -13.0, "stutter": -13.0, "ringback": -19.0, "busy": -24.0, "reorder": -24.0,
                          "info": -16.0, "waiting": -13.0, "confirm": -13.0, "no_service": -16.0}  # fmt: skip
_CEPT_LEVELS = dict.fromkeys(_NORTH_AMERICAN_LEVELS, -12.0) | {"info": -16.0, "no_service": -16.0}
_HONG_KONG_LEVELS = dict.fromkeys(_NORTH_AMERICAN_LEVELS, -13.0) | {"waiting": -10.0}
_LEVELS = {country: _NORTH_AMERICAN_LEVELS for country in ("US", "CA", "TW", "KR", "PH")} | {"HK": _HONG_KONG_LEVELS}

# Shortest and longest flash in ms. The shortest is the timed break of the national recall key (from memory: UK 50 to
# 130, Germany 170 to 310, France 200 to 320); the longest leaves room for a finger on the hook switch. North America:
# 300 to 1000 (TIA-470).
_NORTH_AMERICAN_FLASH = (300, 1000)
_FLASH = {"GB": (50, 500), "DE": (170, 500), "AT": (170, 500), "CH": (170, 500), "FR": (200, 500)} | dict.fromkeys(
    ("US", "CA", "TW", "KR", "PH", "MX"), _NORTH_AMERICAN_FLASH
)
_DEFAULT_FLASH = (80, 500)

_DEFAULT_DTMF = (-11.0, -9.0)  # low and high frequency, ETSI ES 201 235-2: 2 dB of twist


class TonePlan(Struct, frozen=True):
    """A country's plan.

    Attributes:
        country: ISO 3166-1 code that was asked for, upper case.
        row: code of the country whose row was used; empty for the default plan.
        name: of that country.
        trust: ``high``, ``medium``, ``low``: how well sources agree; ``default`` where nothing is known.
        tones: by the names of ``TONE_NAMES``.
        sources: where each tone comes from, one phrase each.
        ring_cadence_ms: on, off, on, off ... milliseconds of the bell.
        flash_min_ms: a shorter break of the hook is contact bounce.
        flash_max_ms: a longer one is a hang-up.
        dtmf_low_dbm0: level of a DTMF key's low frequency.
        dtmf_high_dbm0: level of its high frequency.
        bell_hz: frequency of the ringing voltage, for a real bell; 25 where unknown.
    """

    country: str
    row: str
    name: str
    trust: str
    tones: Mapping[str, Tone]
    sources: Mapping[str, str]
    ring_cadence_ms: tuple[int, ...]
    flash_min_ms: int
    flash_max_ms: int
    dtmf_low_dbm0: float
    dtmf_high_dbm0: float
    bell_hz: int

    @property
    def known(self) -> bool:
        """The country has a row of its own or shares a neighbour's."""
        return self.trust != "default"

    def tone(self, name: str) -> Tone:
        """Return a tone. Raises :class:`ToneError` for a name that no plan has."""
        try:
            return self.tones[name]
        except KeyError:
            raise ToneError(f"there is no tone {name!r}: choose one of {', '.join(TONE_NAMES)}") from None


def countries() -> tuple[str, ...]:
    """Return the codes of the countries that have a row of their own."""
    return tuple(ROWS)


def plan(country: str) -> TonePlan:
    """Return the plan of an ISO 3166-1 code; an unknown country gets the CEPT/ITU default, with ``trust="default"``."""
    asked = country.strip().upper()
    row = asked if asked in ROWS else next((code for code, users in SHARED.items() if asked in users.split()), "")
    facts, specs = _read(ROWS[row] if row else DEFAULT)
    levels = _LEVELS.get(row, _CEPT_LEVELS)
    tones = {name: Tone(parse(specs[name][1]), levels[name]) for name in specs}
    tones["no_service"] = Tone(parse(_NO_SERVICE), levels["no_service"])
    tones["howler"] = Tone(parse(_HOWLER), _HOWLER_DBM0, _HOWLER_RISE_DB, _HOWLER_RISE_S)
    sources = {name: SOURCES[letter] for name, (letter, _) in specs.items()}
    flash = _FLASH.get(row, _DEFAULT_FLASH)
    low, high = (float(level) for level in facts.get("dtmf", "").split()) if "dtmf" in facts else _DEFAULT_DTMF
    return TonePlan(
        country=asked,
        row=row,
        name=facts["name"],
        trust=facts["trust"],
        tones=tones,
        sources=sources | {"no_service": SOURCES["O"], "howler": SOURCES["H"]},
        ring_cadence_ms=tuple(int(ms) for ms in facts["ring"].split()),
        flash_min_ms=flash[0],
        flash_max_ms=flash[1],
        dtmf_low_dbm0=low,
        dtmf_high_dbm0=high,
        bell_hz=int(facts.get("bell", 25)),
    )


def _read(text: str) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Return a row's facts and, per tone, the letter of its source and its notation."""
    name, trust, *fields = (" ".join(field.split()) for field in text.split(";"))
    facts, specs = {"name": name, "trust": trust}, {}
    for field in fields:
        key, _, value = field.partition(" ")
        if key in ("ring", "bell", "dtmf"):
            facts[key] = value
        else:
            letter, _, notation = value.partition(" ")
            specs[key] = (letter, notation)
    for key, (letter, notation) in specs.items():
        if not notation and key not in ("stutter", "confirm"):
            specs[key] = (letter, _read(DEFAULT)[1][key][1])
    sound = specs["dial"][1].split()[0].partition(":")[0]
    for key, own in (("stutter", f"6({sound}:100 -:100) {sound}"), ("confirm", f"3({sound}:100 -:100)")):
        specs[key] = (specs[key][0], specs[key][1] or own)
    return facts, specs
