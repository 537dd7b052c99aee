"""The country codes of ISO 3166-1 (alpha-2), and codes that people write instead."""

# First letter: every second letter that goes with it. XK (Kosovo) is user-assigned and widely used.
_SECOND_LETTERS = {
    "A": "DEFGILMOQRSTUWXZ",
    "B": "ABDEFGHIJLMNOQRSTVWYZ",
    "C": "ACDFGHIKLMNORUVWXYZ",
    "D": "EJKMOZ",
    "E": "CEGHRST",
    "F": "IJKMOR",
    "G": "ABDEFGHILMNPQRSTUWY",
    "H": "KMNRTU",
    "I": "DELMNOQRST",
    "J": "EMOP",
    "K": "EGHIMNPRWYZ",
    "L": "ABCIKRSTUVY",
    "M": "ACDEFGHKLMNOPQRSTUVWXYZ",
    "N": "ACEFGILOPRUZ",
    "O": "M",
    "P": "AEFGHKLMNRSTWY",
    "Q": "A",
    "R": "EOSUW",
    "S": "ABCDEGHIJKLMNORSTVXYZ",
    "T": "CDFGHJKLMNORTVWZ",
    "U": "AGMSYZ",
    "V": "ACEGINU",
    "W": "FS",
    "X": "K",
    "Y": "ET",
    "Z": "AMW",
}

COUNTRIES = frozenset(first + second for first, seconds in _SECOND_LETTERS.items() for second in seconds)

MISTAKEN = {
    "UK": "GB", "EN": "GB", "ENGLAND": "GB", "GBR": "GB", "USA": "US", "NOR": "NO", "NORWAY": "NO", "NORGE": "NO",
    "SWE": "SE", "SWEDEN": "SE", "DNK": "DK", "DENMARK": "DK", "DEU": "DE", "GER": "DE", "GERMANY": "DE", "FRA": "FR",
    "FRANCE": "FR", "ESP": "ES", "SPAIN": "ES", "ITA": "IT", "ITALY": "IT", "CAN": "CA", "CANADA": "CA", "AUS": "AU",
    "AUSTRALIA": "AU", "JPN": "JP", "JAPAN": "JP", "FINLAND": "FI", "FIN": "FI", "EL": "GR", "SU": "RU",
}  # fmt: skip
