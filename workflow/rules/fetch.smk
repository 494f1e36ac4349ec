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
    threads: 1
    params:
        entry=lambda wildcards: entry_digest(SOURCES[wildcards.source]),
        mirrors=joined(["--mirrors", *config["mirrors"]]) if config["mirrors"] else "",
    shell:
        RUN + " fetch {wildcards.source} {params.mirrors} 2> >(tee {log} >&2)"
