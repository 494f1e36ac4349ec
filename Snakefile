"""CLR-Face Bench: fetch, align, degrade, train or load, restore, measure, tabulate, report.

snakemake --cores all results/table1.csv
"""

from snakemake.utils import min_version

min_version("9.19")

# A --configfile that names a `profile` stands alone; any other is laid over the embedded one.
if "profile" not in config:

    configfile: "config/embedded.yaml"


report: "workflow/report/workflow.rst"


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


# On a cluster, where snakemake was started: nodes often have no network.
localrules:
    fetch_source,
    install_external,


tell_other_size()
tell_other_alignment()
tell_metrics_of_other_alignment()


rule all:
    default_target: True
    input:
        table_files(TABLES),
        figure_files(),
        study_files(),
        "results/claims.csv",
        "results/report.html",


rule table1:
    input:
        table_files(["table1"]),


rule figures:
    input:
        figure_files(),


rule studies:
    input:
        study_files(),


rule tuning:
    input:
        expand("results/figures/{sweep}.png", sweep=tuning_sweeps()),


rule train:
    input:
        training_records(),
        "results/figures/losses.png",


rule fetch:
    input:
        fetched_files(),


onstart:
    lift_default_rate(workflow)


onsuccess:
    show_tables(workflow)


onerror:
    tell_failures()
