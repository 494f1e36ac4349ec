"""Train: one network a job; a stopped job goes on from its last checkpoint. And which weights the rows use, trained here or not."""


rule train_stage:
    input:
        faces=lambda wildcards: training_chunks(),
        sources=expand("data/raw/{source}/SOURCE.json", source=TRAINING_SOURCES),
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
    threads: lambda wildcards: all_cores()
    resources:
        gpu=GPU,
    params:
        spec=stage_spec,
        dataset=config["training"]["dataset"],
        manifest=manifest_path(config["training"]["dataset"]),
        options=training_options(),
        recipe=recipe_digest(config["training"]["degradation"]),
        code=fingerprint("clrface.training.run"),
    shell:
        step(
            "train --spec {params.spec:q} --faces data/training/{params.dataset}"
            " --manifest {params.manifest} {params.options}"
            " --models results/train/{wildcards.method} --out results/train/{wildcards.method}/{wildcards.stage}",
            live=True,
            launcher=training_launcher(),
        )


rule weights:
    input:
        fitted_records(),
    output:
        "results/weights.json",
    log:
        "results/logs/weights/weights.log",
    benchmark:
        "results/benchmarks/weights/weights.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=joined([*weight_families(), "--weights", config["weights"]]),
        weights={family: weights_digest(family) for family in weight_families()},
        code=fingerprint("clrface.weights"),
    shell:
        step("weights {params.args} --out {output}")
