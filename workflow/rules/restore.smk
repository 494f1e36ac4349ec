"""Restore: one method on one chunk; a folder of finished images is taken as it is."""


rule restore:
    input:
        needed=planned(restoring.restore_inputs, "dataset", "row"),
        aligned=in_data("aligned/{dataset}/{chunk}"),
        degraded=in_data("degraded/{dataset}/{degradation}/{chunk}"),
    output:
        directory(in_results("restored/{dataset}/{degradation}/{row}/{seed}/{chunk}")),
    log:
        in_results("logs/restore/{dataset}.{degradation}.{row}.{seed}.{chunk}.log"),
    benchmark:
        in_results("benchmarks/restore/{dataset}.{degradation}.{row}.{seed}.{chunk}.tsv")
    threads: 1
    resources:
        gpu=PLAN.gpus,
        batch=PLAN.batch,  # no parameter: it changes the speed, so it must rerun nothing
    params:
        args=planned(restoring.restore_args, "dataset", "row"),
        code=planned(restoring.row_code, "row"),
    shell:
        step(
            "restore-chunk {params.args} --dataset {wildcards.dataset} --seed {wildcards.seed} --batch {resources.batch}"
            " --aligned {input.aligned} --degraded {input.degraded} --out {output}"
        )
