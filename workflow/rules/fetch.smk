"""Fetch: download, verify, extract; and install the programs of external repositories."""


rule fetch_source:
    input:
        planned(fetching.fetch_inputs, "source"),
    output:
        "data/raw/{source}/SOURCE.json",
    log:
        in_results("logs/fetch/{source}.log"),
    benchmark:
        in_results("benchmarks/fetch/{source}.tsv")
    wildcard_constraints:
        source=either(PLAN.project.sources),
    threads: 1
    params:
        entry=planned(fetching.fetch_digest, "source"),
    shell:
        step("fetch {wildcards.source}", live=True)


rule generate:
    input:
        "data/raw/mobilestylegan/SOURCE.json",
    output:
        "data/raw/generated_train/manifest.csv",
    log:
        in_results("logs/generate/generated_train.log"),
    benchmark:
        in_results("benchmarks/generate/generated_train.tsv")
    threads: 1
    params:
        args=planned(training.drawing_args),
        code=fingerprint("clrface.generate.faces"),
    shell:
        step("generate {params.args} --out data/raw/generated_train", live=True)


rule install_external:
    input:
        planned(fetching.install_inputs, "name"),
    output:
        "data/external/{name}/READY.json",
    log:
        in_results("logs/install_external/{name}.log"),
    benchmark:
        in_results("benchmarks/install_external/{name}.tsv")
    threads: 1
    params:
        card=planned(fetching.install_card, "name"),
        digest=planned(fetching.install_digest, "name"),
    shell:
        step("install-external {params.card}", live=True)
