"""What the planner says as JSON is what the steps take: each text read back by the class that consumes it."""

import json

from clrface.plan import figures, page, studies, tables, training
from clrface.report.requests import (
    SetSpec,
    roc_panels_from_json,
    roc_panels_to_json,
    sample_panels_from_json,
    sample_panels_to_json,
)
from clrface.restoration.pipeline import Settings
from clrface.study.cost import Contender
from clrface.study.sweep import Sweep
from clrface.tables.request import TableRequest
from clrface.training.stage import StageSpec


def test_tables(plan, paper):
    for one, table in ((plan, "table1"), (plan, "table3"), (paper, "calibration")):
        text = tables.table_spec(one, table)
        asked = TableRequest.from_json(text)
        assert asked.to_json() == text and TableRequest.from_json(asked.to_json()) == asked
        assert asked.metrics == one.table(table).metrics and len(asked.rows) == len(one.table(table).blocks) * len(one.table(table).rows)
    assert asked.published and asked.rows[0].seeds == (0,)


def test_figures_of_tables(plan, paper):
    for one in (plan, paper):
        for table in one.tables:
            text = figures.sample_panels(one, table)
            assert sample_panels_to_json(sample_panels_from_json(text)) == text
        text = figures.roc_panels(one, "table4")
        assert roc_panels_to_json(roc_panels_from_json(text)) == text
        for text in (page.page_spec(one), figures.table_sets(one, "table1")):
            assert SetSpec.from_json(text).to_json() == text
    [panel] = roc_panels_from_json(figures.roc_panels(plan, "table4"))
    assert panel.pairs == "" and panel.rows[0].label == "Input"


def test_stages(plan, planner):
    for one in (plan, planner("paper", "paper_training")):
        specs = [StageSpec(**json.loads(training.stage_spec(one, stage))) for stage in one.training.stages]
        assert [spec.name for spec in specs] == list(one.training.stages)


def test_studies(plan):
    sweep = Sweep(**json.loads(studies.sweep_spec(plan, "steps")))
    assert len(sweep.points()) == 50 and sweep.settings(sweep.points()[0]).guidance == "none"
    cost = json.loads(studies.cost_spec(plan))
    assert [Contender(**row).row for row in cost["rows"]] == [row.name for row in studies.cost_rows(plan)] and cost["rounds"] == 3
    assert Settings(**json.loads(studies.clrface_settings(plan))).steps == plan.clrface["steps"]
