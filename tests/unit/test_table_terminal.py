"""A table as the terminal shows it, and reading a table again."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from clrface.errors import UserError
from clrface.tables.table import Table, marks, read_table, table_from_json, table_to_json
from clrface.tables.terminal import render, show
from tests.unit.score_files import METHODS, PSNR, Project


def many_metrics(project: Project) -> Table:
    table = project.build()
    cards = [replace(PSNR, id=f"psnr{i}", label=f"PSNR number {i}") for i in range(20)]
    rows = [replace(row, estimates={card.id: row.estimates["psnr"] for card in cards}) for row in table.rows]
    return replace(table, metrics=tuple(cards), rows=tuple(rows))


@pytest.mark.parametrize("width", [60, 100, 120])
def test_the_printed_table_fits_and_loses_no_metric(project: Project, width: int):
    text = render(many_metrics(project), width)
    assert max(map(len, text.splitlines())) <= width
    assert [int(number) for line in re.findall(r"^ +(?:\d+ *)+$", text, flags=re.M) for number in line.split()] == list(range(20))
    assert text.count("28.50*") == 20


def test_the_printed_table_shows_marks_failures_and_no_colour(project: Project):
    project.write("a", "niqe", {"p1_1": 1.0, "p1_2": 1.0, "p2_1": 1.0}, {"p10_1": "raised"})
    lines = render(project.build()).splitlines()
    assert next(line for line in lines if line.startswith("A_1")).split() == ["A_1", "&", "co", "4", "1", "26.50°", "1.000*", "0.6250°"]
    assert next(line for line in lines if line.startswith("[Ground")).split() == ["[Ground", "truth]", "4", "0", "inf", "2.850", "0.3750"]
    assert "\033" not in "\n".join(lines)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_and_never_changes_the_text(project: Project, monkeypatch: pytest.MonkeyPatch):
    project.tabulate()
    table_json = project.target.with_suffix(".json")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, coloured, silenced = io.StringIO(), Terminal(), Terminal()
    show(table_json, [project.target], plain)
    show(table_json, [project.target], coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    show(table_json, [project.target], silenced)
    assert plain.getvalue() == silenced.getvalue()
    assert "\033[1;32m28.50*\033[0m" in coloured.getvalue()
    assert re.sub(r"\033\[[0-9;]*m", "", coloured.getvalue()) == plain.getvalue()
    assert plain.getvalue().endswith(f"Written:\n  {project.target}\n")


def test_a_methods_card_makes_it_a_control_on_the_page_and_in_the_json(project: Project):
    cards = METHODS | {"a": replace(METHODS["a"], control=True), "ground_truth": replace(METHODS["ground_truth"], control=False)}
    table = project.build(method_cards=cards)
    assert [row.control for row in table.rows] == [True, True, False, False]
    assert marks(table.rows, PSNR) == ["", "", "second", "best"]
    again = table_from_json(json.loads(json.dumps(table_to_json(table))))
    assert again == table
    assert "[A_1 & co]" in render(again) and "[Ground truth]" not in render(again)


def test_a_stream_without_arrows_gets_plain_signs(project: Project):
    project.tabulate()
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(project.target.with_suffix(".json"), stream=stream)
    stream.seek(0)
    text = stream.read()
    assert "28.50*" in text
    assert "26.50+" in text


def test_showing_a_table_that_is_not_there_is_explained(tmp_path: Path):
    with pytest.raises(UserError, match=r"No table at .*table1\.json.*snakemake --cores all"):
        show(tmp_path / "table1.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [("method,psnr\n", "is not JSON"), ("[1]", "has no rows"), ('{"rows": []}', "is no table of metrics"), (None, "No table at")],
)
def test_what_is_no_table_of_metrics_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "table6.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_table(path)
