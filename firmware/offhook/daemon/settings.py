"""From the config's models to each room's own settings: the only place that knows both."""

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path

from offhook.config.accounts import Account
from offhook.config.location import Location as LocationConfig
from offhook.config.scalars import is_address, split_port
from offhook.config.schema import Config
from offhook.dsp.regions import TonePlan
from offhook.emergency.attempts import LadderSettings
from offhook.emergency.location import CivicLocation, GeodeticLocation, Location
from offhook.emergency.numbers import EmergencyError, numbers_for
from offhook.emergency.pidf import PidfIdentity, Provider
from offhook.engine.caller import EmergencySettings
from offhook.engine.mediarules import MediaRules
from offhook.engine.sessions import MediaOffer
from offhook.engine.tls import TlsSettings
from offhook.engine.transport import TlsListen
from offhook.media.settings import ElementSetting, MediaSettings
from offhook.phone.actions import Tone
from offhook.phone.settings import PhoneSettings
from offhook.power.settings import PowerSettings
from offhook.sip.settings import USER_AGENT, AccountSettings, EndpointSettings

OPEN_DIALPLAN = "(x.T|*x.T)"
# Where the other side hangs up, North America gives reorder tone, the rest of the world busy tone (ITU-T E.180).
REORDER_COUNTRIES = frozenset({"US", "CA"})
ACCEPT = ("application/sdp", "multipart/mixed")


def accounts(config: Config, device: str = "") -> tuple[AccountSettings, ...]:
    """Return the SIP accounts in the config's order; ``device`` is a UUID that stays with this phone."""
    return tuple(_account(account, f"urn:uuid:{device}" if device else "") for account in config.accounts)


def _account(account: Account, instance: str) -> AccountSettings:
    return AccountSettings(
        name=account.name,
        uri=account.uri,
        user=account.auth_user,
        password=account.password.reveal() if account.password else "",
        server=account.next_hop,
        transport=None if account.transport == "auto" else account.transport,
        register=account.registers,
        expires=account.expires,
        display_name=account.display_name,
        auto_answer=account.auto_answer,
        reliable=account.reliable,
        session_expires=account.session_timer or None,
        outbound_proxy=account.outbound_proxy,
        outbound=account.outbound,
        instance=instance,
        keepalive=float(account.keepalive),
        auth_minimum=account.auth.minimum,
        privacy=account.privacy,
        watch_registration=account.watch_registration,
    )


def mailboxes(config: Config) -> dict[str, str]:
    """Return the mailbox that each account subscribes to, for those that do."""
    rows = ((account.name, account.uri if account.mwi is True else account.mwi) for account in config.accounts)
    return {name: mailbox for name, mailbox in rows if isinstance(mailbox, str)}


def watched(config: Config) -> dict[str, tuple[str, ...]]:
    """Return the addresses whose calls each account watches."""
    return {account.name: account.watch for account in config.accounts if account.watch}


def endpoint(config: Config) -> EndpointSettings:
    """Return the SIP endpoint's settings."""
    sip = config.sip
    return EndpointSettings(
        user_agent=sip.user_agent or USER_AGENT,
        accept=ACCEPT,
        udp_max=sip.udp_max,
        max_calls=sip.max_calls,
        accept_from=sip.accept_from,
        listed=sip.listed,
        rate_limit=sip.strangers_rate,
        check_sync_auth=sip.check_sync_auth,
    )


def tls(config: Config) -> dict[str, TlsSettings]:
    """Return what each account asks of TLS."""
    return {account.name: _tls(account) for account in config.accounts}


def _tls(account: Account) -> TlsSettings:
    row, (host, _) = account.tls, split_port(account.next_hop)
    return TlsSettings(
        name=row.name or "",
        allow_wildcard=row.allow_wildcard,
        ca=Path(row.ca) if row.ca else None,
        certificate=Path(row.certificate) if row.certificate else None,
        key=Path(row.key) if row.key else None,
        domain="" if is_address(host) else host,
    )


def tls_listen(config: Config) -> TlsListen | None:
    """Return where TLS connections from outside are taken."""
    row = config.sip.tls_listen
    if row is None:
        return None
    return TlsListen(row.address.host, row.address.port, Path(row.certificate), Path(row.key))


def phone(config: Config, numbers: Mapping[str, str]) -> PhoneSettings:
    """Return the phone machine's settings; ``numbers`` are the emergency numbers that it is to know."""
    dialling, timers = config.dialling, config.phone
    return PhoneSettings(
        dialplan=config.dialplan or OPEN_DIALPLAN,
        emergency_numbers=tuple(numbers),
        outside_prefix=dialling.outside_prefix or "",
        first_digit=dialling.first_digit_s,
        interdigit_long=dialling.interdigit_s,
        interdigit_short=dialling.interdigit_short_s,
        ring_limit=timers.ring_timeout_s,
        reorder=timers.reorder_s,
        howler=timers.howler_s,
        disconnect_tone=Tone.REORDER if config.country in REORDER_COUNTRIES else Tone.BUSY,
        second_call=config.features.second_call,
        call_waiting=config.features.call_waiting,
        transfer_on_hangup=config.features.transfer_on_hangup,
    )


def emergency_numbers(config: Config) -> dict[str, str]:
    """Return ``{digits: service URN}``: the country's numbers and the config's own."""
    return numbers_for(config.country, {entry.number: entry.urn for entry in config.emergency.numbers})


def emergency(config: Config, numbers: dict[str, str], device: str) -> EmergencySettings:
    """Return what emergency calls need; ``device`` is a UUID that stays with this phone."""
    identity = PidfIdentity(
        entity=f"pres:{device}@offhook.invalid", device_id=f"urn:uuid:{device}", provider=_provider(config, device)
    )
    return EmergencySettings(
        numbers=numbers,
        identity=identity,
        location=location(config.location) if config.location else None,
        method=config.location.method if config.location else "Manual",
        ladder=LadderSettings(first_response=config.emergency.first_provisional_s),
    )


def _provider(config: Config, device: str) -> Provider | None:
    """Return who vouches for a location that was typed in: this phone, reached at its first account.

    None where there is no account, or its address cannot stand in the document: the location goes without it then.
    """
    first = next(iter(config.accounts), None)
    if first is None:
        return None
    name = f'offhook phone "{first.display_name or first.name}"'[:200]
    language = (config.language or "en").partition("-")[0].lower()
    try:
        return Provider(reference=f"{device}@offhook.invalid", name=name, contact=first.uri, language=language)
    except EmergencyError:
        return None


def location(config: LocationConfig) -> Location:
    """Return the configured location."""
    civic, point = config.civic, config.geodetic
    return Location(
        civic=CivicLocation.from_mapping(civic.elements() | ({"lang": civic.language} if civic.language else {}))
        if civic
        else None,
        geodetic=GeodeticLocation(
            latitude=point.latitude, longitude=point.longitude, altitude=point.altitude, radius=point.uncertainty_m
        )
        if point
        else None,
    )


def media(config: Config, sound_socket: str | None) -> MediaSettings:
    """Return the media process's settings; without cards it exchanges sound over ``sound_socket``."""
    audio = config.audio
    return MediaSettings(
        country=config.country,
        capture=audio.capture,
        playback=audio.playback,
        period_ms=audio.period_ms,
        ear_gain_db=audio.ear_gain_db,
        mic_gain_db=audio.mic_gain_db,
        ear_limit_dbfs=audio.ear_limit_dbfs,
        sound_socket=sound_socket,
        srtp=any(account.srtp != "off" for account in config.accounts),
        mixer=tuple(
            ElementSetting(name, value.either, value.playback, value.capture, value.choice, value.optional)
            for name, value in audio.mixer.items()
        ),
    )


def media_offer(config: Config) -> MediaOffer:
    """Return what every call offers."""
    return MediaOffer(config.rtp.codecs, config.rtp.ptime, config.rtp.dtmf_payload_type)


def media_rules(config: Config) -> dict[str, MediaRules]:
    """Return what each account asks of the media of its calls.

    Over UDP one suite is offered, that which everybody has: more keys would make a datagram too long for UDP.
    """
    return {
        account.name: MediaRules(
            srtp=account.srtp,
            offers=("AES_CM_128_HMAC_SHA1_80",) if account.transport in ("auto", "udp") else None,
            relays=tuple(_addresses(account.next_hop)),
            silence_s=config.rtp.silence_s,
            codec_lock=account.codec_lock,
            dtmf=config.rtp.dtmf,
        )
        for account in config.accounts
    }


def _addresses(server: str) -> Iterator[str]:
    """Yield the address of a server that is named by it."""
    host, _ = split_port(server)
    if is_address(host):
        yield str(ipaddress.ip_address(host))


def power(config: Config) -> PowerSettings:
    """Return the power machine's settings."""
    row = config.power
    return PowerSettings(
        outage_debounce=row.outage_debounce_s,
        restore_debounce=row.restore_debounce_s,
        low_percent=row.low_percent,
        low_runtime=row.low_runtime_s,
        critical_percent=row.critical_percent,
        critical_runtime=row.critical_runtime_s,
        critical_volts=row.critical_volts,
        capacity_mah=row.capacity_mah,
        full_runtime=row.full_runtime_s,
        shutdown_after=row.shutdown_after_s,
    )


def flash_window(config: Config, plan: TonePlan) -> tuple[float, float]:
    """Return the shortest and the longest hook flash in seconds: the config's, else the country's."""
    timers = config.phone
    low = plan.flash_min_ms if timers.flash_min_ms is None else timers.flash_min_ms
    high = plan.flash_max_ms if timers.flash_max_ms is None else timers.flash_max_ms
    return low / 1000, high / 1000
