"""Report: one page of everything, for a browser, without a network."""


rule report:
    input:
        tables=expand(in_results("{table}.json"), table=PLAN.tables),
        images=planned(page.page_images),
        claims=in_results("claims.json"),
        costs=in_results("table6.json"),
        figures=planned(page.page_figures),
    output:
        report(in_results("report.html"), caption="../report/page.rst", category="Page", labels={"shows": "everything, in one page"}),
    log:
        in_results("logs/report/report.log"),
    benchmark:
        in_results("benchmarks/report/report.tsv")
    threads: 1
    params:
        spec=planned(page.page_spec),
        code=planned(page.page_code),
    shell:
        step(
            "report --tables {input.tables} --spec {params.spec:q} --claims {input.claims} --costs {input.costs}"
            " --figures {input.figures} --out {output}",
            places={"--results": PLAN.results, "--data": PLAN.data},
        )
