"""The workflow end to end, in a fresh copy of the project: real faces, shipped weights, a small test set and four metrics."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.runs.small_project import PROTOCOL, RESTORED, Project

TRAINED = ["unet", "clrface"]
pytestmark = pytest.mark.timeout(900)  # the fixture's runs count as the first test's


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, sources: Path) -> Project:
    """A copy in which table1 was made: killed in the middle of CLR-Face's restoring, then started again."""
    project = Project(tmp_path_factory.mktemp("project"), sources)
    process = project.start("table1")
    while process.poll() is None and not list((project.folder / RESTORED).glob("*/*.png")):
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()[0]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (project.folder / "results/table1.csv").exists()
    code, output = project.run("table1")
    assert code == 0, output
    assert "Ground truth" in output and "results/table1.csv" in output, "the run ends by printing the table and its files"
    return project


def test_a_killed_run_ends_with_the_table_of_an_unbroken_one(project: Project) -> None:
    after_kill = (project.folder / "results/table1.csv").read_bytes()
    for made in ("restored", "scores"):  # CLR-Face's row was interrupted; all that it left, made again in one go
        shutil.rmtree(project.folder / "results" / made / "orl/blind/clrface")
    shutil.rmtree(project.folder / "results/cache")
    (project.folder / "results/table1.csv").unlink()
    code, output = project.run("table1")
    assert code == 0 and "(Rule: restore)" in output, output
    assert (project.folder / "results/table1.csv").read_bytes() == after_kill


def test_the_table_says_what_it_must(project: Project) -> None:
    table = project.table()
    assert list(table.index) == ["input", "ground_truth", *TRAINED]
    assert (table["n"] == 8).all() and (table["n_failed"] == 0).all()
    truth = table.loc["ground_truth"]
    assert truth["psnr"] == float("inf") and truth["stlpips_alex"] == 0 and truth["ids_dlib"] == pytest.approx(1)
    assert table["note"].isna().all()
    rest = table.drop(index="ground_truth", columns="note").select_dtypes("number")
    assert rest.notna().all(axis=None) and (rest.abs() < 1e9).all(axis=None)
    assert table.loc["unet", "psnr"] > table.loc["input", "psnr"]
    for metric in PROTOCOL["small"]["metrics"]:
        assert (table[f"{metric}_lo"] <= table[metric]).all() and (table[metric] <= table[f"{metric}_hi"]).all()
    record = json.loads((project.folder / "results/table1.json").read_text())
    assert record["protocol"] == "small" and len(record["lq_sets"]["orl/blind"]["sha256"]) == 64
    for suffix in ("md", "tex"):
        assert "CLR-Face" in (project.folder / f"results/table1.{suffix}").read_text()
    for figure in ("samples", "chart"):
        assert Image.open(project.folder / f"results/figures/table1_{figure}.png").width > 300
        assert (project.folder / f"results/figures/table1_{figure}.pdf").read_bytes().startswith(b"%PDF")


def test_a_second_run_does_nothing(project: Project) -> None:
    code, output = project.run("table1")
    assert code == 0 and "Nothing to be done" in output and "Execute" not in output, output


def test_touching_reruns_nothing_and_editing_a_metric_reruns_that_metric(project: Project) -> None:
    for path in (project.folder / "clrface").rglob("*.py"):
        path.touch()
    assert project.planned() == {}
    source = project.folder / "clrface/metrics/psnr.py"
    before = source.read_text()
    for edited in (before + "\n# edited\n", before.replace("without its correct_mean_var", "edited")):
        assert edited != before
        source.write_text(edited)
        assert project.planned() == {"measure_images": len(project.table()), "tabulate": 1, "chart": 1, "table1": 1}
    source.write_text(before.replace('"epsilon": 1e-8', '"epsilon": 1e-9'))  # another metric's card
    assert project.planned() == {}
    source.write_text(before)


def test_a_changed_parameter_reruns_that_method_alone(project: Project) -> None:
    project.configure({"clrface": {"steps": 3}})
    done = {"restore": 2, "measure_images": 3, "measure_set": 1, "tabulate": 1, "samples": 1, "chart": 1, "table1": 1}
    assert project.planned() == done
    project.configure({})
    assert project.planned() == {}


def test_a_claim_s_margin_reruns_the_claims_alone(project: Project) -> None:
    """Without the claims about cost, which would have every method timed."""
    path = project.folder / "clrface/catalogue/claims.yaml"
    shipped = path.read_text()
    content = yaml.safe_load(shipped)
    content["claims"] = {name: claim for name, claim in content["claims"].items() if claim["set"] != "cost"}
    path.write_text(yaml.safe_dump(content))
    assert project.planned("claims") == {"claims": 1}
    code, output = project.run("claims")
    assert code == 0 and f"results/claims.csv: {len(content['claims'])} claims: " in output, output
    claims = pd.read_csv(project.folder / "results/claims.csv").set_index("claim")
    assert set(claims.index) == set(content["claims"])
    assert claims.loc["ids_unet", "why"] == "4 people with ids_dlib in both rows; a test takes 6"
    assert claims.loc["kd_unet", "n"] == 8 and claims.loc["recognition_unet", "why"] == "no table4 here"
    path.touch()
    assert project.planned("claims") == {}
    content["claims"]["kd_unet"]["margin"] = {"relative": 0.1}
    path.write_text(yaml.safe_dump(content))
    assert project.planned("claims") == {"claims": 1} and project.planned("table1") == {}
    content["claims"]["kd_unet"]["margin"] = {"relatve": 0.1}
    path.write_text(yaml.safe_dump(content))
    code, output = project.run("claims")
    assert code != 0 and "claims.kd_unet.margin.relatve: unknown key. Did you mean 'relative'?" in output, output
    path.write_text(shipped)


def test_clrface_taken_apart_and_a_paired_comparison(project: Project) -> None:
    variants = {
        "ceiling": {"clrface_parts": {"part": "autoencoder"}},
        "irn": {"clrface_parts": {"part": "irn"}},
        "bound": {"clrface_parts": {"part": "truth_guided"}},
    }
    tables = {"table1": {"datasets": "all", "degradations": ["blind"]}, "parts": {"datasets": "all", "degradations": ["blind"]}}
    project.configure({"variants": variants, "tables": tables})
    code, output = project.run("results/parts.csv")
    assert code == 0, output
    table = pd.read_csv(project.folder / "results/parts.csv").set_index("method")
    assert table.loc["ceiling", "psnr"] > table.loc["irn", "psnr"] > table.loc["input", "psnr"]
    assert table.loc["bound", "ids_dlib"] != table.loc["clrface", "ids_dlib"]
    assert "[CLR-Face's part (part irn)]" in output
    words = [sys.executable, "-m", "clrface", "compare", "results/parts.json", "clrface", "unet"]
    done = subprocess.run(words, cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0 and "first: CLR-Face · second: U-Net (L1)" in done.stdout, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == PROTOCOL["small"]["metrics"]
    done = subprocess.run([*words[:-1], "unte"], cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 2 and "Did you mean 'unet'" in done.stderr
    project.configure({})


def test_studies_of_clrface(project: Project) -> None:
    steps = {"images": 2, "grid": {"start": ["irn"], "solver": ["ddim"], "steps": [1, 2]}, "metrics": ["psnr"]}
    project.configure({"sweeps": {"steps": steps}})
    code, output = project.run("studies")
    assert code == 0, output
    assert list(pd.read_csv(project.folder / "results/steps.csv")["evaluations"]) == [1, 2]
    mask = pd.read_csv(project.folder / "results/mask.csv")
    assert len(mask) == 8 and mask["share"].between(0, 1).all()
    for figure in ("steps", "mask", "overview"):
        assert Image.open(project.folder / f"results/figures/{figure}.png").width > 500
        assert (project.folder / f"results/figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
    assert project.planned("studies") == {}
    project.configure({})


def test_the_report_in_one_page_and_in_snakemakes_own(project: Project) -> None:
    points = {"images": 2, "grid": {"start": ["irn"], "solver": ["ddim"], "steps": [1, 2]}, "metrics": ["psnr"]}
    project.configure({"cost": {"images": 2, "rounds": 1}, "sweeps": {"steps": points}})
    code, output = project.run("results/report.html")
    assert code == 0, output
    page = (project.folder / "results/report.html").read_text()
    assert len(page) < 3e6 and not re.search(r"https?://", page)
    assert page.count("<svg") == 4 and "CLR-Face" in page and "results/restored/orl/blind/clrface/0" in page
    assert project.planned("results/report.html") == {}
    script = project.folder / "clrface/report/template/page.js"
    script.write_text(script.read_text() + "// edited\n")
    assert project.planned("results/report.html") == {"report": 1}
    words = ["snakemake", "table1", "results/report.html", "--report", "report.zip", "--configfile", "small.yaml"]
    done = subprocess.run([sys.executable, "-m", *words], cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(project.folder / "report.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        whole = archive.read("report/report.html").decode()
    assert {"table1.csv", "table1_samples.png", "report.html"} <= names
    assert all(words in whole for words in ("spaced evenly over the test set", "One row a method", "needs no network"))


def test_a_mistyped_config_stops_before_any_work(project: Project) -> None:
    for changes, message in (
        ({"clrface": {"step": 3}}, r"clrface\.step: unknown key.*Did you mean 'steps'"),
        ({"methods": {"unte": {}}}, r"methods\.unte: unknown name.*Did you mean 'unet'"),
        ({"protocol": "smal"}, r"protocol: found 'smal'.*Did you mean 'small'"),
        ({"tables": {"table1": {"datasets": "all", "degradations": ["blnd"]}}}, r"blnd.*Did you mean 'blind'"),
    ):
        project.configure(changes)
        code, output = project.run("table1")
        assert code != 0 and re.search(message, output), output
        assert "steps (" not in output
    project.configure({})


def test_a_size_that_the_weights_were_not_trained_for_is_told(project: Project) -> None:
    project.configure({"resolution": 96})
    code, output = project.run("-n", "table1")
    assert code == 0 and "Note: the shipped weights were trained at 64 pixels, and resolution is 96: " in output, output
    project.configure({})
    assert "Note:" not in project.run("-n", "table1")[1]


def test_another_preset_and_the_default_lie_side_by_side(project: Project) -> None:
    files = ("results/table1.csv", "data/aligned/orl/000/index.csv")
    kept = [(project.folder / file).stat().st_mtime_ns for file in files]
    other = {"preset": "other", "extends": "config/embedded.yaml", "bootstrap": 20}
    project.configure(other | {"datasets": {"orl": {"identities": 2, "images_per_identity": 1}}})
    code, output = project.run("results/table1.csv")
    assert code != 0 and "Ask for results/other/table1.csv" in output, output
    code, output = project.run("results/other/table1.csv", "results/other/figures/table1_samples.png")
    assert code == 0 and "files lie in results/other and data/other" in output, output
    assert (project.folder / "data/other/aligned/orl/000/index.csv").is_file()
    project.configure({})
    assert [(project.folder / file).stat().st_mtime_ns for file in files] == kept
    assert "Nothing to be done" in project.run("results/table1.csv")[1]


def test_faces_aligned_otherwise_than_the_training_s_are_told(project: Project) -> None:
    project.configure({"datasets": {"celeba_test": {"images": 4}}, "tables": {"table1": {"datasets": ["celeba_test"]}}})
    code, output = project.run("-n", "results/table1.csv")
    said = "Note: the weights' training faces are aligned by the template 'utkface', those of celeba_test are not"
    assert code == 0 and said in output, output
    project.configure({})


def test_rounds_of_scheduling_do_not_pile_up(project: Project) -> None:
    """With a limit of jobs a second, as by default, Snakemake would plan one more a second for each job that ends."""
    code, output = project.run("data/gallery/orl", "data/aligned/orl/000", "--verbose", "--forcerun", "align", "align_gallery")
    assert code == 0, output
    jobs, rounds = (len(re.findall(words, output, re.M)) for words in (r"^Finished jobid", r"^Ready jobs: "))
    assert jobs == 2 and 1 <= rounds <= 2, output


def test_a_chunk_that_is_not_there_is_told(project: Project) -> None:
    code, output = project.run("-n", "data/aligned/orl/009")
    assert code != 0 and re.search(r"'orl' has no chunk 009, but 000 to \d+, of \d+ images each", output), output


def test_a_table_of_another_config_is_refused_once_the_records_are_gone(project: Project) -> None:
    records, aside = project.folder / ".snakemake", project.folder / ".aside"
    records.rename(aside)
    code, output = project.run("results/table1.csv", "--config", "base_seed=7")
    assert code != 0 and "base_seed 0, now 7" in output and "rm -r data/aligned" in output, output
    code, output = project.run("-n", "results/table1.csv")
    assert code == 0 and "of another config" not in output, output
    shutil.rmtree(records)
    aside.rename(records)
    code, output = project.run("-n", "results/table1.csv", "--config", "base_seed=7")
    assert code == 0 and "tabulate" in output, output


def test_a_folder_of_finished_images_is_a_row(project: Project, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in (project.folder / RESTORED).glob("*/*.png"):
        shutil.copy(path, mine)
    project.configure({"methods": {"mine": {"folder": str(mine)}}})
    code, output = project.run("results/table1.csv")
    assert code == 0, output
    table = project.table()
    assert table.loc["mine", "psnr"] == table.loc["clrface", "psnr"]
    gone = next(mine.iterdir())
    shutil.copy(gone, mine / "surplus.png")
    gone.unlink()
    code, output = project.run("results/table1.csv")
    assert code != 0 and gone.stem in output and "surplus" in output and "missing (1)" in output, output
    project.configure({})


PROGRAM = """
import sys
from pathlib import Path
from PIL import Image, ImageFilter

for path in Path(sys.argv[1]).glob("*.png"):
    Image.open(path).convert("RGB").filter(ImageFilter.SHARPEN).save(Path(sys.argv[2]) / path.name)
"""


def test_external_programs_are_rows_that_ran_or_say_why_not(project: Project, tmp_path: Path) -> None:
    """One in a git repository of its own, run in an environment of its own; another that wants a GPU, on a machine without."""
    (tmp_path / "restore.py").write_text(PROGRAM)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    card = {
        "name": "sharper",
        "label": "Sharper",
        "paper": "none",
        "licence": "MIT",
        "repository": tmp_path.as_uri(),
        "commit": subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip(),
        "requirements": f"pillow=={version('pillow')}",
        "command": "{python} restore.py {input} {output}",
    }
    folder = project.folder / "clrface/baselines/external"
    for changes in ({}, {"name": "needy", "label": "Needy", "device": "cuda"}):
        (folder / f"{(card | changes)['name']}.yaml").write_text(yaml.safe_dump(card | changes))
    table = {"table1": {"methods": ["input", "sharper", "needy"]}}
    project.configure({"device": "cpu", "methods": {"sharper": {}, "needy": {}}, "tables": table})
    code, output = project.run("results/table1.csv")
    assert code == 0, output
    rows = project.table()
    assert rows.loc["sharper", "n_failed"] == 0 and rows.loc["sharper", "psnr"] != rows.loc["input", "psnr"]
    assert rows.loc["needy", "n_failed"] == rows.loc["needy", "n"] == 8 and rows.loc["needy"].filter(regex="psnr|kd|ids").isna().all()
    assert "Needy<br><sub>not run: needs a CUDA device</sub>" in (project.folder / "results/table1.md").read_text()
    assert rows.loc["needy", "note"] == "not run: needs a CUDA device"
    assert "Needy: not run: needs a CUDA device." in output
    project.configure({})


def test_the_cost_of_every_row(project: Project) -> None:
    project.configure({"cost": {"images": 4, "rounds": 1}})
    code, output = project.run("results/table6.csv")
    assert code == 0, output
    costs = pd.read_csv(project.folder / "results/table6.csv").set_index("method")
    assert list(costs.index) == TRAINED
    assert costs.loc["clrface", "evaluations"] == 3, "with two steps the recogniser is called most: twice for the head, once to guide"
    assert costs.loc["clrface", "training_processor_s"] > costs.loc["unet", "training_processor_s"] > 0
    assert (costs["seconds"] > 0).all() and (costs.loc[TRAINED, "macs"] > 1e7).all()
    project.configure({})


def test_photographs_without_ground_truth_and_recognition(project: Project) -> None:
    datasets = {"orl": {"identities": 4, "images_per_identity": 2, "gallery": 2}, "lfw25": {"images": 4}}
    tables = {"table3": {"methods": ["input", "unet"]}, "table4": {"methods": ["input", "ground_truth", "unet"]}}
    project.configure({"datasets": datasets, "tables": tables})
    images = [f"results/figures/{name}.png" for name in ("table3_samples", "table4_samples", "table4_roc")]
    code, output = project.run("results/table3.csv", "results/table4.csv", *images)
    assert code == 0, output
    real = pd.read_csv(project.folder / "results/table3.csv").set_index("method")
    assert list(real.index) == ["input", "unet"] and (real["n"] == 4).all()
    assert real.loc["input", "idd_dlib_input"] == 0 < real.loc["unet", "idd_dlib_input"]
    assert real[["fd_effnet_clean", "kd_effnet_clean", "niqe"]].notna().all(axis=None) and "psnr" not in real
    known = pd.read_csv(project.folder / "results/table4.csv").set_index("method")
    assert known.loc["ground_truth", "rank1_dlib"] == 100 >= known.loc["input", "rank1_dlib"]
    assert json.loads((project.folder / "results/table4.json").read_text())["protocol"] == "recognition"
    assert "bootstrap over people" in (project.folder / "results/table4.md").read_text()
    assert all(Image.open(project.folder / image).width > 300 for image in images)
    assert (project.folder / "results/figures/table4_roc.pdf").is_file()
    project.configure({})


def test_an_own_test_set_is_a_folder_and_a_truncated_image_is_named(project: Project, orl_faces: dict, tmp_path: Path) -> None:
    mine = tmp_path / "faces"
    mine.mkdir()
    for image_id, rgb in list(orl_faces.items())[:3]:
        Image.fromarray(rgb).resize((128, 128), Image.Resampling.BICUBIC).save(mine / f"{image_id}.png")
    tables = {"table1": {"datasets": ["mine"], "degradations": ["x4"], "methods": ["input", "unet"]}}
    project.configure({"datasets": {"mine": {"folder": str(mine), "align": False}}, "tables": tables})
    code, output = project.run("results/table1.csv")
    assert code == 0, output
    assert list(project.table()["n"]) == [3, 3]
    broken = next(mine.iterdir())
    broken.write_bytes(broken.read_bytes()[:1000])
    code, output = project.run("results/table1.csv")
    assert code != 0 and broken.name in output and "truncated" in output, output
