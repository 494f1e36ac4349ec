"""Report: one page of everything, for a browser, without a network."""


rule report:
    input:
        tables=expand("results/{table}.json", table=TABLES),
        pictures=page_pictures(),
    output:
        report("results/report.html", caption="../report/page.rst", category="Page", labels={"shows": "everything, in one page"}),
    log:
        "results/logs/report/report.log",
    benchmark:
        "results/benchmarks/report/report.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        spec=report_spec(),
        extras=report_words(),
        code=page_code(),
    shell:
        step("report --tables {input.tables} --spec {params.spec:q} {params.extras} --out {output}")
