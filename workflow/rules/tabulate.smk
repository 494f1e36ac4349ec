"""Tabulate: the table in four formats, and its values for DVC; its figures: sampled faces, failure cases, chart, of recognition the operating curves; and the paper's claims tested on the tables."""


rule tabulate:
    input:
        scores=planned(tables.score_files, "table"),
        degraded=planned(tables.table_degraded, "table"),
    output:
        csv=report("results/{table}.csv", caption="../report/table.rst", category="Tables", labels={"table": "{table}", "shows": "numbers"}),
        json="results/{table}.json",
        md="results/{table}.md",
        tex="results/{table}.tex",
    log:
        "results/logs/tabulate/{table}.log",
    benchmark:
        "results/benchmarks/tabulate/{table}.tsv"
    wildcard_constraints:
        table=either(PLAN.tables),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        spec=planned(tables.table_spec, "table"),
        code=fingerprint("clrface.tables.tabulate"),
    shell:
        step("tabulate --spec {params.spec:q} --out {output.csv}")


rule metrics:
    input:
        "results/{table}.json",
    output:
        "results/metrics/{table}.json",
    log:
        "results/logs/metrics/{table}.log",
    benchmark:
        "results/benchmarks/metrics/{table}.tsv"
    wildcard_constraints:
        table=either(PLAN.tables),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        code=fingerprint("clrface.tables.table"),
    shell:
        step("metrics {input} --out {output}")


rule samples:
    input:
        restored=planned(tables.table_restored, "table"),
        degraded=planned(tables.table_degraded, "table"),
    output:
        png=report(
            "results/figures/{table}_samples.png",
            caption="../report/samples.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "faces"},
        ),
        pdf="results/figures/{table}_samples.pdf",
    log:
        "results/logs/samples/{table}.log",
    benchmark:
        "results/benchmarks/samples/{table}.tsv"
    wildcard_constraints:
        table=either(PLAN.tables),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        panels=planned(figures.sample_panels, "table"),
        code=fingerprint("clrface.report.samples"),
    shell:
        step("samples --panels {params.panels:q} --out {output.png}")


rule failures:
    input:
        table="results/{table}.json",
        scores=planned(tables.score_files, "table"),
        restored=planned(tables.table_restored, "table"),
        degraded=planned(tables.table_degraded, "table"),
    output:
        png=report(
            "results/figures/{table}_failures.png",
            caption="../report/failures.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "failure cases"},
        ),
        pdf="results/figures/{table}_failures.pdf",
    log:
        "results/logs/failures/{table}.log",
    benchmark:
        "results/benchmarks/failures/{table}.tsv"
    wildcard_constraints:
        table=either(tables.identity_tables(PLAN)),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        spec=planned(figures.table_sets, "table"),
        code=fingerprint("clrface.report.failures"),
    shell:
        step("failures {input.table} --spec {params.spec:q} --out {output.png}")


rule chart:
    input:
        "results/{table}.json",
    output:
        png=report(
            "results/figures/{table}_chart.png",
            caption="../report/chart.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "chart"},
        ),
        pdf="results/figures/{table}_chart.pdf",
    log:
        "results/logs/chart/{table}.log",
    benchmark:
        "results/benchmarks/chart/{table}.tsv"
    wildcard_constraints:
        table=either(PLAN.tables),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        code=fingerprint("clrface.report.chart"),
    shell:
        step("chart {input} --out {output.png}")


rule roc:
    input:
        unpack(planned(figures.roc_inputs, "table")),
    output:
        png="results/figures/{table}_roc.png",
        pdf="results/figures/{table}_roc.pdf",
    log:
        "results/logs/roc/{table}.log",
    benchmark:
        "results/benchmarks/roc/{table}.tsv"
    wildcard_constraints:
        table=either(tables.recognition_tables(PLAN)),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        panels=planned(figures.roc_panels, "table"),
        code=planned(figures.roc_code, "table"),
    shell:
        step("roc --panels {params.panels:q} --cache results/cache --out {output.png}")


rule claims:
    input:
        tables=planned(claims.claimed_tables),
        scores=planned(claims.claimed_scores),
    output:
        csv="results/claims.csv",
        json="results/claims.json",
        md="results/claims.md",
        tex="results/claims.tex",
    log:
        "results/logs/claims/claims.log",
    benchmark:
        "results/benchmarks/claims/claims.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        claims=planned(claims.claims_digest),
        code=fingerprint("clrface.tables.verdicts"),
    shell:
        step("claims {input.tables} --out {output.csv}")
