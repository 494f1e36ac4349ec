"""The demo's page, by gradio: a photograph, a degradation, methods; then before and after under a slider, and the metrics.

gradio is an extra: pip install 'clrface-bench[demo]'. The page loads nothing from the network.
"""

import socket
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clrface.demo.trial import Trial, run_trial, samples
from clrface.errors import UserError, extra
from clrface.metrics.registry import metric_card
from clrface.photo.detect import SOURCE, FaceDetector
from clrface.photo.files import read_photo
from clrface.ready import Ready, fetched, ready
from clrface.registry import method_card

AS_IT_IS = "none: restore the photograph as it is"
TITLE = "CLR-Face Bench: try it"
ABOUT = (
    "Drop a photograph or take a generated face. With a degradation, its largest face is cut out, degraded and restored, and the result "
    "is measured against the face before. Without one, every face of the photograph is restored. Nothing leaves this machine."
)


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

    def run(path: str | None, degradation: str, names: list[str], seed: float | None) -> tuple[Any, ...]:
        try:
            trial = _trial(path, degradation, [load(name) for name in names], detector(), int(seed or 0))
        except UserError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from error
        labels = list(trial.after)
        shown = gr.Radio(choices=labels, value=labels[0], visible=len(labels) > 1)
        return trial, shown, _pair(trial, labels[0]), _gallery(trial), _table(trial), _told(trial)

    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.Markdown(f"# {TITLE}\n{ABOUT}")
        state = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1):
                photo = gr.Image(type="filepath", label="Photograph", sources=["upload", "clipboard"], format="png", height=260)
                gr.Examples([[str(path)] for path in samples()], photo, label="Generated faces: nobody's photographs")
                degradation = gr.Dropdown([AS_IT_IS, *degradations], value="blind", label="Degradation")
                names = gr.CheckboxGroup([(method_card(name).label, name) for name in methods], value=list(chosen), label="Methods")
                seed = gr.Number(0, precision=0, minimum=0, label="Seed")
                button = gr.Button("Restore", variant="primary")
            with gr.Column(scale=2):
                told = gr.Markdown()
                shown = gr.Radio([], label="Under the slider", visible=False)
                slider = gr.ImageSlider(label="Before and after", type="numpy", format="png", interactive=False)
                gallery = gr.Gallery(label="All results", columns=4, format="png", height=240)
                scores = gr.Markdown()
        button.click(run, [photo, degradation, names, seed], [state, shown, slider, gallery, scores, told])
        shown.change(lambda trial, label: _pair(trial, label) if trial else None, [state, shown], slider)
    return page


def serve(page: Any, host: str, port: int, *, wait: bool = True) -> str:
    """Serve the page until Ctrl-C; with `wait=False` return at once.

    Returns: its address. Raises: UserError where the port is taken.
    """
    gr = _gradio()
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Default(font=fonts, font_mono=["ui-monospace", "monospace"])
    where = {"server_name": host, "server_port": port or _free_port(host), "share": False}
    try:
        _, address, _ = page.launch(**where, prevent_thread_lock=True, quiet=True, theme=theme, footer_links=[])
    except OSError as error:
        raise UserError(f"Port {port} on {host} can't be used ({error}). Take another one: --port 0 takes any that is free.") from error
    print(f"The demo is at {address} (Ctrl-C stops it).", flush=True)
    if wait:
        page.block_thread()
    return str(address)


def _free_port(host: str) -> int:
    with socket.socket() as taken:
        taken.bind((host, 0))
        return taken.getsockname()[1]


def _gradio() -> Any:
    with extra("demo", "The demo"):
        import gradio
    return gradio


def _trial(path: str | None, degradation: str, methods: Sequence[Ready], detector: FaceDetector, seed: int) -> Trial:
    if not path:
        raise UserError("Found no photograph, expected one. Drop one, or take one of the generated faces.")
    return run_trial(read_photo(Path(path)), "" if degradation == AS_IT_IS else degradation, methods, detector, seed)


def _pair(trial: Trial, label: str) -> tuple[np.ndarray, np.ndarray]:
    return trial.before, trial.after[label]


def _gallery(trial: Trial) -> list[tuple[np.ndarray, str]]:
    truth = [] if trial.truth is None else [(trial.truth, "Ground truth")]
    return [(trial.before, "Input"), *((image, label) for label, image in trial.after.items()), *truth]


def _table(trial: Trial) -> str:
    """A row an image, a column a metric, in Markdown; empty without ground truth."""
    if not trial.scores:
        return ""
    names = list(next(iter(trial.scores.values())))
    rows = [["against the ground truth", *map(_heading, names)], ["---", *["---:"] * len(names)]]
    rows += [[label, *(f"{values[name]:.{metric_card(name).decimals}f}" for name in names)] for label, values in trial.scores.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _heading(name: str) -> str:
    card = metric_card(name)
    return f"{card.label} {'↑' if card.direction == 'higher' else '↓'}"


def _told(trial: Trial) -> str:
    count = "1 face" if trial.faces == 1 else f"{trial.faces} faces"
    if trial.truth is None:
        return f"Found {count}; each was restored. Without a degradation there is no ground truth, so nothing is measured."
    return f"Found {count}; the largest was degraded and restored. One image is an example, not a result: see the tables."
