"""One reader for each kind of source: the transfer of an archive to this machine.

A reader does only the transfer: mirrors, retries and checksums are in `download`. All have one
signature. A new kind needs one function, one line in `READERS`, and its keys in
clrface/catalogue/schemas/sources.schema.json.
"""

import html
import os
import re
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import url2pathname

import requests
import urllib3

from clrface.fetch.packages import from_installed, from_npm, from_pypi
from clrface.fetch.progress import progress
from clrface.fetch.reader import TIMEOUT_VARIABLE, Failed, Reader, WebPage, timeout_s
from clrface.fetch.sources import SHIPPED, Archive

CHUNK_BYTES = 1 << 18
"""Bytes read at once, at most. They are written at once, so that a broken connection loses nothing.
"""
MIN_BYTES_A_SECOND = 1024
"""A server that is slower, over the timeout, is treated as silent."""
SAID_BYTES = 1 << 16
"""How much of a page or a refusal is read for the message."""
SAID_CHARACTERS = 120
RETRIED_STATUS = (408, 425, 429)
QUOTA = "Too many users have viewed or downloaded this file"
"""Google Drive's message for an exhausted quota."""


CODELOAD = "https://codeload.github.com"
DRIVE = "https://drive.usercontent.google.com"
HUB = "https://huggingface.co"


def address(archive: Archive) -> str:
    """Return where a person finds the archive with a browser, if its kind has such an address."""
    where = archive.locator
    if archive.kind == "gdrive":
        return f"https://drive.google.com/file/d/{where['id']}/view"
    if archive.kind == "hf":
        return _hub_address(where, where.get("endpoint") or HUB, "blob")
    if archive.kind == "github":
        return f"{where.get('endpoint', CODELOAD)}/{where['repository']}/tar.gz/{where['commit']}"
    return where.get("url", "")


def from_url(archive: Archive, part: Path) -> Path:
    """Get a file at an http(s) address, resumed by a Range request, or at a file:// address, used
    in place.

    Raises: Failed for a file that isn't there, and an address that can't be reached.
    """
    url = archive.locator["url"]
    if urlsplit(url).scheme != "file":
        return _receive(url, archive, part)
    path = Path(url2pathname(urlsplit(url).path))
    if not path.is_file():
        raise Failed("no such file")
    return path


def from_github(archive: Archive, part: Path) -> Path:
    """Get a repository's files at a commit, as a tar.gz; `endpoint` names another server than the
    public one.

    GitHub makes these archives on request, so their checksum may change: the entry's manifest
    checks the members.
    """
    return _receive(address(archive), archive, part)


def from_gdrive(archive: Archive, part: Path) -> Path:
    """Get a file shared on Google Drive, by its id; `endpoint` names another server.

    For large files Drive warns that it can't scan them for viruses. The warning's form is answered.

    Raises: Failed for a file that Drive doesn't give, with its message.
    """
    where = archive.locator
    words = urlencode({"id": where["id"], "export": "download", "confirm": "t"})
    try:
        return _receive(f"{where.get('endpoint', DRIVE)}/download?{words}", archive, part)
    except WebPage as page:
        if (confirmed := _form_address(page)) is None:
            raise Failed(_drive_said(page)) from page
    try:
        return _receive(confirmed, archive, part)
    except WebPage as page:
        raise Failed(_drive_said(page)) from page


def from_hf(archive: Archive, part: Path) -> Path:
    """Get a file of a Hugging Face repository at a revision.

    Another hub: `endpoint`, or the variable HF_ENDPOINT. A private one: HF_TOKEN.
    """
    where = archive.locator
    endpoint = where.get("endpoint") or os.environ.get("HF_ENDPOINT") or HUB
    token = os.environ.get("HF_TOKEN")
    return _receive(_hub_address(where, endpoint, "resolve"), archive, part, {"Authorization": f"Bearer {token}"} if token else {})


def _hub_address(where: Mapping[str, str], endpoint: str, page: str) -> str:
    """Return an address on the hub.

    Args:
        page: `resolve` for the file itself, `blob` for its page.
    """
    folder = {"model": "", "dataset": "datasets/", "space": "spaces/"}[where.get("repository_type", "model")]
    return f"{endpoint}/{folder}{where['repository']}/{page}/{where['revision']}/{where['path_in_repository']}"


def from_folder(archive: Archive, part: Path) -> Path:
    """Use a folder of this machine, for files that must be requested by hand.

    Raises: Failed for a folder that isn't there.
    """
    path = Path(archive.locator["path"])
    if not path.is_dir():
        raise Failed("no such folder")
    return path


def from_mirror(archive: Archive, part: Path) -> Path:
    """Raise Failed: the archive has no public address, and mirrors were searched before."""
    raise Failed("published nowhere else, and no mirror holds it")


READERS: dict[str, Reader] = {
    "pypi": from_pypi,
    "npm": from_npm,
    "url": from_url,
    "github": from_github,
    "gdrive": from_gdrive,
    "hf": from_hf,
    "installed": from_installed,
    "folder": from_folder,
    SHIPPED: from_folder,
    "mirror": from_mirror,
}


def _receive(url: str, archive: Archive, part: Path, headers: Mapping[str, str] | None = None) -> Path:
    """GET `url` into `part`, from the byte on where an earlier try stopped."""
    have = part.stat().st_size if part.exists() else 0
    if have and have == archive.size_bytes:
        return part
    # Compressed on the way, the bytes would be others than those counted and summed.
    asked = {"Accept-Encoding": "identity", **(headers or {})} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=asked, stream=True, timeout=(min(10.0, timeout_s()), timeout_s())) as response:
            resumed = _accept(response, archive, part, have)
            _write(response, archive, part, have if resumed else 0)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        there = f" after {part.stat().st_size:,} bytes" if part.exists() else ""
        raise Failed(f"{_cause(error)}{there}", transient=True) from error
    return part


def _accept(response: requests.Response, archive: Archive, part: Path, have: int) -> bool:
    """Return True when the answer resumes at byte `have`, False when it starts from the beginning.

    Raises: Failed for any other.
    """
    status = response.status_code
    if status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return True
    if status in (206, 416):
        part.unlink(missing_ok=True)
        raise Failed(f"the server would not go on from byte {have:,}; the part was removed", transient=True)
    if status != 200:
        received, _ = _said(response)
        raise Failed(f"the server answered {status} {response.reason} ({received})", transient=status >= 500 or status in RETRIED_STATUS)
    if response.headers.get("Content-Type", "").startswith("text/html") and not archive.file.endswith((".html", ".htm")):
        received, text = _said(response)
        said = f"the server answered 200 with a web page instead of the file ({received})"
        raise WebPage(f"{said}: it may want a log-in, a confirmation, or less traffic", response.url, text)
    return False


def _write(response: requests.Response, archive: Archive, part: Path, have: int) -> None:
    start, announced = have, response.headers.get("Content-Length", "")
    expected = archive.size_bytes if archive.size_bytes is not None or not announced else have + int(announced)
    bar = progress(desc=archive.file, initial=have, total=expected, unit="B", unit_scale=True, unit_divisor=1024)
    pace = _Pace(timeout_s())
    with bar, part.open("ab" if have else "wb") as out:
        while chunk := response.raw.read1(CHUNK_BYTES):
            have += len(chunk)
            if archive.size_bytes is not None and have > archive.size_bytes:
                break
            out.write(chunk)
            bar.update(len(chunk))
            pace.check(have)
    if archive.size_bytes is not None and have > archive.size_bytes:
        part.unlink()
        raise Failed(f"the server sent more than the expected {archive.size_bytes:,} bytes; they were removed")
    # An answer that announced its length and kept it is complete: if it is too short, it is another file.
    if expected is not None and have < expected and have - start != int(announced or -1):
        raise Failed(f"the server stopped at {have:,} of {expected:,} bytes", transient=True)


class _Pace:
    """Watches that at least MIN_BYTES_A_SECOND come, on the mean over each window of `window_s`
    seconds.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s, self.since, self.had = window_s, time.monotonic(), 0

    def check(self, have: int) -> None:
        """have: bytes so far. Raises: Failed at the end of a window in which too little came."""
        waited = time.monotonic() - self.since
        if waited < self.window_s:
            return
        if have - self.had < MIN_BYTES_A_SECOND * waited:
            said = f"the server is too slow: {have - self.had:,} bytes in {waited:.0f} s, after {have:,} bytes in all"
            raise Failed(f"{said} (wait longer: `timeout_s` in the config)", transient=True)
        self.since, self.had = time.monotonic(), have


def _said(response: requests.Response) -> tuple[str, str]:
    """What an answer without the file holds: its type, its bytes and first words; and its text."""
    kind = response.headers.get("Content-Type", "no type").split(";")[0]
    try:
        content = response.raw.read(SAID_BYTES, decode_content=True)
    except urllib3.exceptions.HTTPError:
        content = b""
    text = content.decode(errors="replace")
    more = " or more" if len(content) == SAID_BYTES else ""
    return f"{kind}, {len(content):,} bytes{more}{_quoted(text)}", text


def _quoted(text: str) -> str:
    """`, "the first words"` of a page or a plain text, without its mark-up; nothing for none."""
    without = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    words = "".join(character for character in " ".join(html.unescape(without).split()) if character.isprintable())
    return f', "{words[:SAID_CHARACTERS]}{"..." if len(words) > SAID_CHARACTERS else ""}"' if words else ""


def _drive_said(page: WebPage) -> str:
    """Why Drive gave a page, as far as it says so."""
    if QUOTA in page.text:
        return f"Google Drive's quota for this file is used up for up to 24 hours ({page})"
    return f"Google Drive gave a page instead of the file: it may not be shared any more ({page})"


class _Form(HTMLParser):
    """The page's form with the id `download-form`: its address and hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.fields, self.inside = "", dict[str, str](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("id") == "download-form":
            self.action, self.inside = said.get("action", ""), True
        elif tag == "input" and self.inside and said.get("type") == "hidden":
            self.fields[said.get("name", "")] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


def _form_address(page: WebPage) -> str | None:
    """Where the form of a virus-scan warning leads; None for a page without one."""
    form = _Form()
    form.feed(page.text)
    return f"{urljoin(page.url, form.action)}?{urlencode(form.fields)}" if form.action else None


def _cause(error: Exception) -> str:
    """The reason under the layers that urllib3 and requests wrap around it."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
        return f"no answer within {timeout_s():g} s (wait longer: `timeout_s` in the config, or {TIMEOUT_VARIABLE})"
    inner = error.args[0] if error.args else error
    reason = getattr(inner, "reason", None) or inner
    return str(reason.args[0] if isinstance(reason, Exception) and reason.args else reason)
