"""Train: one network a job; a stopped job goes on from its last checkpoint. And which weights the rows use, trained here or not."""


rule train_stage:
    input:
        faces=planned(training.face_chunks),
        sources=expand("data/raw/{source}/SOURCE.json", source=TRAINING_SOURCES),
        before=planned(training.stage_inputs, "stage"),
    output:
        in_results("train/{method}/{stage}/training.json"),
    log:
        in_results("logs/train/{method}.{stage}.log"),
    benchmark:
        in_results("benchmarks/train/{method}.{stage}.tsv")
    wildcard_constraints:
        stage=either(PLAN.training.stages),
    threads: lambda wildcards: all_cores()
    resources:
        gpu=PLAN.gpus,
    params:
        spec=planned(training.stage_spec, "stage"),
        faces=planned(training.faces_args),
        options=planned(training.options),
        degradation=planned(training.degradation_digest),
        code=fingerprint("clrface.training.run"),
    shell:
        step(
            "train --spec {params.spec:q} {params.faces} {params.options}"
            f" --models {in_results('train/{wildcards.method}')} --out {in_results('train/{wildcards.method}/{wildcards.stage}')}",
            live=True,
            launcher=training_launcher(),
        )


rule weights:
    input:
        planned(restoring.fitted_records),
    output:
        in_results("weights.json"),
    log:
        in_results("logs/weights/weights.log"),
    benchmark:
        in_results("benchmarks/weights/weights.tsv")
    threads: 1
    params:
        args=planned(restoring.weights_args),
        weights=planned(restoring.all_weights),
        code=fingerprint("clrface.weights"),
    shell:
        step("weights {params.args} --out {output}")
