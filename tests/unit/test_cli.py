"""The command line: help, exit codes, messages, listings, and that nothing heavy is imported for them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from clrface.cli import main
from clrface.cli.commands import SECTIONS
from clrface.cli.commands.browse import browse
from clrface.cli.parts import Command
from clrface.cli.steps import STEPS
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.metrics.registry import metric_cards
from clrface.registry import method_cards

PEOPLE = [command for commands in SECTIONS.values() for command in commands]
KINDS = list(browse.commands)


def names(commands: "list[click.Command] | tuple[click.Command, ...]") -> list[str]:
    return [str(command.name) for command in commands]


def test_the_help_has_sections_for_people_and_hides_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ") and line[2:3].isalpha()]
    assert {"evaluate", "list", "fetch", "import-vq", "report"} <= set(names(PEOPLE)) <= set(listed)
    assert not set(names(STEPS)) & set(listed)


@pytest.mark.parametrize("words", [[name] for name in names(PEOPLE)] + [["list", kind] for kind in KINDS], ids=" ".join)
def test_a_command_for_people_has_an_example_that_names_it(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    assert f"Example:\n  clrface {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize("step", names(STEPS))
def test_every_step_explains_itself(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([step, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: clrface {step} [OPTIONS]")


def test_the_examples_parse() -> None:
    """No option of theirs is misspelt, or missing."""
    for command in PEOPLE:
        for line in getattr(command, "example", "").splitlines():
            command.make_context("clrface", shlex.split(line)[2:])


TRAIN = ["train", "--faces", "f", "--manifest", "m", "--degradation", "training", "--models", "m", "--out", "o", "--spec"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evalute"], "clrface: No such command 'evalute'."),
        (["evaluate", "--predd", "x"], "clrface evaluate: No such option"),
        (["evaluate"], "clrface evaluate: Missing option '--pred'."),
        (["evaluate", "--pred", "nowhere", "--protocol", "vqrf"], "clrface evaluate: Unknown protocol 'vqrf'. Did you mean 'vqfr'?"),
        (["evaluate", "--pred", "x", "--device", "gpu"], "clrface evaluate: Invalid value for '--device': 'gpu' is not one of"),
        (["list", "metrcs"], "clrface list: No such command 'metrcs'."),
        (["samples", "--panels", "[", "--out", "x"], "clrface samples: Invalid value for '--panels': Found '[', expected JSON"),
        ([*TRAIN, "[1]"], "clrface train: Invalid value for '--spec': Found [1], expected a JSON object."),
        ([*TRAIN, '{"name": "irn"}'], "clrface train: Invalid value for '--spec': It lacks steps, batch, learning_rate, network, options:"),
        ([*TRAIN, '{"stepz": 1}'], "clrface train: Invalid value for '--spec': Unknown key 'stepz'. Did you mean 'steps'?"),
        (["restore-chunk", "--dataset", "d", "--aligned", "a", "--degraded", "d", "--out", "o"],
         "clrface restore-chunk: Found 0 of --method, --external, --finished, expected one."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_and_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.err.startswith(said) and told.err.count("\n") == 1 and told.out == ""


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(UserError("no."), 2, "no.\n"), (KeyboardInterrupt(), 130, "stopped; nothing half-written was kept. Run the same")],
)
def test_errors_and_ctrl_c_become_exit_codes(raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command("try", cls=Command)
    def trial() -> None:
        raise raised

    assert trial.main([], prog_name="clrface try", standalone_mode=False) == code
    assert capsys.readouterr().err.startswith(f"clrface try: {said}")


def test_an_option_takes_several_values_at_once() -> None:
    @click.command(cls=Command)
    @click.argument("first")
    @click.option("--many", multiple=True)
    @click.option("--one")
    def show(first: str, many: tuple[str, ...], one: str | None) -> tuple[str, tuple[str, ...], str | None]:
        return first, many, one

    def given(line: str) -> object:
        return show.main(line.split(), standalone_mode=False)

    assert given("a --many b c --one d") == ("a", ("b", "c"), "d")
    assert given("--one d a --many b --many c") == ("a", ("b", "c"), "d")
    assert given("a --many --one d") == ("a", (), "d"), "as many as a list of files that is empty"
    assert given("--many b -- a") == ("a", ("b",), None)


@pytest.mark.parametrize("kind", KINDS)
def test_lists_are_tables_and_json(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind]) == 0
    table = capsys.readouterr().out.splitlines()
    assert main(["list", kind, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert set(table[1]) == {"─"} and [line.split()[0] for line in table[2:] if not line.startswith(" ")] == list(entries)


def test_a_protocol_s_metrics_are_listed_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "metrics", "--protocol", "vqfr", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found)[:3] == ["psnr_corrected", "ssim_corrected", "lpips_vgg"] and "applied twice" in found["psnr_corrected"]["definition"]
    assert main(["list", "metrics", "--protocol", "vqrf"]) == 2
    assert "Did you mean 'vqfr'?" in capsys.readouterr().err


def test_lists_hold_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for kind in KINDS:
        main(["list", kind, "--json"])
        found[kind] = json.loads(capsys.readouterr().out)
    assert list(found["methods"]) == list(method_cards()) and list(found["metrics"]) == list(metric_cards())
    assert found["protocols"]["distortion"]["metrics"] == ["psnr", "ssim"]
    assert found["degradations"]["blind"]["side_px"] == [16, 40]
    assert found["datasets"]["orl"]["faces"] == 400 and found["datasets"]["ffhq512"]["use"] == "training"


def test_a_grid_s_values_are_choices_and_a_range_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "degradations"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "sigma_px 4 or 8 or 12 or 16" in shown and "side_px 16 to 40" in shown


HEAVY = ("torch", "numpy", "PIL", "yaml", "jsonschema")


@pytest.mark.parametrize(
    ("words", "light"),
    [("--help", HEAVY), ("--version", HEAVY), ("evaluate --help", HEAVY), ("list methods", HEAVY[:3]), ("list metrics", ("torch", "PIL"))],
)
def test_it_starts_without_what_is_heavy(words: str, light: tuple[str, ...]) -> None:
    code = f"import sys; from clrface.cli import main; main({words.split()}); print([name for name in {light} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_folder_of_images_is_measured_at_once(orl_faces: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PSNR and SSIM unless told otherwise: nothing has to be fetched."""
    import clrface
    from clrface.images import write_png

    for name, face in orl_faces.items():
        write_png(tmp_path / "truth" / f"{name}.png", face)
        write_png(tmp_path / "out" / f"{name}.png", face // 2)
    assert main(["evaluate", "--pred", str(tmp_path / "out"), "--gt", str(tmp_path / "truth"), "--bootstrap", "5"]) == 0
    told = capsys.readouterr().out
    values = clrface.evaluate(tmp_path / "out", tmp_path / "truth", resamples=5).values
    assert list(values) == ["psnr", "ssim"] and f"{values['psnr']:.2f}" in told
