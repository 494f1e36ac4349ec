"""The command that serves the demo."""

import os
from tempfile import TemporaryDirectory

import click

from clrface.cli.commands.restoring import complete_methods
from clrface.cli.parts import Command
from clrface.cli.shared import DEVICE, set_threads
from clrface.errors import UserError


@click.command(cls=Command, example="clrface demo\nclrface demo --method clrface --method gfpgan_1_4 --port 8080")
@click.option("--method", "methods", multiple=True, shell_complete=complete_methods, help="Tick and fetch this one. Repeatable.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address lets other machines in.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="0 takes any that is free.")
@DEVICE
def demo(methods: tuple[str, ...], host: str, port: int, device: str) -> None:
    """Serve a web page on this machine: degrade a photograph, restore it by several methods, compare."""
    from clrface.catalogue import DEGRADATIONS
    from clrface.degradation.draw import load_degradations
    from clrface.demo.page import make_page, serve
    from clrface.ready import at_hand, fetched
    from clrface.registry import method_card

    set_threads()
    chosen = methods or ("clrface",)
    for method in chosen:
        fetched(method_card(method).assets)
    offered = at_hand()
    if missing := next((name for name in chosen if name not in offered), None):
        raise UserError(f"'{missing}' can't run here: clrface restore --method {missing} says why. Expected one of {', '.join(offered)}.")
    degradations = [name for name, one in load_degradations(DEGRADATIONS).items() if one.kind != "given"]
    with TemporaryDirectory(prefix="clrface-demo-") as uploads:  # private, and gone when the demo stops
        os.environ["GRADIO_TEMP_DIR"] = uploads
        serve(make_page(offered, chosen, degradations, device), host, port)
