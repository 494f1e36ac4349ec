"""The one error that a user can cause, and how a wrong name is answered."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """Something that the user can put right: says what was found, what was expected, what to do next.

    The command line prints its message without a traceback and exits with code 2.
    """


def unknown_name(kind: str, name: str, available: Iterable[str]) -> UserError:
    """The error for a name that is not there, with the nearest one that is.

    >>> str(unknown_name("metric", "lpip", ["lpips_vgg", "psnr"]))
    "Unknown metric 'lpip'. Did you mean 'lpips_vgg'? Available: lpips_vgg, psnr."
    """
    names = sorted(available)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"Unknown {kind} '{name}'.{hint} Available: {', '.join(names) or 'none'}.")
