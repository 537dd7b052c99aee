"""Draw docs/phone.png, the page in a call with the echo: ``PYTHONPATH=. python tests/browser/screenshot.py``.

A browser's PNG of dithered gradients is large: this one has a third of the shades, and filters chosen row by row.
"""

import base64
import struct
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect, sync_playwright

from tests.support.simulator import Simulator, chromium

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "phone.png"
WIDTH, HEIGHT = 1280, 800
SHADE = 3
PIXELS = """async (picture) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
  const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
  pen.drawImage(image, 0, 0);
  const octets = pen.getImageData(0, 0, image.width, image.height).data, parts = [];
  for (let i = 0; i < octets.length; i += 4096) parts.push(String.fromCharCode(...octets.subarray(i, i + 4096)));
  return btoa(parts.join(""));
}"""


def main() -> int:
    """Make a call and take the picture."""
    with TemporaryDirectory() as folder, Simulator(Path(folder)) as sim, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(sim.url)
        page.locator("#handset").click()
        expect(page.locator("#headline")).to_have_text("Dial tone")
        page.keyboard.type("100")
        expect(page.locator("#headline")).to_have_text("Talking to 100", timeout=15_000)
        page.mouse.move(640, 20)
        sim.wait(lambda status: bool(status["calls"]) and status["calls"][0]["rx"] > 300, "echo")
        picture = base64.b64encode(page.screenshot()).decode()
        page.goto("about:blank")
        octets = base64.b64decode(page.evaluate(PIXELS, picture))
        browser.close()
    pixels = np.frombuffer(octets, np.uint8).reshape(HEIGHT, WIDTH, 4)[:, :, :3]
    PICTURE.write_bytes(png(np.minimum(255, np.round(pixels / SHADE) * SHADE).astype(np.uint8)))
    sys.stderr.write(f"{PICTURE}: {PICTURE.stat().st_size // 1024} kB\n")
    return 0


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file of (height, width, 3) pixels; each row under the filter that leaves least."""
    here = pixels.astype(np.int16)
    left, up, corner = np.zeros_like(here), np.zeros_like(here), np.zeros_like(here)
    left[:, 1:], up[1:], corner[1:, 1:] = here[:, :-1], here[:-1], here[:-1, :-1]
    guess = left + up - corner
    a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
    filters = [(here - guessed).astype(np.uint8) for guessed in (0 * here, left, up, (left + up) // 2, paeth)]
    best = np.argmin([np.abs(rest.astype(np.int8).astype(np.int32)).sum((1, 2)) for rest in filters], axis=0)
    rows = b"".join(bytes([kind]) + filters[kind][y].tobytes() for y, kind in enumerate(best))
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


if __name__ == "__main__":
    sys.exit(main())
