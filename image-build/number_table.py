#!/usr/bin/env python3
"""Writes the TABLE firmware/offhook/emergency/number_table.py from its two sources.

Run by hand when a source has a new release, never on a phone and never in the suite:

    pip install phonenumbers==9.0.43
    python image-build/number_table.py --ecc eccdata.txt --ecc-date 2024-06-15 > TABLE

``eccdata.txt`` is packages/services/Telephony/ecc/input/eccdata.txt of the Android Open Source Project. Then read the
difference row by row, and bring the figures in tests/emergency/test_numbers.py up to date.
"""

import argparse
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LETTERS = {"POLICE": "P", "AMBULANCE": "A", "FIRE": "F", "MOUNTAIN_RESCUE": "M", "MARINE_GUARD": "S"}
WIDTH = 100
HEAD = '''\
"""The emergency numbers of {count} countries and territories: generated data, do not edit by hand.

Each row is ``number/services/sources``. Services: P police, A ambulance, F fire, M mountain rescue, S sea rescue,
``-`` not stated. Sources: ``p`` the short-number metadata of phonenumbers {version} (Apache-2.0; its emergency pattern,
the one behind ``is_emergency_number``, written out), ``a`` the Android Open Source Project's
``packages/services/Telephony/ecc/input/eccdata.txt`` of {date} (Apache-2.0; rows that name a service, and rows
without one where phonenumbers has the number too). What one source has and the other has not is a row with one letter.
Our own corrections are not here but in :mod:`offhook.emergency.numbers`; ``image-build/number_table.py`` writes this
file.
"""

NUMBER_TABLE: dict[str, str] = {{'''


def expand(pattern: str) -> set[str]:
    """Return every number that a pattern of the metadata matches (classes, groups, ``|``, ``?`` and ``\\d`` only)."""
    found, end = _alternatives(pattern, 0)
    assert end == len(pattern), pattern
    assert all(re.fullmatch(pattern, number) for number in found), pattern
    return found


def _alternatives(pattern: str, at: int) -> tuple[set[str], int]:
    found, at = _sequence(pattern, at)
    while at < len(pattern) and pattern[at] == "|":
        more, at = _sequence(pattern, at + 1)
        found |= more
    return found, at


def _sequence(pattern: str, at: int) -> tuple[set[str], int]:
    found = {""}
    while at < len(pattern) and pattern[at] not in "|)":
        item, at = _item(pattern, at)
        if pattern[at : at + 1] == "?":
            item, at = item | {""}, at + 1
        found = {head + tail for head, tail in itertools.product(found, item)}
    return found, at


def _item(pattern: str, at: int) -> tuple[set[str], int]:
    if pattern.startswith("(?:", at):
        item, at = _alternatives(pattern, at + 3)
        return item, at + 1
    if pattern.startswith("\\d", at):
        return set("0123456789"), at + 2
    if pattern[at] == "[":
        end = pattern.index("]", at)
        return {digit for digit in "0123456789" if re.match(pattern[at : end + 1], digit)}, end + 1
    assert pattern[at].isdigit(), f"{pattern}: {pattern[at]!r} is new; teach this program what it means"
    return {pattern[at]}, at + 1


def read_ecc(text: str) -> dict[str, dict[str, str]]:
    """Return ``{country: {number: service letters}}``; the letters are empty where no service is named."""
    countries: dict[str, dict[str, str]] = {}
    for block in re.split(r"^countries \{", text, flags=re.MULTILINE)[1:]:
        code = re.search(r'iso_code: "(\w+)"', block)
        assert code, block[:80]
        rows = countries.setdefault(code[1], {})
        for entry in re.findall(r"eccs \{(.*?)\}", block, re.DOTALL):
            number = re.search(r'phone_number: "(\d+)"', entry)
            assert number, entry
            named = re.findall(r"types: (\w+)", entry)
            rows[number[1]] = "".join(letter for name, letter in LETTERS.items() if name in named)
    return countries


def read_phonenumbers() -> tuple[str, dict[str, set[str]]]:
    """Return the library's version and ``{country: numbers}``."""
    import phonenumbers

    found = {}
    for country in sorted(phonenumbers.SUPPORTED_SHORT_REGIONS):
        metadata = phonenumbers.PhoneMetadata.short_metadata_for_region(country)
        emergency = metadata.emergency if metadata else None
        if emergency is None or not emergency.national_number_pattern:
            continue
        lengths = set(emergency.possible_length)
        found[country] = {n for n in expand(emergency.national_number_pattern) if not lengths or len(n) in lengths}
    return phonenumbers.__version__, found


def rows_of(known: set[str], typed: dict[str, str]) -> list[str]:
    """Return the rows of one country, shortest number first."""
    numbers = known | {number for number, letters in typed.items() if letters}
    return [
        f"{number}/{typed.get(number) or '-'}/{'p' * (number in known)}{'a' * (number in typed)}"
        for number in sorted(numbers, key=lambda text: (len(text), text))
    ]


def lines_of(country: str, rows: list[str]) -> Iterator[str]:
    """Yield the source lines of one country."""
    line = f'    "{country}": "{" ".join(rows)}",'
    if len(line) <= WIDTH + 20:
        yield line
        return
    yield f'    "{country}": ('
    part = ""
    for row in rows:
        if len(part) + len(row) > WIDTH:
            yield f'        "{part}"'
            part = ""
        part += f"{row} "
    yield f'        "{part.rstrip()}"'
    yield "    ),"


def main() -> None:
    """Print the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ecc", type=Path, required=True, help="eccdata.txt")
    parser.add_argument("--ecc-date", required=True, help="its date, for the file's own words")
    options = parser.parse_args()
    version, known = read_phonenumbers()
    typed = read_ecc(options.ecc.read_text())
    countries = {
        country: rows
        for country in sorted(known.keys() | typed.keys())
        if (rows := rows_of(known.get(country, set()), typed.get(country, {})))
    }
    out = sys.stdout.write
    out(HEAD.format(count=len(countries), version=version, date=options.ecc_date) + "\n")
    for country, rows in countries.items():
        for line in lines_of(country, rows):
            out(line + "\n")
    out("}\n")


if __name__ == "__main__":
    main()
