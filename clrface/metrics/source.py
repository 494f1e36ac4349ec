"""Where a metric finds its fetched weights."""

from pathlib import Path

from clrface.errors import UserError
from clrface.intact import intact


def source_file(sources: Path, name: str) -> Path:
    """The file `name`, e.g. `dlib/shape_predictor_68_face_landmarks.dat`, under the folder of fetched sources.

    Raises: UserError when it is not there, or was damaged since.
    """
    path = Path(sources) / name
    if not path.is_file():
        source = name.split("/")[0]
        raise UserError(f"No weights at {path}. Fetch the source '{source}' first: python -m clrface fetch {source}")
    return intact(path)
