"""Degrade: the low-quality inputs, by named degradations."""


rule degrade:
    input:
        aligned=in_data("aligned/{dataset}/{chunk}"),
        given=planned(degrading.degrade_inputs, "dataset", "degradation"),
    output:
        directory(in_data("degraded/{dataset}/{degradation}/{chunk}")),
    log:
        in_results("logs/degrade/{dataset}.{degradation}.{chunk}.log"),
    benchmark:
        in_results("benchmarks/degrade/{dataset}.{degradation}.{chunk}.tsv")
    threads: 1
    params:
        degradation=planned(degrading.degradation_digest, "degradation"),
        base_seed=PLAN.base_seed,
        code=fingerprint("clrface.degradation.chunk"),
    shell:
        step(
            "degrade-chunk --dataset {wildcards.dataset} --degradation {wildcards.degradation}"
            " --aligned {input.aligned} --base-seed {params.base_seed} --out {output}"
        )
