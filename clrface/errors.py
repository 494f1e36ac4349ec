"""The error that a user can cause, and the answer to a wrong name."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class UserError(ValueError):
    """An error that the user can fix: what was found, what was expected, what to do next.

    The command line prints its message without a traceback and exits with code 2.
    """


def unknown_name(kind: str, name: str, available: Iterable[str]) -> UserError:
    """Make the error for an unknown name, with the nearest known one.

    >>> str(unknown_name("metric", "lpip", ["lpips_vgg", "psnr"]))
    "Unknown metric 'lpip'. Did you mean 'lpips_vgg'? Available: lpips_vgg, psnr."
    """
    names = sorted(available)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UserError(f"Unknown {kind} '{name}'.{hint} Available: {', '.join(names) or 'none'}.")


@contextmanager
def reading(what: str, advice: str) -> Iterator[None]:
    """Read a file within this context: whatever its reader raises on damaged bytes becomes one
    error.

    Args:
        what: the file, e.g. `models/x.onnx as an ONNX file`.
        advice: what to do about it, the last sentence of the error.

    Raises: UserError of `what`, the reason and `advice`; another UserError as it is.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # KeyError, IndexError, UnicodeDecodeError, struct.error, ...: whatever the bytes lead a reader to
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UserError(f"Can't read {what} ({reason}). {advice}") from error


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Import within this context what an extra of this package provides.

    Args:
        name: the extra's.
        what: what needs it, as the start of a sentence, e.g. `Training`.

    Raises: UserError that names the package and the extra, for a missing package other than this
    one.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "clrface":
            raise
        how = f"Install it: pip install 'clrface-bench[{name}]' (in a clone: make dev)."
        raise UserError(f"{what} needs the package {package}, which isn't installed. {how}") from error
