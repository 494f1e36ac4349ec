"""A file server with moods on the loopback, and a project's data folders: what the tests of fetching share."""

import hashlib
import io
import tarfile
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from clrface.fetch import Source, fetch, load_sources
from clrface.seeds import generator

MEMBERS = {f"top/{name}.bin": generator(0, "test", "fetch", name).bytes(40_000) for name in ("a", "b", "c")}
AT_ONCE = (0.0, 0.0)
"""Three tries without waits between them."""
COMMIT = "d5697aba1806420310b08df983034b66a8ed9743"
CLOSED = "http://127.0.0.1:1"
"""A port that nothing listens on: the connection is refused."""


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sum_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ARCHIVE = zipped(MEMBERS)
PAGE = b"\n<!DOCTYPE html><html><head><title>Quota exceeded</title></head><body>Too many users</body></html>"


class Shelf(ThreadingHTTPServer):
    """A file server with moods."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.cut_at: list[int] = []
        """Each answer with a body takes one: the connection closes after so many bytes of it."""
        self.statuses: list[int] = []
        """Each GET takes one and is answered with it."""
        self.waits_s = 0.0
        """Before each answer."""
        self.trickles_s = 0.0
        """Between two pieces of 100 bytes of each body; 0 sends all at once."""
        self.ranges = True
        self.announces_length = True
        self.asked: list[tuple[str, str | None]] = []
        """Path and Range of each GET."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Shelf

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Range"]))
        if self.server.statuses:
            return self.send_error(self.server.statuses.pop(0))
        time.sleep(self.server.waits_s)
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        shelf, content = self.server, self.server.files.get(self.path)
        if content is None:
            return self.refuse_missing()
        ranges = shelf.ranges and not shelf.kinds.get(self.path, "").startswith(
            "text/html"
        )  # no part of a page that is made when asked for
        start = int(self.headers["Range"].split("=")[1].split("-")[0]) if self.headers["Range"] and ranges else None
        if start is not None and start >= len(content):
            return self.send_error(416)
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        body = content[start or 0 :]
        if shelf.announces_length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", shelf.kinds.get(self.path, "application/octet-stream"))
        for name, value in shelf.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.send_body(body[: shelf.cut_at.pop(0)] if shelf.cut_at else body)

    def send_body(self, body: bytes) -> None:
        try:
            for start in range(0, len(body), 100) if self.server.trickles_s else ():
                self.wfile.write(body[start : start + 100])
                time.sleep(self.server.trickles_s)
            if not self.server.trickles_s:
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has had enough

    def refuse_missing(self) -> None:
        """404, with the header by which the hub's client knows that the file, not the network, is missing."""
        self.send_response(404)
        self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet: what was asked is in `Shelf.asked`."""


class Place:
    """A project's data folders, and a clrface/catalogue/sources.yaml with one source, `toy`."""

    def __init__(self, base: Path) -> None:
        self.base, self.raw, self.downloads = base, base / "raw", base / "downloads"
        self.toy = self.raw / "toy"
        self.config = base / "sources.yaml"

    def sources(self, *archives: dict[str, Any], **entry: Any) -> dict[str, Source]:
        checked = {"file": "toy.zip", "sha256": sum_of(ARCHIVE), "bytes": len(ARCHIVE), "strip": "top/"}
        whole = [{**checked, **archive} for archive in archives]
        listed = [{key: value for key, value in archive.items() if value is not None} for archive in whole]
        toy = {"archives": listed, "members": ["*.bin"], "licence": "none", "citation": "none", **entry}
        if "manifest" not in entry:
            toy.setdefault("files", len(MEMBERS))
        self.config.write_text(yaml.safe_dump({"toy": toy}))
        return load_sources(self.config)

    def fetch(self, sources: dict[str, Source], *mirrors: Path) -> Path:
        return fetch("toy", sources, self.raw, self.downloads, mirrors, AT_ONCE)

    def files(self) -> dict[str, bytes]:
        return {path.relative_to(self.toy).as_posix(): path.read_bytes() for path in self.toy.rglob("*.bin")}

    def leftovers(self) -> list[str]:
        """What shouldn't be there after a fetch, whether it went well or not."""
        inside = [path.name for folder in (self.raw, self.downloads / "toy") if folder.is_dir() for path in folder.iterdir()]
        return sorted(name for name in inside if name not in ("toy", "toy.zip", ".lock"))


ALL = {name.removeprefix("top/"): content for name, content in MEMBERS.items()}


def at(url: str) -> dict[str, Any]:
    return {"kind": "url", "url": url}
