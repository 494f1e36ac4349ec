"""Where a method's weights lie: shipped with the project, trained here, in a folder of the user's,
or on Hugging Face.
"""

import sysconfig
from pathlib import Path

from clrface import paths
from clrface.errors import UserError
from clrface.files import sha256_file

SHIPPED = Path("models")
FITTED = Path("results/train")


def local_folder(weights: str, method: str) -> Path | None:
    """The folder of a method's weights, None when they are on a hub. It need not be there yet."""
    if weights == "shipped":
        return shipped_folder(method)
    if weights == "fit":
        return FITTED / method
    return _own_folder(Path(weights), method) if Path(weights).is_dir() else None


def shipped_folder(method: str) -> Path:
    """The weights that come with the project, or with the installed package.

    They need not be there.
    """
    found = paths.home()
    return Path(sysconfig.get_path("data"), "share", "clrface", SHIPPED, method) if found is None else found / SHIPPED / method


def weights_folder(weights: str, method: str) -> Path:
    """The folder of a method's weights, fetched from the hub where the config names a hub id.

    Raises: UserError when there is no such folder, or the hub can't be reached or has no such
    files.
    """
    folder = local_folder(weights, method)
    if folder is None:
        return _from_hub(weights, method)
    if not folder.is_dir():
        raise UserError(
            f"No weights of '{method}' at {folder} (config: `weights: {weights}`). Set `weights: shipped`, "
            "train them (snakemake --cores all train --config weights=fit), or name the folder that holds them."
        )
    return folder


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights and its config under `folder`, by its path there."""
    files = sorted(path for suffix in ("*.safetensors", "config.json") for path in Path(folder).rglob(suffix))
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def _from_hub(repository: str, method: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        snapshot = Path(snapshot_download(repository, allow_patterns=[f"{method}/**", "*.json", "*.safetensors"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"Found no folder '{repository}', and Hugging Face gave no weights under that id ({str(error).splitlines()[0]}). "
            "Correct `weights` in the config: shipped, fit, a folder that exists, or a hub id that can be reached."
        ) from error
    return _own_folder(snapshot, method)


def _own_folder(folder: Path, method: str) -> Path:
    """A method's part of a folder of several methods' weights, or the folder itself where it is the
    method's own.

    A sub-folder with a config.json is a network, not a method: models/unet/unet is the network of
    the method models/unet.
    """
    inner = folder / method
    return inner if inner.is_dir() and not (inner / "config.json").is_file() else folder
