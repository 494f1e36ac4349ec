"""Fetch: download, verify, extract."""


rule fetch:
    output:
        "data/raw/{source}/SOURCE.json",
    log:
        "results/logs/fetch/{source}.log",
    benchmark:
        "results/benchmarks/fetch/{source}.tsv"
    wildcard_constraints:
        source="|".join(SOURCES),
    conda:
        "../../environment.yml"
    threads: 1
    params:
        entry=lambda wildcards: entry_digest(SOURCES[wildcards.source]),
    shell:
        step("fetch {wildcards.source}", live=True)
