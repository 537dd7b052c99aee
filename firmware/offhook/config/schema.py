"""The config file: :class:`Config` is what ``offhook.yaml`` becomes."""

from typing import Annotated

from pydantic import Field

from offhook.config.accounts import Account
from offhook.config.dialling import Dialling, PhoneTimers
from offhook.config.emergency import Emergency
from offhook.config.energy import Power
from offhook.config.features import Features
from offhook.config.location import Location
from offhook.config.network import Rtp, Sip
from offhook.config.remote import Log, Provisioning, Update, Web
from offhook.config.scalars import Country, Language, Text
from offhook.config.section import Section
from offhook.config.sound import Audio


class Config(Section):
    """The phone's config file, `offhook.yaml`. Only `country` must be there."""

    country: Country
    """Home country, two capital letters (ISO 3166): decides tones, ringing and emergency numbers."""
    language: Language | None = None
    """Language of spoken words, as `nb` or `en-US`. Not set: English."""
    serial: Text | None = None
    """Your own mark for this version of the file, shown in the status."""
    accounts: Annotated[tuple[Account, ...], Field(max_length=64)] = ()
    """SIP accounts, the most wanted first."""
    sip: Sip = Sip()
    """The phone's own end of SIP."""
    rtp: Rtp = Rtp()
    """Voice on the wire."""
    dialplan: Text | None = None
    """Digit map, as `"(xx.T|*xx)"`. Not set: any number, sent after a pause or by `#`."""
    dialling: Dialling = Dialling()
    """Waiting for digits."""
    phone: PhoneTimers = PhoneTimers()
    """The phone's own timers."""
    features: Features = Features()
    """Two calls in one hand."""
    location: Location | None = None
    """Where the phone stands; sent with emergency calls only."""
    emergency: Emergency = Emergency()
    """Emergency calls."""
    audio: Audio = Audio()
    """The sound card."""
    power: Power = Power()
    """Mains and battery."""
    provisioning: Provisioning = Provisioning()
    """Config from afar."""
    update: Update = Update()
    """New versions."""
    web: Web = Web()
    """The page."""
    log: Log = Log()
    """The journal."""
