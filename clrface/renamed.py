"""Keys and ids that have another name now. One release reads the old one, and says so."""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Renamed:
    """The names of one kind that changed."""

    kind: str
    """As a note says it: `key`, `method`, `protocol`."""
    names: Mapping[str, str]
    """The present name of each old one."""

    def now(self, name: str) -> str:
        """Return the present name; a note on stderr reports an old one, once a process."""
        if name in self.names:
            tell_once(self.kind, name, self.names[name])
        return self.names.get(name, name)

    def among(self, name: str, known: Collection[str]) -> str:
        """Return the one of `known` that a name means, new or old; the name itself where it means
        none.

        What an earlier release made has the old names: `known` may hold these.
        """
        if name in known:
            return name
        if self.names.get(name) in known:
            return self.now(name)
        return next((old for old, new in self.names.items() if new == name and old in known), name)


KEYS = Renamed("key", {"profile": "preset"})
METHODS = Renamed("method", {"identity": "input", "oracle": "ground_truth"})
PROTOCOLS = Renamed("protocol", {"two_judges": "two_recognisers", "recognition_two_judges": "recognition_two_recognisers"})


@cache
def tell_once(kind: str, old: str, new: str) -> None:
    """Report an old name on stderr."""
    print(f"Note: the {kind} `{old}` is called `{new}` now. The next release no longer reads the old name.", file=sys.stderr)
