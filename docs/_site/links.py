"""Hooks of mkdocs.

A link to a file outside of docs/ becomes that file's path, since the site doesn't hold it. mkdocs-click 0.9 shows click 8.5's
placeholder for "no default": taken out.
"""

import re
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Rewrite the links of one page."""
    here = PurePosixPath("docs", page.file.src_uri).parent

    def rewritten(found: re.Match[str]) -> str:
        target = normpath(str(here / found[2]))
        if target.startswith("docs/"):
            return found[0]
        label = found[1].strip("`")
        return f"`{target}`" if label in (target, PurePosixPath(target).name) else f"{found[1]} (`{target}`)"

    return LINK.sub(rewritten, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Take the placeholder out."""
    return html.replace("<code>Sentinel.UNSET</code>", "")
