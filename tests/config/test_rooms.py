"""What the config takes, the rooms take: no setting that passes here fails where it is used."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.config.accounts import Account
from offhook.config.countries import COUNTRIES
from offhook.config.emergency import Emergency
from offhook.config.faults import ConfigError
from offhook.config.load import load
from offhook.config.location import Location
from offhook.daemon import settings as rooms
from offhook.daemon.files import VALIDATORS
from offhook.dsp.regions import plan
from offhook.sip.messages.uri import parse_uri

HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9])?(\.[a-z]{1,5}){0,2}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"),
)
WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=6)
PORTS = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"sips?:[ -~]{1,12}", fullmatch=True), HOSTS, PORTS)
def test_every_address_of_record_is_a_sip_uri(user: str, host: str, port: str) -> None:
    try:
        account = Account(name="a", uri=f"{user}@{host}{port}")
    except ValueError:
        return
    assert str(parse_uri(account.uri))
    (made,) = rooms.accounts(load("country: NO\n").model_copy(update={"accounts": (account,)}))
    assert made.uri == account.uri


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS, st.floats(-91, 91), st.floats(-181, 181), st.floats(-1, 1e6))
def test_every_location_is_one_that_can_be_sent(a: str, b: str, lat: float, long: float, radius: float) -> None:
    try:
        place = Location.model_validate(
            {
                "civic": {"country": "NO", "A3": a, "RD": b, "language": "nb"},
                "geodetic": {"latitude": lat, "longitude": long, "uncertainty_m": radius},
            }
        )
    except ValueError:
        return
    assert rooms.location(place).civic is not None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("0123456789*#+ ", min_size=1, max_size=18), max_size=3))
def test_every_emergency_number_is_one_that_can_be_dialled(numbers: list[str]) -> None:
    try:
        emergency = Emergency.model_validate({"numbers": numbers})
    except ValueError:
        return
    known = rooms.emergency_numbers(load("country: NO\n").model_copy(update={"emergency": emergency}))
    assert set(numbers) <= set(known)


def test_every_country_makes_a_phone_or_a_fault() -> None:
    refused = {country for country in COUNTRIES if not makes_a_phone(country)}
    assert refused == {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}  # nobody knows an emergency number there


def makes_a_phone(country: str) -> bool:
    try:
        config = load(f"country: {country}\n", validators=VALIDATORS)
    except ConfigError as error:
        return error.faults[0].path != "country"
    return bool(rooms.emergency_numbers(config)) and plan(country) is not None
