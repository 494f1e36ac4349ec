"""Tabulate: the table in four formats, and its values for DVC; its figures: sampled faces, failure cases, chart, of recognition the operating curves; and the paper's claims tested on the tables."""


rule tabulate:
    input:
        scores=planned(tables.score_files, "table"),
        degraded=planned(tables.table_degraded, "table"),
    output:
        csv=report(
            in_results("{table}.csv"), caption="../report/table.rst", category="Tables", labels={"table": "{table}", "shows": "numbers"}
        ),
        json=in_results("{table}.json"),
        md=in_results("{table}.md"),
        tex=in_results("{table}.tex"),
    log:
        in_results("logs/tabulate/{table}.log"),
    benchmark:
        in_results("benchmarks/tabulate/{table}.tsv")
    wildcard_constraints:
        table=either(PLAN.tables),
    threads: 1
    params:
        spec=planned(tables.table_spec, "table"),
        code=fingerprint("clrface.tables.tabulate"),
    shell:
        step(
            "tabulate --spec {params.spec:q} --out {output.csv}",
            places={"--scores": in_results("scores"), "--degraded": in_data("degraded")},
        )


rule metrics:
    input:
        in_results("{table}.json"),
    output:
        in_results("metrics/{table}.json"),
    log:
        in_results("logs/metrics/{table}.log"),
    benchmark:
        in_results("benchmarks/metrics/{table}.tsv")
    wildcard_constraints:
        table=either(PLAN.tables),
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
            in_results("figures/{table}_samples.png"),
            caption="../report/samples.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "faces"},
        ),
        pdf=in_results("figures/{table}_samples.pdf"),
    log:
        in_results("logs/samples/{table}.log"),
    benchmark:
        in_results("benchmarks/samples/{table}.tsv")
    wildcard_constraints:
        table=either(PLAN.tables),
    threads: 1
    params:
        panels=planned(figures.sample_panels, "table"),
        code=fingerprint("clrface.report.samples"),
    shell:
        step("samples --panels {params.panels:q} --out {output.png}")


rule failures:
    input:
        table=in_results("{table}.json"),
        scores=planned(tables.score_files, "table"),
        restored=planned(tables.table_restored, "table"),
        degraded=planned(tables.table_degraded, "table"),
    output:
        png=report(
            in_results("figures/{table}_failures.png"),
            caption="../report/failures.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "failure cases"},
        ),
        pdf=in_results("figures/{table}_failures.pdf"),
    log:
        in_results("logs/failures/{table}.log"),
    benchmark:
        in_results("benchmarks/failures/{table}.tsv")
    wildcard_constraints:
        table=either(tables.identity_tables(PLAN)),
    threads: 1
    params:
        spec=planned(figures.table_sets, "table"),
        code=fingerprint("clrface.report.failures"),
    shell:
        step(
            "failures {input.table} --spec {params.spec:q} --out {output.png}",
            places={"--results": PLAN.results, "--data": PLAN.data},
        )


rule chart:
    input:
        in_results("{table}.json"),
    output:
        png=report(
            in_results("figures/{table}_chart.png"),
            caption="../report/chart.rst",
            category="Tables",
            labels={"table": "{table}", "shows": "chart"},
        ),
        pdf=in_results("figures/{table}_chart.pdf"),
    log:
        in_results("logs/chart/{table}.log"),
    benchmark:
        in_results("benchmarks/chart/{table}.tsv")
    wildcard_constraints:
        table=either(PLAN.tables),
    threads: 1
    params:
        code=fingerprint("clrface.report.chart"),
    shell:
        step("chart {input} --out {output.png}")


rule roc:
    input:
        unpack(planned(figures.roc_inputs, "table")),
    output:
        png=in_results("figures/{table}_roc.png"),
        pdf=in_results("figures/{table}_roc.pdf"),
    log:
        in_results("logs/roc/{table}.log"),
    benchmark:
        in_results("benchmarks/roc/{table}.tsv")
    wildcard_constraints:
        table=either(tables.recognition_tables(PLAN)),
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
        csv=in_results("claims.csv"),
        json=in_results("claims.json"),
        md=in_results("claims.md"),
        tex=in_results("claims.tex"),
    log:
        in_results("logs/claims/claims.log"),
    benchmark:
        in_results("benchmarks/claims/claims.tsv")
    threads: 1
    params:
        claims=planned(claims.claims_digest),
        code=fingerprint("clrface.tables.verdicts"),
    shell:
        step("claims {input.tables} --out {output.csv}", places={"--scores": in_results("scores")})
