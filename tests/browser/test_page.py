"""The page in a real chromium: a person lifts, dials by clicking, talks with the echo and pulls the plug."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, expect, sync_playwright

from tests.support.simulator import Listener, Simulator, chromium, level, pitch, samples

pytestmark = pytest.mark.browser
SECONDS = 1000


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("sim")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose errors fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # The browser itself tells of each refused or lost connection, which some tests bring about.
        expected = ("WebSocket connection to", "Failed to load resource", "net::ERR_")
        if message.type in ("error", "warning") and not any(text in message.text for text in expected):
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", heard)
    yield page
    context.close()
    assert not complaints


@pytest.fixture
def phone(page: Page, sim: Simulator) -> Page:
    """The page of a phone that rests on its hook."""
    sim.rest()
    return opened(page, sim)


def opened(page: Page, sim: Simulator) -> Page:
    page.goto(sim.url)
    expect(page.locator("body[data-ready=true]")).to_be_attached(timeout=10 * SECONDS)
    return page


def handset(page: Page) -> Locator:
    return page.locator("#handset")


def lamp(page: Page, name: str) -> Locator:
    return page.locator(f"#lamp-{name}")


def shows(page: Page, headline: str, seconds: float = 10) -> None:
    expect(page.locator("#headline")).to_have_text(headline, timeout=seconds * SECONDS)


def hears(page: Page) -> None:
    """The meter shows more than -40 dB."""
    expect(page.locator("#scope")).to_have_attribute("aria-valuenow", re.compile(r"^(0|-[1-3]?\d)$"))


def dial(page: Page, number: str) -> None:
    for key in number:
        page.locator("#keys").get_by_role("button", name=key, exact=True).click()


# -- calls ----------------------------------------------------------------------------------------------------------


def test_a_call_to_the_echo_has_sound_both_ways(page: Page, sim: Simulator, tmp_path: Path) -> None:
    sim.rest()
    sound = Listener(page)
    opened(page, sim)
    shows(page, "On hook")
    page.get_by_role("button", name="Lift the handset").click()
    shows(page, "Dial tone")
    expect(page.locator("#tone")).to_have_text("dial tone")
    expect(page.locator("body[data-sound=both]")).to_be_attached()
    hears(page)
    assert abs(pitch(samples(sound.ear[-50:])) - 350) < 100, "the dial tone of this country is 350 and 440 Hz"
    dial(page, "100")
    shows(page, "Talking to 100")
    expect(lamp(page, "line")).to_have_attribute("data-state", "on")

    sound.clear()
    while len(sound.ear) < 300:  # three seconds of what comes back
        page.wait_for_timeout(50)
    said, heard = samples(sound.mouth), samples(sound.ear)
    assert level(said) > -40, "the fake microphone beeps"
    assert level(heard) == pytest.approx(level(said), abs=3), "the echo is as loud as what was said"
    assert pitch(heard) == pytest.approx(pitch(said), rel=0.05), "and of the same pitch"
    counted = sim.wait(
        lambda status: min(status["calls"][0][way] for way in ("rx", "tx")) > 100, "100 packets each way"
    )
    assert counted["calls"][0]["lost"] == 0

    picture = tmp_path / "phone.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 50_000
    page.get_by_role("button", name="Put the handset back").click()
    shows(page, "On hook")
    sim.wait(lambda status: not status["calls"], "end of the call")
    expect(lamp(page, "line")).to_have_attribute("data-state", "off")


def test_a_busy_number_sounds_busy(phone: Page) -> None:
    handset(phone).click()
    shows(phone, "Dial tone")
    dial(phone, "101")
    expect(phone.locator("#tone")).to_have_text("busy tone", timeout=10 * SECONDS)
    handset(phone).click()
    shows(phone, "On hook")


def test_a_flash_holds_a_call_dials_a_second_and_goes_from_one_to_the_other(phone: Page) -> None:
    flash = phone.get_by_role("button", name="Flash: tap the hook")
    handset(phone).click()
    shows(phone, "Dial tone")
    dial(phone, "100")
    shows(phone, "Talking to 100")
    flash.click()
    shows(phone, "Dial tone")
    expect(phone.locator("#hint")).to_have_text("100 is on hold: dial another number, or flash to return.")
    dial(phone, "105")
    shows(phone, "Talking to 105")
    expect(phone.locator("#hint")).to_have_text("100 is on hold: flash goes there.")
    expect(phone.locator("#line")).to_contain_text("100, on hold")
    phone.keyboard.press("f")
    shows(phone, "Talking to 100")
    handset(phone).click()
    shows(phone, "It rings")
    expect(phone.locator("#hint")).to_have_text("105 calls: lift the handset to answer.")
    handset(phone).click()
    shows(phone, "Talking to 105")
    handset(phone).click()
    shows(phone, "On hook")


def test_a_number_to_try_is_dialled_and_calls_back(phone: Page) -> None:
    phone.get_by_role("button", name="103 calls you back").click()
    shows(phone, "Talking to 103")
    handset(phone).click()
    shows(phone, "It rings", 20)
    expect(phone.locator("#hint")).to_have_text("103 calls: lift the handset to answer.")
    expect(lamp(phone, "line")).to_have_attribute("data-state", "blink")
    body = phone.locator("#phone")
    for striking in ("true", "false"):  # two seconds of ringing, four of silence
        expect(body).to_have_attribute("data-bell", striking, timeout=6 * SECONDS)
    handset(phone).click()
    shows(phone, "Talking to 103")
    expect(body).to_have_attribute("data-bell", "false")
    handset(phone).click()
    shows(phone, "On hook")


def test_keys_pressed_in_a_call_are_dtmf(phone: Page) -> None:
    phone.get_by_role("button", name="104 milliwatt").click()
    shows(phone, "Talking to 104")
    dial(phone, "5")
    expect(phone.get_by_role("log")).to_contain_text("DTMF 5 sent")
    handset(phone).click()
    shows(phone, "On hook")


def test_an_emergency_number_reaches_the_stub_desk_and_says_so(phone: Page, sim: Simulator) -> None:
    handset(phone).click()
    shows(phone, "Dial tone")
    dial(phone, "911")
    shows(phone, "Talking to the emergency desk", 20)
    expect(phone.locator("#hint")).to_have_text("A stub inside this program: nobody outside hears this.")
    assert sim.status()["calls"][0]["emergency"] is True
    handset(phone).click()
    shows(phone, "On hook")


# -- the rest of the phone ------------------------------------------------------------------------------------------


def test_the_pulled_plug_lights_the_battery_lamp(phone: Page) -> None:
    battery = lamp(phone, "battery")
    expect(battery).to_have_attribute("data-state", "off")
    phone.get_by_role("button", name="Mains plug").click()
    expect(phone.get_by_text("on battery")).to_be_visible()
    expect(battery).to_have_attribute("data-state", "on", timeout=15 * SECONDS)
    phone.locator("#battery").fill("3")
    expect(battery).to_have_attribute("data-state", "blink", timeout=15 * SECONDS)
    expect(phone.locator("#percent")).to_have_text("3 %")
    phone.get_by_role("button", name="Mains plug").click()
    expect(phone.get_by_text("on mains")).to_be_visible()


def test_the_keyboard_alone_is_enough(phone: Page, sim: Simulator) -> None:
    phone.keyboard.press("Space")
    shows(phone, "Dial tone")
    phone.keyboard.type("1")
    shows(phone, "Dialling 1")
    phone.keyboard.type("01")
    expect(phone.locator("#tone")).to_have_text("busy tone", timeout=10 * SECONDS)
    phone.keyboard.press("Space")
    shows(phone, "On hook")
    handset(phone).focus()
    phone.keyboard.press("Enter")  # as a screen reader's user does it
    shows(phone, "Dial tone")
    phone.keyboard.press("Tab")
    assert phone.evaluate("document.activeElement.id") in ("plug", "battery", "sound")
    phone.locator("#keys").get_by_role("button", name="5", exact=True).focus()
    phone.keyboard.press("Space")  # presses the key that has the focus, not the hook
    shows(phone, "Dialling 5")
    phone.keyboard.press("p")
    expect(phone.locator("#supply")).to_have_text("on battery")
    phone.keyboard.press("p")
    expect(phone.locator("#supply")).to_have_text("on mains")


def test_a_key_pressed_twice_is_two_digits(phone: Page) -> None:
    handset(phone).click()
    shows(phone, "Dial tone")
    phone.keyboard.type("100", delay=0)  # faster than a finger could
    shows(phone, "Talking to 100")


def test_a_reload_finds_the_handset_as_it_is(phone: Page) -> None:
    handset(phone).click()
    shows(phone, "Dial tone")
    phone.reload()
    shows(phone, "Dial tone")
    expect(handset(phone)).to_have_attribute("aria-pressed", "true")
    expect(lamp(phone, "line")).to_have_attribute("data-state", "on")
    handset(phone).click()
    shows(phone, "On hook")


def test_the_handset_follows_somebody_else(phone: Page, sim: Simulator) -> None:
    sim.board.request("lift")
    expect(handset(phone)).to_have_attribute("aria-pressed", "true")
    sim.board.request("hang_up")
    expect(handset(phone)).to_have_attribute("aria-pressed", "false")


def test_sound_goes_to_the_newest_tab_and_can_be_brought_back(phone: Page, sim: Simulator) -> None:
    phone.get_by_role("button", name="turn the sound on").click()
    expect(phone.locator("#sound")).to_have_text("sound is on")
    other = phone.context.new_page()
    opened(other, sim)
    expect(phone.locator("#sound")).to_have_text("in another tab: bring it here")
    phone.locator("#sound").click()
    expect(phone.locator("#sound")).to_have_text("sound is on")
    expect(other.locator("#sound")).to_have_text("in another tab: bring it here")
    other.locator("#handset").click()  # who lifts, has it
    expect(other.locator("#sound")).to_have_text("sound is on")
    other.locator("#handset").click()
    other.close()


# -- its layout -----------------------------------------------------------------------------------------------------


def test_the_phone_fits_a_small_laptop(phone: Page) -> None:
    for _ in range(2):
        for box in (
            handset(phone).bounding_box(),
            phone.locator("#keys").bounding_box(),
            phone.locator("#plug").bounding_box(),
        ):
            assert box is not None
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 800
        assert phone.evaluate("document.documentElement.scrollHeight <= innerHeight")
        handset(phone).click()
        shows(phone, "Dial tone" if handset(phone).get_attribute("aria-pressed") == "true" else "On hook")
        while phone.evaluate("document.getAnimations().some((a) => a.playState === 'running')"):
            phone.wait_for_timeout(20)


def test_the_last_line_of_the_journal_stays_in_sight(phone: Page) -> None:
    handset(phone).click()
    shows(phone, "Dial tone")
    dial(phone, "911")
    shows(phone, "Talking to the emergency desk", 20)  # a headline of two lines: the journal has less room
    handset(phone).click()
    shows(phone, "On hook")
    expect(phone.locator("#log li").last).to_contain_text("on hook")
    lines, seen = phone.locator("#log li").last.bounding_box(), phone.locator(".roll").bounding_box()
    assert lines is not None
    assert seen is not None
    assert phone.evaluate("(roll) => roll.scrollHeight > roll.clientHeight", phone.locator(".roll").element_handle())
    assert seen["y"] <= lines["y"]
    assert lines["y"] + lines["height"] <= seen["y"] + seen["height"] + 1


def test_the_help_on_keys_stays_within_its_column(phone: Page) -> None:
    column, words = phone.locator("#numbers").bounding_box(), phone.locator(".keyline span").last.bounding_box()
    assert column is not None
    assert words is not None
    assert words["x"] + words["width"] <= column["x"] + column["width"] + 1


def test_the_phone_fits_a_pocket(phone: Page) -> None:
    phone.set_viewport_size({"width": 390, "height": 844})
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    for key in phone.locator("#keys button").all():
        box = key.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 30
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


# -- when something is wrong ----------------------------------------------------------------------------------------


def test_a_wrong_token_is_told(page: Page, sim: Simulator) -> None:
    page.goto(re.sub("token=.*", "token=guessed", sim.url))
    expect(page.locator("body")).to_have_text("open the address that offhook printed: it ends in ?token=...")


def test_a_refused_microphone_is_told_and_the_ear_still_hears(playwright: Playwright, sim: Simulator) -> None:
    sim.rest()
    browser = chromium(playwright, ["--no-sandbox", "--use-fake-device-for-media-stream", "--deny-permission-prompts"])
    page = opened(browser.new_page(), sim)
    handset(page).click()
    shows(page, "Dial tone")
    expect(page.locator("#sound")).to_have_text("microphone refused: try again")
    hears(page)
    assert page.evaluate("document.body.dataset.sound") != "both"
    browser.close()


def test_the_page_waits_for_a_phone_that_restarts(page: Page, tmp_path: Path) -> None:
    banner = page.locator("#banner")
    with Simulator(tmp_path) as simulator:
        opened(page, simulator)
        port = page.url.partition("127.0.0.1:")[2].partition("/")[0]
    expect(banner).to_have_text("The phone has stopped. Start it again: this page waits for it.")
    page.route("**/?token=*", lambda route: route.fulfill(status=403))  # as a phone with another token answers
    expect(banner).to_contain_text("This address is of another run of the phone")
    page.unroute("**/?token=*")
    with Simulator(tmp_path, ["--port", port]):
        expect(banner).to_be_hidden()
        shows(page, "On hook")
