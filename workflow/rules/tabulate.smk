"""Tabulate: the table in four formats, the sheet of faces beside it, and, of recognition, the operating curves."""


rule tabulate:
    input:
        scores=table_scores,
        degraded=table_degraded,
    output:
        csv="results/{table}.csv",
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
        "results/figures/{table}_samples.png",
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


rule roc:
    input:
        unpack(roc_inputs),
    output:
        png="results/figures/{table}_roc.png",
        pdf="results/figures/{table}_roc.pdf",
    log:
        "results/logs/roc/{table}.log",
    benchmark:
        "results/benchmarks/roc/{table}.tsv"
    wildcard_constraints:
        table="|".join(recognition_tables()) or "none",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        panels=roc_panels,
        code=fingerprint("clrface.metrics.recognise", "clrface.report.roc"),
    shell:
        step("roc --panels {params.panels:q} --cache results/cache --out {output.png} {output.pdf}")
