"""From a config to the rooms' own settings."""

import textwrap
from datetime import UTC, datetime

import pytest

from offhook.config.features import Features
from offhook.config.load import load
from offhook.config.schema import Config
from offhook.daemon import settings
from offhook.daemon.files import VALIDATORS
from offhook.emergency.pidf import pidf_lo
from offhook.errors import OffhookError
from offhook.phone.actions import Tone

DEVICE = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


def config(
    country: str = "NO", accounts: str = "- {name: desk, uri: 'sip:1001@pbx.test', register: false}", more: str = ""
) -> Config:
    text = f"country: {country}\naccounts: [{accounts.removeprefix('- ')}]\n"
    text += "location: {civic: {country: NO, A3: Oslo, RD: Storgata}}\n" + textwrap.dedent(more)
    return load(text, "offhook.yaml", VALIDATORS)


@pytest.mark.parametrize(
    ("country", "tone"),
    [("US", Tone.REORDER), ("CA", Tone.REORDER), ("NO", Tone.BUSY), ("DE", Tone.BUSY), ("GB", Tone.BUSY)],
)
def test_the_tone_after_the_other_side_hung_up_is_the_countrys(country: str, tone: Tone) -> None:
    assert settings.phone(config(country), {}).disconnect_tone is tone


def test_what_a_flash_does_is_chosen_under_features() -> None:
    plain = settings.phone(config("NO"), {})
    assert (plain.second_call, plain.call_waiting, plain.transfer_on_hangup) == (True, True, False)
    chosen = config("NO").model_copy(
        update={"features": Features(second_call=False, call_waiting=False, transfer_on_hangup=True)}
    )
    phone = settings.phone(chosen, {})
    assert (phone.second_call, phone.call_waiting, phone.transfer_on_hangup) == (False, False, True)


def test_the_phone_vouches_for_a_location_that_was_typed_in() -> None:
    accounts = "{name: desk, uri: 'sip:1001@pbx.test', register: false, display_name: Front desk}"
    found = settings.emergency(config(accounts=accounts, more="language: nb-NO\n"), {}, DEVICE)
    provider = found.identity.provider
    assert provider is not None
    assert provider.name == 'offhook phone "Front desk"'
    assert provider.contact == "sip:1001@pbx.test"
    assert provider.language == "nb"
    assert DEVICE in provider.reference
    assert found.location is not None
    document = pidf_lo(found.location, found.identity, datetime(2026, 1, 1, tzinfo=UTC))
    assert b"offhook phone" in document
    assert b"sip:1001@pbx.test" in document


def test_without_an_account_nobody_vouches() -> None:
    assert settings.emergency(config(accounts=""), {}, DEVICE).identity.provider is None


def test_an_account_without_display_name_is_known_by_its_own() -> None:
    provider = settings.emergency(config(), {}, DEVICE).identity.provider
    assert provider is not None
    assert (provider.name, provider.language) == ('offhook phone "desk"', "en")


def test_the_ladder_waits_as_long_as_the_config_says() -> None:
    found = settings.emergency(config(more="emergency: {first_provisional_s: 2.5}\n"), {"112": "x"}, DEVICE)
    assert found.ladder.first_response == 2.5
    assert found.numbers == {"112": "x"}


def test_the_countrys_emergency_numbers_come_with_the_configs_own() -> None:
    numbers = settings.emergency_numbers(config(more="emergency: {numbers: [{number: '555', service: sos.gas}]}\n"))
    assert numbers["112"] == "urn:service:sos"
    assert numbers["555"] == "urn:service:sos.gas"


def test_each_account_has_its_own_rules_for_media() -> None:
    accounts = (
        "{name: plain, uri: 'sip:1@pbx.test'}, {name: open, uri: 'sip:2@pbx.test', srtp: optional, transport: udp}, "
        "{name: closed, uri: 'sip:3@pbx.test', server: '[2001:DB8::1]:5061', srtp: required, transport: tls, "
        "codec_lock: true}"
    )
    made = config(accounts=accounts, more="rtp: {silence_s: 30}\n")
    rules = settings.media_rules(made)
    assert [(name, row.srtp, row.codec_lock) for name, row in rules.items()] == [
        *(("plain", "off", False), ("open", "optional", False), ("closed", "required", True)),
    ]
    assert rules["open"].offers == ("AES_CM_128_HMAC_SHA1_80",), "more would not fit a datagram"
    assert rules["closed"].offers is None
    assert [row.relays for row in rules.values()] == [(), (), ("2001:db8::1",)]
    assert {row.silence_s for row in rules.values()} == {30}
    assert settings.media(made, None).srtp
    assert not settings.media(config(), None).srtp


def test_mailboxes_are_those_that_the_config_names() -> None:
    def row(mwi: str) -> str:
        return f"{{name: desk, uri: 'sip:1001@pbx.test', register: false{mwi}}}"

    assert settings.mailboxes(config(accounts=row(""))) == {}
    assert settings.mailboxes(config(accounts=row(", mwi: false"))) == {}
    assert settings.mailboxes(config(accounts=row(", mwi: true"))) == {"desk": "sip:1001@pbx.test"}
    assert settings.mailboxes(config(accounts=row(", mwi: 'sip:vm@pbx.test'"))) == {"desk": "sip:vm@pbx.test"}
    with pytest.raises(OffhookError, match="mwi"):
        config(accounts=row(", mwi: voicemail"))


def test_what_an_account_watches_and_hides_reaches_its_settings() -> None:
    more = ", watch: ['sip:1002@pbx.test', 'sip:1003@pbx.test'], privacy: true, watch_registration: true"
    read = config(accounts=f"{{name: desk, uri: 'sip:1001@pbx.test', register: false{more}}}")
    assert settings.watched(read) == {"desk": ("sip:1002@pbx.test", "sip:1003@pbx.test")}
    (account,) = settings.accounts(read, DEVICE)
    assert account.privacy
    assert account.watch_registration
    assert settings.watched(config()) == {}
