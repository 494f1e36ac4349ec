"""Fetch: download, verify, extract; and install the programs of external repositories."""


rule fetch_source:
    input:
        lambda wildcards: [f"data/raw/{name}/SOURCE.json" for name in [SOURCES[wildcards.source].listed] if name],
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


rule install_external:
    input:
        external_needs,
    output:
        "data/external/{name}/READY.json",
    log:
        "results/logs/install_external/{name}.log",
    benchmark:
        "results/benchmarks/install_external/{name}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        card=lambda wildcards: external_path(wildcards.name),
        digest=lambda wildcards: short_digest(external_path(wildcards.name).read_text()),
    shell:
        step("install-external {params.card}", live=True)
