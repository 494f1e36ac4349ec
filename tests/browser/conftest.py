"""A real Chromium for the tests of pages."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. Root, as in a container, has no sandbox to give it."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=_chromium(), args=arguments)
        yield browser
        browser.close()


def _chromium() -> str:
    """Where Chromium is. Without one the tests are skipped, and fail where CLRFACE_BROWSER=required, as in CI."""
    found = os.environ.get("CLRFACE_CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    message = (
        f"No Chromium on this machine (looked for {', '.join(NAMES)}). "
        "Install it (Debian, Ubuntu: apt-get install chromium), or name one: CLRFACE_CHROMIUM=path."
    )
    return pytest.fail(message) if os.environ.get("CLRFACE_BROWSER") == "required" else pytest.skip(message)
