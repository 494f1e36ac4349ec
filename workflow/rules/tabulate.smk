"""Tabulate: the table in four formats, and the sheet of faces beside it."""


rule tabulate:
    input:
        scores=table_scores,
        degraded=table_degraded,
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
        table="|".join(TABLES),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        spec=table_spec,
        code=fingerprint("clrface.tables.tabulate"),
    shell:
        step("tabulate --spec {params.spec:q} --out {output.csv}")


rule samples:
    input:
        restored=table_restored,
        degraded=table_degraded,
    output:
        report(
            "results/figures/{table}_samples.png",
            caption="../report/samples.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "faces"},
        ),
    log:
        "results/logs/samples/{table}.log",
    benchmark:
        "results/benchmarks/samples/{table}.tsv"
    wildcard_constraints:
        table="|".join(TABLES),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        panels=sample_panels,
        code=fingerprint("clrface.report.samples"),
    shell:
        step("samples --panels {params.panels:q} --out {output}")
