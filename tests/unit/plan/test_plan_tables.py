"""Tables, figures, claims, the page: their files, and what their commands are told."""

import json

import pytest

from clrface.errors import UserError
from clrface.plan import claims, figures, page, tables, targets
from clrface.plan.notes import notes


def test_a_table_s_scores_are_all_that_can_be_measured(plan):
    scores = tables.score_files(plan, "table1")
    assert len(scores) == 10 * 9 and "results/scores/orl/blind/clrface/0/idd_dlib.csv" in scores
    assert not [path for path in tables.score_files(plan, "table3") if path.endswith("/psnr.csv")]


def test_a_table_s_spec(plan):
    spec = json.loads(tables.table_spec(plan, "table3"))
    assert spec["protocol"] == "real_world" and spec["chunks"] == {"lfw25": ["000", "001"]}
    assert spec["rows"][0] == {"method": "input", "dataset": "lfw25", "degradation": "as_is", "seeds": [0], "has_truth": False}
    assert spec["weights"]["clrface"] == "models/clrface" and spec["datasets"] == {"lfw25": {"reference": "orl"}}
    assert "published" not in spec


def test_published_numbers_stand_in_the_spec_of_their_protocol_and_set(paper):
    published = json.loads(tables.table_spec(paper, "calibration"))["published"]
    assert published and {cell["dataset"] for cell in published} == {"celeba_test"}


def test_which_figures_a_table_has(plan):
    kinds = {table: [path.split("_")[-1] for path in tables.table_figures(plan, table)] for table in plan.tables}
    assert kinds["table1"] == ["samples.png", "failures.png", "chart.png"]
    assert kinds["table3"] == ["samples.png", "chart.png"]
    assert kinds["table4"] == ["samples.png", "chart.png", "roc.png"]


def test_a_sheet_s_columns(plan):
    [panel] = json.loads(figures.sample_panels(plan, "table1"))
    labels = list(panel["columns"])
    assert labels[0] == "Input" and labels[-1] == "Ground truth" and "CLR-Face" in labels
    assert panel["columns"]["CLR-Face"] == "results/restored/orl/blind/clrface/0"
    [real] = json.loads(figures.sample_panels(plan, "table3"))
    assert "Ground truth" not in real["columns"]


def test_test_sets_are_told_with_the_rows_that_double_input_and_truth(plan):
    spec = json.loads(figures.table_sets(plan, "table1"))
    assert spec == {"chunks": {"orl": ["000", "001"]}, "same_as": {"@input": "input", "@truth": "ground_truth"}, "without_truth": []}
    assert json.loads(page.page_spec(plan))["without_truth"] == ["lfw25"]


def test_operating_curves_read_faces_galleries_and_recogniser(plan, paper):
    found = figures.roc_inputs(plan, "table4")
    assert found["galleries"] == ["data/gallery/orl"] and found["sources"] == ["data/raw/dlib/SOURCE.json"]
    [panel] = json.loads(figures.roc_panels(plan, "table4"))
    assert panel["metric"] == "accuracy_dlib" and "pairs" not in panel and panel["rows"][0]["control"]
    [listed] = json.loads(figures.roc_panels(paper, "table4"))
    assert listed["pairs"] == "data/raw/lfw_pairs/pairs.txt"


def test_claims_are_tested_on_the_tables_that_are_made(plan, planner):
    assert claims.claimed_tables(plan)[0] == "results/table1.json" and "results/table6.json" in claims.claimed_tables(plan)
    less = planner(tables={"table1": None})
    assert "results/table1.json" not in claims.claimed_tables(less)
    assert not [path for path in claims.claimed_scores(less) if "/blind/nlm/0/psnr" in path]
    assert claims.claims_digest(plan) != claims.claims_digest(planner(datasets={"orl": {"identities": 30}}))


def test_the_page_has_each_chunk_once(plan):
    images = page.page_images(plan)
    assert len(images) == len(set(images)) and "results/restored/orl/blind/clrface/0/001" in images


def test_a_table_that_is_left_out_leaves_the_others(planner):
    plan = planner(tables={"table1": None})
    assert "results/table2.csv" in targets.all_files(plan) and "results/table1.csv" not in targets.all_files(plan)
    with pytest.raises(UserError, match=r"leaves table1 out \(`tables: \{table1: null\}`\)"):
        tables.table1_files(plan)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("results/scores/orl/blind/clrfcae/0/psnr.csv", "row 'clrfcae'. Did you mean 'clrface'"),
        ("results/scores/orl/blind/clrface/0/psrn.csv", "metric 'psrn'. Did you mean 'psnr'"),
        ("results/scores/orl/blind/clrface/0/kd_efnet.replicates.csv", "metric 'kd_efnet'. Did you mean 'kd_effnet'"),
        ("results/restored/orl/blnd/clrface/0/000", "degradation 'blnd'. Did you mean 'blind'"),
        ("results/tabel1.csv", "result 'tabel1'. Did you mean 'table1'"),
        ("results/figures/tabel1_samples.png", "figure 'tabel1_samples'. Did you mean 'table1_samples'"),
        ("results/train/clrface/irm/training.json", "training stage 'irm'. Did you mean 'irn'"),
        ("data/aligned/olr/000", "test set 'olr'. Did you mean 'orl'"),
        ("data/raw/dlbi/SOURCE.json", "source 'dlbi'. Did you mean 'dlib'"),
        ("data/external/vqgfr/READY.json", "external program 'vqgfr'. Did you mean 'vqfr'"),
    ],
)
def test_a_mistyped_file_gets_the_nearest_name(plan, word, said):
    with pytest.raises(UserError) as error:
        targets.check_names(plan, ["-n", word])
    assert f"Unknown {said}" in str(error.value)


def test_files_that_are_there_and_other_words_pass(plan):
    words = [*targets.all_files(plan), *tables.score_files(plan, "table1"), *page.page_images(plan), "results/figures/table1_samples.pdf"]
    targets.check_names(plan, [*words, "--cores", "all", "table1", "results/report.html", "config/embedded.yaml", "a=results"])


def test_notes_are_told_of_other_sizes_and_alignments_alone(plan, planner):
    assert notes(plan) == []
    [place, size] = notes(planner(resolution=96))
    assert place.startswith("Note: this config's files lie in results/embedded@96 and data/embedded@96.")
    assert size.startswith("Note: the shipped weights were trained at 64 pixels, and resolution is 96: unet, ")
    sets = planner(datasets={"celeba_test": {"images": 4}}, tables={"table1": {"datasets": ["celeba_test"]}})
    assert notes(sets)[0].startswith(
        "Note: the weights' training faces are aligned by the template 'utkface', those of celeba_test are not"
    )
