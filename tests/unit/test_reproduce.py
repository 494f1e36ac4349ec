"""The reference: equal, nearly equal, and not at all; on its machine and on another."""

import json
import re
from pathlib import Path

import pytest

from clrface.cli import main
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.tables import provenance
from clrface.tables import reproduce as step
from clrface.tables.reproduce import Tolerance, read_tolerances, reproduce, write_reference

TABLE = """method,label,dataset,degradation,n,n_failed,seeds,psnr,psnr_lo,psnr_hi,idd_dlib
ground_truth,[Truth],orl,blind,120,0,0,inf,inf,inf,0.0
clrface,CLR-Face,orl,blind,120,0,0,26.743,26.5,27.0,0.4744
clrface,CLR-Face,lfw25,as_is,100,0,0,,,,
"""
CLAIMS = """claim,first,second,metric,difference,p,verdict,why
psnr_unet,clrface,unet,psnr,-0.51,0.02,contradicted,
fast,clrface,pixel_diffusion,seconds,-2.0,,supported,
"""
COSTS = """method,label,parameters,macs,seconds,seconds_lo,seconds_hi,peak_bytes
nlm,Non-local means,0,,0.0049,0.004,0.005,380000000
"""
TABLES = {"table1": TABLE, "table6": COSTS, "claims": CLAIMS}
ENVIRONMENT = {"python": "3.11.5", "packages": {"torch": "2.13.0"}}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """(results, reference): the same three tables, made on this machine, with the shipped tolerances."""
    results, reference = tmp_path / "results", tmp_path / "reference"
    for name, text in TABLES.items():
        write(results, name, text)
    write_reference(results, reference, list(TABLES))
    (reference / "tolerances.yaml").write_text((ROOT / "results/reference/embedded/tolerances.yaml").read_text())
    return results, reference


def write(folder: Path, name: str, text: str, **content: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text(text)
    (folder / f"{name}.json").write_text(json.dumps({"environment": ENVIRONMENT, "bootstrap": 1000} | content))


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def told(folders: tuple[Path, Path]) -> list[str]:
    return [str(difference) for difference in reproduce(*folders).differences]


@pytest.fixture
def elsewhere(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this machine has another processor than the reference's."""
    monkeypatch.setattr(step, "processor_type", lambda: "Another processor")


def test_equal_tables_have_no_difference(folders):
    report = reproduce(*folders)
    assert (report.machine, report.notes, report.differences, report.extras) == ("same", [], [], [])
    assert report.tables == 3
    # Of table1 three rows of 8 values beside their names; of table6 label, parameters and macs; of the claims the one about PSNR, 7.
    assert report.compared == 3 * 8 + 3 + 7


def test_on_the_same_machine_the_last_digit_counts(folders):
    change(folders[0], "table1", "26.743", "26.744")
    assert told(folders) == ["table1: clrface, orl, blind: psnr: found 26.744, expected 26.743 (tolerance 0)"]


def test_text_counts_as_well(folders):
    change(folders[0], "table1", "26.743", "26.7430")
    assert len(told(folders)) == 1


@pytest.mark.usefixtures("elsewhere")
def test_on_another_machine_the_third_digit_may_differ(folders):
    change(folders[0], "table1", "26.743", "26.8")
    report = reproduce(*folders)
    assert (report.machine, report.differences) == ("other", [])
    assert report.notes[0].startswith("processor: found Another processor, the reference's is ")
    change(folders[0], "table1", "26.8", "27.2")
    assert told(folders) == ["table1: clrface, orl, blind: psnr: found 27.2, expected 26.743 (tolerance 0.267)"]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("name", "old", "new", "column"),
    [
        ("table1", "ground_truth,[Truth],orl,blind,120,0,0,inf", "ground_truth,[Truth],orl,blind,120,0,0,48.0", "psnr"),
        ("table1", "26.743", "inf", "psnr"),
        ("table1", "26.743", "nan", "psnr"),
        ("table1", "26.743", "", "psnr"),
        ("table1", "orl,blind,120,0,0,26.743", "orl,blind,120,1,0,26.743", "n_failed"),
        ("table1", "0.4744", "0.481", "idd_dlib"),
        ("claims", "contradicted", "not supported", "verdict"),
    ],
)
def test_what_another_machine_does_not_excuse(folders, name, old, new, column):
    change(folders[0], name, old, new)
    report = reproduce(*folders)
    [difference] = report.differences
    assert (report.machine, difference.column) == ("other", column)


@pytest.mark.usefixtures("elsewhere")
def test_of_a_claim_on_another_machine_the_verdict_counts_alone(folders):
    change(folders[0], "claims", "-0.51,0.02", "-0.40,0.03")
    assert told(folders) == []


def test_other_versions_make_another_machine(folders):
    write(folders[0], "table1", TABLE, environment={"python": "3.11.5", "packages": {"torch": "2.14.0"}})
    report = reproduce(*folders)
    assert (report.machine, report.notes) == ("other", ["torch: found 2.14.0, the reference's is 2.13.0"])


def test_other_inputs_are_told(folders):
    write(folders[0], "table1", TABLE, bootstrap=50)
    assert reproduce(*folders).notes == ["table1: its bootstrap is not the reference's"]


def test_seconds_and_memory_are_never_compared(folders):
    change(folders[0], "table6", "0.0049,0.004,0.005,380000000", "0.1,0.1,0.2,1")
    change(folders[0], "claims", "seconds,-2.0,,supported", "seconds,3.0,,contradicted")
    assert told(folders) == []
    change(folders[0], "table6", "means,0,", "means,7,")
    assert len(told(folders)) == 1


def test_what_is_missing_is_a_difference_and_what_is_more_is_told(folders):
    results, _ = folders
    change(results, "table1", TABLE.splitlines()[3] + "\n", "mine,mine,orl,blind,120,0,0,1.0,1.0,1.0,1.0\n")
    (results / "table6.csv").unlink()
    report = reproduce(*folders)
    assert [str(difference) for difference in report.differences] == [
        "table1: clrface, lfw25, as_is: found no such row, expected it",
        f"table6: found no such table, expected {results / 'table6.csv'}",
    ]
    assert report.extras == ["table1: row mine, orl, blind"]


def test_a_missing_and_a_surplus_column(folders):
    change(folders[0], "table1", "idd_dlib", "idd_other")
    report = reproduce(*folders)
    assert [str(difference) for difference in report.differences] == ["table1: idd_dlib: found no such column, expected it"]
    assert report.extras == ["table1: column idd_other"]


def test_the_order_of_rows_does_not_matter(folders):
    header, *rows = TABLE.splitlines()
    (folders[0] / "table1.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert told(folders) == []


def test_a_reference_of_the_last_release_has_the_old_names(folders):
    change(folders[1], "table1", "ground_truth,[Truth]", "oracle,[Truth]")
    change(folders[1], "claims", "clrface,unet,psnr", "clrface,identity,psnr")
    change(folders[0], "claims", "clrface,unet,psnr", "clrface,input,psnr")
    assert told(folders) == []
    change(folders[1], "table1", "oracle,[Truth],orl,blind,120,0,0,inf", "oracle,[Truth],orl,blind,120,0,0,48.0")
    assert len(told(folders)) == 1


def test_two_rows_of_one_name_are_refused(folders):
    with (folders[0] / "table1.csv").open("a") as file:
        file.write(TABLE.splitlines()[2] + "\n")
    with pytest.raises(UserError, match=r"table1\.csv has 4 rows with 3 names"):
        reproduce(*folders)


def test_the_command_s_exit_code_and_words(folders, capsys):
    words = ["reproduce", *map(str, folders)]
    assert main(words) == 0
    assert re.search(r"^Compared 34 values of 3 tables: no differences\.$", capsys.readouterr().out, re.M)
    change(folders[0], "table1", "26.743", "26.744")
    assert main(words) == 1
    assert "found 26.744, expected 26.743" in capsys.readouterr().out
    assert main(["reproduce", str(folders[0]), str(folders[0])]) == 2
    assert "make reference" in capsys.readouterr().err


def test_a_reference_wants_all_tables_of_one_environment(folders, tmp_path, capsys):
    results, _ = folders
    assert main(["reference", *TABLES, "--results", str(results), "--out", str(tmp_path / "new")]) == 0
    assert set(json.loads((tmp_path / "new/machine.json").read_text())) == {"processor", "versions", "code"}
    assert main(["reference", "table1", "table2", "--results", str(results), "--out", str(tmp_path / "new")]) == 2
    assert "has no table2" in capsys.readouterr().err
    write(results, "table1", TABLE, environment={"python": "3.12.0", "packages": {}})
    with pytest.raises(UserError, match="different versions"):
        write_reference(results, tmp_path / "new", list(TABLES))


def test_tolerances_add_up_and_know_infinity():
    assert Tolerance(0.1, 0.01).of(10.0) == pytest.approx(0.2)
    assert Tolerance(0.1).allows(1.05, 1.0) and not Tolerance(0.1).allows(1.2, 1.0)
    assert Tolerance().allows(float("inf"), float("inf")) and Tolerance().allows(float("nan"), float("nan"))
    assert not Tolerance(1e9).allows(float("nan"), 1.0) and not Tolerance(1e9, 1.0).allows(1.0, float("inf"))


def test_a_wrong_file_of_tolerances_is_told(tmp_path):
    path = tmp_path / "tolerances.yaml"
    path.write_text("other: {psnr: {relativ: 0.1}}")
    with pytest.raises(UserError, match="not a file of tolerances"):
        read_tolerances(path)


def test_processors_of_one_name_are_told_apart(tmp_path, monkeypatch):
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(provenance, "CPUINFO", path)
    core = "processor : 0\ncpu family\t: 25\nmodel\t\t: {}\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx2{}\n\n"
    path.write_text(core.format(1, "") * 2)
    assert provenance.processor_type() == "AMD EPYC, cpu family 25, model 1, avx2"
    path.write_text(core.format(17, " avx512f"))
    assert provenance.processor_type() == "AMD EPYC, cpu family 25, model 17, avx512f"
