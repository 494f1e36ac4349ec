"""The demo's page, by gradio: a photograph, a degradation, methods; then before and after under a slider, and the metrics.

gradio is an extra: pip install 'clrface-bench[demo]'. The page loads nothing from the network.
"""

import socket
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clrface.api import OK
from clrface.demo.trial import INPUT, Trial, run_trial, samples
from clrface.errors import UserError, extra
from clrface.metrics.registry import metric_card
from clrface.photo.detect import SOURCE, FaceDetector
from clrface.photo.files import Photo, read_photo
from clrface.ready import fetched, ready
from clrface.registry import method_card

AS_IT_IS = "none: restore the photograph as it is"
TITLE = "CLR-Face Bench: try it"
ABOUT = (
    "Drop a photograph or take a generated face. With a degradation, its largest face is cut out, degraded and restored, and the result "
    "is measured against the face before. Without one, every face of the photograph is restored."
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
UPLOAD = "50mb"
CLEANING_S = (600, 3600)
"""How often uploads and results are looked through, and how old they may become, in seconds."""


def make_page(methods: Sequence[str], chosen: Sequence[str], degradations: Sequence[str], device: str) -> Any:
    """Build the page.

    Args:
        methods: names to choose from; each is loaded when it is first used.
        chosen: those that are ticked at first.
        degradations: names to choose from.
        device: auto, cpu, cuda or mps.

    Returns: a `gradio.Blocks`, to be launched. Raises: UserError without gradio.
    """
    gr = _gradio()
    load = cache(lambda name: ready(name, {}, device=device))
    detector = cache(lambda: FaceDetector(fetched([SOURCE])))

    def run(path: str | None, degradation: str, names: list[str], seed: float | None, force: bool) -> tuple[Any, ...]:
        try:
            trial = run_trial(_photo(path), _name(degradation), [load(name) for name in names], detector(), int(seed or 0), force)
        except UserError as error:
            message = str(error).replace(str(path), "the photograph")  # where the server keeps it is nobody's business
            raise gr.Error(message, duration=None, print_exception=False) from error
        first = names[0]
        shown = gr.Radio(choices=[(_label(name), name) for name in names], value=first, visible=len(names) > 1)
        return trial, shown, _pair(trial, first), _gallery(trial), _table(trial), _summary(trial)

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CLEANING_S) as page:
        gr.Markdown(f"# {TITLE}\n{ABOUT}")
        state = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1):
                photo = gr.Image(label="Photograph", type="filepath", format="png", sources=["upload", "clipboard"], height=260)
                photo.preprocess = _as_uploaded
                gr.Examples([[str(path)] for path in samples()], photo, label="Generated faces: nobody's photographs")
                degradation = gr.Dropdown([AS_IT_IS, *degradations], value="blind", label="Degradation")
                names = gr.CheckboxGroup([(_label(name), name) for name in methods], value=list(chosen), label="Methods")
                seed = gr.Number(0, precision=0, minimum=0, label="Seed")
                force = gr.Checkbox(False, label="Without a degradation: restore sharp faces too, which then lose detail")
                button = gr.Button("Restore", variant="primary")
            with gr.Column(scale=2):
                told = gr.Markdown()
                shown = gr.Radio([], label="Under the slider", visible=False)
                slider = gr.ImageSlider(label="Before and after", type="numpy", format="png", interactive=False)
                gallery = gr.Gallery(label="All results", columns=4, format="png", height=240)
                scores = gr.Markdown()
        button.click(run, [photo, degradation, names, seed, force], [state, shown, slider, gallery, scores, told])
        shown.change(lambda trial, label: _pair(trial, label) if trial else None, [state, shown], slider)
    return page


def serve(page: Any, host: str, port: int, *, wait: bool = True) -> str:
    """Serve the page until Ctrl-C; with `wait=False` return at once.

    Returns: its address. Raises: UserError for an address or a port that can't be used.
    """
    gr = _gradio()
    if host not in LOOPBACK:
        print(f"Anyone who reaches {host} can use this page: it asks for no password. Photographs go to this machine.", file=sys.stderr)
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    try:
        where = {"server_name": host, "server_port": _free_port(host, port), "share": False, "max_file_size": UPLOAD}
        _, address, _ = page.launch(**where, prevent_thread_lock=True, quiet=True, theme=theme, footer_links=[])
    except OSError as error:
        raise UserError(
            f"Can't serve at {host}, port {port} ({error}). Take a free port (--port 0) of an address of this machine."
        ) from error
    print(f"The demo is at {address} (Ctrl-C stops it).", flush=True)
    if wait:
        page.block_thread()
    return str(address)


def _free_port(host: str, port: int) -> int:
    """Check that a port can be had, before threads start; 0 is any that is free."""
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as taken:
        return taken.getsockname()[1]


def _gradio() -> Any:
    with extra("demo", "The demo"):
        import gradio
    return gradio


def _as_uploaded(payload: Any) -> str | None:
    """The uploaded file as it is, not as gradio would convert it: our reader knows profiles, 16 bits and damage.

    Set on the component: of a subclass, gradio would write a .pyi file beside this one.
    """
    return payload.path if payload else None


def _photo(path: str | None) -> Photo:
    if not path:
        raise UserError("Found no photograph, expected one. Drop one, or take one of the generated faces.")
    return read_photo(Path(path))


def _name(degradation: str) -> str:
    return "" if degradation == AS_IT_IS else degradation


def _label(name: str) -> str:
    return name if name == INPUT else method_card(name).label


def _pair(trial: Trial, name: str) -> tuple[np.ndarray, np.ndarray]:
    return trial.before, trial.after[name]


def _gallery(trial: Trial) -> list[tuple[np.ndarray, str]]:
    truth = [] if trial.truth is None else [(trial.truth, "Ground truth")]
    return [(trial.before, "Input"), *((image, _label(name)) for name, image in trial.after.items()), *truth]


def _table(trial: Trial) -> str:
    """A row an image, a column a metric, in Markdown; empty without ground truth."""
    if not trial.scores:
        return ""
    metrics = list(next(iter(trial.scores.values())))
    rows = [["against the ground truth", *map(_heading, metrics)], ["---", *["---:"] * len(metrics)]]
    for name, values in trial.scores.items():
        rows.append([_label(name), *(f"{values[metric]:.{metric_card(metric).decimals}f}" for metric in metrics)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _heading(metric: str) -> str:
    card = metric_card(metric)
    return f"{card.label} {'↑' if card.direction == 'higher' else '↓'}"


def _summary(trial: Trial) -> str:
    """What was found, what was restored, and what was kept and why."""
    count = len(next(iter(trial.faces.values())))
    found = f"Found {count} face{'s' if count > 1 else ''}"
    if trial.truth is not None:
        notes = [f"{_label(name)} works at {size}x{size}: its result is enlarged." for name, size in trial.enlarged.items()]
        return " ".join([f"{found}; the largest was degraded and restored. One image is an example, not a result.", *notes])
    parts = [f"{_label(name)} {_tally(status)}" for name, status in trial.faces.items()]
    return f"{found}. {'; '.join(parts)}. There is no ground truth, so nothing is measured."


def _tally(status: Sequence[str]) -> str:
    """`restored 2; kept 1 (finer than the method's size)`."""
    counts = Counter(status)
    kept = [f"kept {count} ({reason.removeprefix('kept: ')})" for reason, count in counts.items() if reason != OK]
    return ", ".join([f"restored {counts[OK]}", *kept])
