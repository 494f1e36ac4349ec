"""Degrade: the low-quality inputs, by named recipes."""


rule degrade:
    input:
        aligned=in_data("aligned/{dataset}/{chunk}"),
        given=planned(degrading.degrade_inputs, "dataset", "recipe"),
    output:
        directory(in_data("degraded/{dataset}/{recipe}/{chunk}")),
    log:
        in_results("logs/degrade/{dataset}.{recipe}.{chunk}.log"),
    benchmark:
        in_results("benchmarks/degrade/{dataset}.{recipe}.{chunk}.tsv")
    threads: 1
    params:
        recipe=planned(degrading.recipe_digest, "recipe"),
        base_seed=PLAN.base_seed,
        code=fingerprint("clrface.degradation.chunk"),
    shell:
        step(
            "degrade-chunk --dataset {wildcards.dataset} --recipe {wildcards.recipe}"
            " --aligned {input.aligned} --base-seed {params.base_seed} --out {output}"
        )
