"""Methods and protocols that were renamed: the old names are read for one release, each with one note."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clrface.catalogue import PROTOCOLS
from clrface.cli import main
from clrface.config.load import load_config, run_config
from clrface.config.old_names import with_new_names
from clrface.fingerprint import ROOT
from clrface.metrics.protocols import load_protocol
from clrface.plan.plan import read_plan
from clrface.registry import make_method, method_card, method_cards
from clrface.renamed import METHODS
from clrface.renamed import PROTOCOLS as OLD_PROTOCOLS
from tests.unit.claims_bench import CLAIM, Bench

EMBEDDED = ROOT / "config/embedded.yaml"
OLD_AND_NEW = [
    ({"methods": {"identity": {}, "oracle": {}, "unet": {}}}, {"methods": {"input": {}, "ground_truth": {}, "unet": {}}}),
    ({"tables": {"table1": {"methods": ["identity", "unet"]}}}, {"tables": {"table1": {"methods": ["input", "unet"]}}}),
    ({"protocol": "two_judges"}, {"protocol": "two_recognisers"}),
    (
        {"tables": {"who": {"protocol": "recognition_two_judges", "methods": "all"}}},
        {"tables": {"who": {"protocol": "recognition_two_recognisers", "methods": "all"}}},
    ),
    ({"protocols": {"two_judges": {"metrics": ["psnr"]}}}, {"protocols": {"two_recognisers": {"metrics": ["psnr"]}}}),
    # the stage, its loss, an own protocol: other things of the same name
    ({"training": {"stages": {"identity": {"steps": 1}}}}, {"training": {"stages": {"identity": {"steps": 1}}}}),
    ({"protocol": "identity"}, {"protocol": "identity"}),
    # mistakes, which the check of the whole config reports
    ({"methods": ["identity"], "tables": {"a": None, "b": {"methods": [{}, 1]}}, "protocol": 3}, ...),
    ({"methods": None, "protocols": [1], "tables": "table1", 7: {}}, ...),
]


def note(kind: str, old: str, new: str) -> str:
    return f"Note: the {kind} `{old}` is called `{new}` now. The next release no longer reads the old name.\n"


@pytest.mark.parametrize(("old", "new"), OLD_AND_NEW)
def test_a_config_s_old_names_become_the_new_ones(old: dict[str, Any], new: Any) -> None:
    assert with_new_names(old) == (old if new is ... else new)


def test_the_new_names_are_names_and_the_old_ones_none() -> None:
    for renamed, known in ((METHODS, set(method_cards())), (OLD_PROTOCOLS, set(yaml.safe_load(PROTOCOLS.read_text())))):
        assert set(renamed.names.values()) <= known and not set(renamed.names) & known
    assert all(method_card(name).control for name in METHODS.names.values())


def test_a_file_with_old_names_is_the_same_config_and_tells_each_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "device: cpu\nprotocol: {3}\ntables: {{table1: {{methods: [{0}, {1}, unet]}}, table4: {{methods: [{0}, {1}], protocol: {2}}}}}\n"
    words = {
        "old": ("identity", "oracle", "recognition_two_judges", "two_judges"),
        "new": ("input", "ground_truth", "recognition_two_recognisers", "two_recognisers"),
    }
    configs = {}
    for name, given in words.items():
        (tmp_path / f"{name}.yaml").write_text(text.format(*given))
        configs[name] = run_config([tmp_path / f"{name}.yaml"], EMBEDDED)
    assert configs["old"] == configs["new"]
    table1, table4 = (read_plan(configs["old"]).table(name) for name in ("table1", "table4"))
    assert [row.name for row in table1.rows] == ["input", "ground_truth", "unet"] and "idd_mobilefacenet" in table1.metrics
    assert [row.name for row in table4.rows] == ["input", "ground_truth"] and "rank1_mobilefacenet" in table4.metrics
    kinds = ("method", "method", "protocol", "protocol")
    told = capsys.readouterr().err
    assert sorted(told.splitlines(keepends=True)) == sorted(map(note, kinds, words["old"], words["new"]))


def test_values_of_the_command_line_may_have_old_names() -> None:
    config = run_config([], EMBEDDED, {"protocol": "two_judges", "tables": {"table1": {"methods": ["oracle", "clrface"]}}})
    assert config["protocol"] == "two_recognisers" and config["tables"]["table1"]["methods"] == ["ground_truth", "clrface"]


def test_shipped_configs_have_no_old_name(capsys: pytest.CaptureFixture[str]) -> None:
    for path in (ROOT / "config").glob("*.yaml"):
        load_config([path])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["list", "metrics", "--protocol", "two_judges"], 0, note("protocol", "two_judges", "two_recognisers")),
        (["fetch", "--method", "identity"], 0, note("method", "identity", "input")),
        (["restore", "{0}/photo.png", "-o", "{0}/restored", "--method", "oracle"], 2, note("method", "oracle", "ground_truth")),
    ],
)
def test_commands_take_old_names(words: list[str], code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.png").write_bytes((ROOT / "docs/figures/mask.png").read_bytes())
    assert main([word.format(tmp_path) for word in words]) == code
    heard = capsys.readouterr().err
    assert heard.startswith(told) and heard.count("Note:") == 1
    assert code == 0 or "is a control of the tables" in heard


def test_a_protocol_of_the_old_name_in_a_file_of_one_s_own_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text("two_judges: {metrics: [psnr]}")
    assert load_protocol(tmp_path / "mine.yaml", "two_judges").metrics == ("psnr",)
    assert capsys.readouterr().err == ""
    assert load_protocol(PROTOCOLS, "recognition_two_judges").name == "recognition_two_recognisers"


def test_a_method_of_the_old_name_is_the_control(capsys: pytest.CaptureFixture[str]) -> None:
    assert method_card("oracle") == method_card("ground_truth")
    assert type(make_method("identity", {})) is type(make_method("input", {}))
    assert capsys.readouterr().err.count("Note:") == 2


@pytest.mark.parametrize("made", ["identity", "input"])
@pytest.mark.parametrize("asked", ["identity", "input"])
def test_claims_and_comparisons_find_a_control_by_either_name(
    asked: str, made: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`made`: a table of this release, or of the last; `asked`: what a claim, or a command, calls the row."""
    bench = Bench(tmp_path)
    bench.noise[made] = bench.noise["b"]
    bench.add("a", 0.0, 60.0)
    bench.add(made, 1.0, 100.0)
    table = bench.tables()["table1"]
    [found] = bench.judge(replace(CLAIM, second=asked))
    assert found.verdict == "supported"
    assert main(["compare", str(table), "a", asked]) == 0
    heard = capsys.readouterr()
    assert "lmd" in heard.out and "better" in heard.out
    assert heard.err == (note("method", "identity", "input") if (asked, made) == ("identity", "input") else "")
