"""Train: one network a job; a stopped job goes on from its last checkpoint."""


rule train_stage:
    input:
        faces=lambda wildcards: training_chunks(),
        sources=expand("data/raw/{source}/SOURCE.json", source=("sface", "stlpips")),
        before=stage_needs,
    output:
        "results/train/{method}/{stage}/training.json",
    log:
        "results/logs/train/{method}.{stage}.log",
    benchmark:
        "results/benchmarks/train/{method}.{stage}.tsv"
    wildcard_constraints:
        stage="|".join(config["training"]["stages"]),
    conda:
        "../../environment.yml"
    threads: lambda wildcards: workflow.cores
    resources:
        gpu=GPU,
    params:
        spec=stage_spec,
        dataset=config["training"]["dataset"],
        options=training_options(),
        recipe=recipe_digest(config["training"]["degradation"]),
        code=fingerprint("clrface.training.run"),
    shell:
        step(
            "train --spec {params.spec:q} --faces data/training/{params.dataset}"
            " --manifest data/manifests/{params.dataset}.csv {params.options}"
            " --models results/train/{wildcards.method} --out results/train/{wildcards.method}/{wildcards.stage}",
            live=True,
            launcher=training_launcher(),
        )
