"""Takes a picture of the page, ``python docs/draw_page.py POOL PICTURE.jpg [WIDTH HEIGHT] [dark]``.

Needs Chromium and its driver. The README's pool is one that ``knnal demo`` left.
"""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import time

from PIL import Image
from selenium import webdriver

_LOADING_S = 3


def main(
    pool: str, picture: str, width: str = "1280", height: str = "800", theme: str = ""
) -> None:
    command = [sys.executable, "-c", "from knnal_cli.main import app; app()", "serve"]
    options = ["--pool", pool, "--port", "0", "--audit", "0"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            shot = _shoot(server.stdout.readline().strip(), int(width), int(height), theme)
        finally:
            server.send_signal(signal.SIGINT)
    Image.open(io.BytesIO(shot)).convert("RGB").save(picture, quality=82, optimize=True)


def _shoot(address: str, width: int, height: int, theme: str) -> bytes:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver") or ""))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": theme or "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        browser.get(address)
        time.sleep(_LOADING_S)
        return bytes(browser.get_screenshot_as_png())
    finally:
        browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
