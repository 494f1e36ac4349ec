"""CLR-Face Bench: fetch, align, degrade, train or load, restore, measure, tabulate, report.

snakemake --cores all results/table1.csv
"""

from snakemake.utils import min_version

min_version("9.19")


report: "workflow/report/workflow.rst"


include: "workflow/snakemake_patches.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/align.smk"
include: "workflow/rules/degrade.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/restore.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/tabulate.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/report.smk"


set_environment(workflow, str(Path(workflow.basedir, "environment.yml")))


# On a cluster, where snakemake was started: nodes often have no network.
localrules:
    fetch_source,
    install_external,


rule all:
    default_target: True
    input:
        targets.all_files(PLAN),


rule table1:
    input:
        planned(tables.table1_files),


rule figures:
    input:
        targets.figure_files(PLAN),


rule studies:
    input:
        studies.study_files(PLAN),


rule tuning:
    input:
        targets.tuning_files(PLAN),


rule train:
    input:
        training.records(PLAN),
        in_results("figures/losses.png"),


rule fetch:
    input:
        planned(fetching.fetched_files),


onstart:
    lift_default_rate(workflow)
    share_imports(workflow)


onsuccess:
    show_tables(workflow)


onerror:
    tell_failures()
