"""The demo in a real Chromium: a sample, a degradation, two methods; the slider and the metrics; messages for mistakes; no other host."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from clrface.demo.page import AS_IT_IS, make_page, serve
from tests.photographs import exif, scene

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def address(sources: Path) -> Iterator[str]:
    page = make_page(["unet_gan", "wiener"], ["unet_gan"], ["blind"], "cpu")
    yield serve(page, "127.0.0.1", 0, wait=False)
    page.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    expect(page.get_by_role("button", name="Restore")).to_be_visible(timeout=WAIT_MS)
    yield page
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), "it asks no other host for anything"
    context.close()


def take_sample(page: Page, number: int) -> None:
    page.locator("button.gallery-item").nth(number).click()
    expect(page.locator(".image-frame img").first).to_be_visible(timeout=WAIT_MS)


def test_a_sample_is_degraded_restored_and_measured(page: Page) -> None:
    take_sample(page, 0)
    page.get_by_label("Wiener filter").check()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Found 1 face; the largest was degraded and restored.")).to_be_visible(timeout=WAIT_MS)
    table = page.get_by_role("table").first
    for label in ("Input", "U-Net (GAN)", "Wiener filter", "PSNR ↑", "IDD ↓"):
        expect(table.get_by_text(label, exact=True).first).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Before and after")).to_be_visible()
    page.get_by_role("radio", name="Wiener filter").check()
    expect(page.get_by_role("radio", name="Wiener filter")).to_be_checked()


def test_mistakes_are_told_on_the_page(page: Page) -> None:
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Found no photograph, expected one.")).to_be_visible(timeout=WAIT_MS)


def test_without_a_degradation_nothing_is_measured(page: Page) -> None:
    take_sample(page, 1)
    page.get_by_role("combobox", name="Degradation").click()
    page.get_by_role("option", name=AS_IT_IS).click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("There is no ground truth, so nothing is measured.")).to_be_visible(timeout=WAIT_MS)


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "turned", "broken"])
def test_an_upload_is_read_as_a_photograph_or_refused(page: Page, mode: str, tmp_path: Path) -> None:
    """By the same reader as `clrface restore`: gradio hands the file on as it is."""
    path, rgb = tmp_path / f"{mode}.{'png' if mode == 'RGBA' else 'jpg'}", Image.fromarray(scene((200, 80, 90)))
    if mode == "broken":
        path.write_bytes(b"\xff\xd8 no image")
    elif mode == "turned":
        rgb.rotate(90, expand=True).save(path, exif=exif(6), quality=95)
    else:
        rgb.convert(mode).save(path)
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.locator(".image-frame img").first).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Restore").click()
    said = "the photograph" if mode == "broken" else "Found 1 face; the largest was degraded and restored."
    expect(page.get_by_text(said).last).to_be_visible(timeout=WAIT_MS)
    assert str(tmp_path) not in page.content() and "clrface-demo" not in page.inner_text("body")
