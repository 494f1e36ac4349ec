"""Study: CLR-Face over grids of settings, one face on its way through it, where its mask acts, how its networks' losses went."""


rule sweep:
    input:
        unpack(planned(studies.sweep_inputs, "sweep")),
    output:
        report(
            in_results("{sweep}.csv"), caption="../report/sweep.rst", category="Studies", labels={"study": "{sweep}", "shows": "numbers"}
        ),
    log:
        in_results("logs/sweep/{sweep}.log"),
    benchmark:
        in_results("benchmarks/sweep/{sweep}.tsv")
    wildcard_constraints:
        sweep=either(PLAN.sweeps),
    threads: 1
    resources:
        gpu=PLAN.gpus,
    params:
        spec=planned(studies.sweep_spec, "sweep"),
        args=planned(studies.sweep_args, "sweep"),
    shell:
        step(
            "sweep {params.args} --spec {params.spec:q} --aligned {input.aligned} --degraded {input.degraded}"
            " --cache results/cache --out {output}",
            live=True,
        )


rule sweep_figure:
    input:
        in_results("{sweep}.csv"),
    output:
        png=report(
            in_results("figures/{sweep}.png"),
            caption="../report/sweep.rst",
            category="Studies",
            labels={"study": "{sweep}", "shows": "figure"},
        ),
        pdf=in_results("figures/{sweep}.pdf"),
    log:
        in_results("logs/sweep_figure/{sweep}.log"),
    benchmark:
        in_results("benchmarks/sweep_figure/{sweep}.tsv")
    wildcard_constraints:
        sweep=either(PLAN.sweeps),
    threads: 1
    params:
        args=planned(studies.sweep_figure_args, "sweep"),
        code=fingerprint("clrface.report.curves"),
    shell:
        step("sweep-figure {input} {params.args} --out {output.png}")


rule cost:
    input:
        unpack(planned(studies.cost_inputs)),
    output:
        csv=report(in_results("table6.csv"), caption="../report/cost.rst", category="Tables", labels={"table": "table6", "shows": "costs"}),
        json=in_results("table6.json"),
        md=in_results("table6.md"),
        tex=in_results("table6.tex"),
    log:
        in_results("logs/cost/table6.log"),
    benchmark:
        in_results("benchmarks/cost/table6.tsv")
    threads: lambda wildcards: all_cores()  # alone on the machine: another job beside it would be part of the seconds
    resources:
        gpu=PLAN.gpus,
    params:
        spec=planned(studies.cost_spec),
        args=planned(studies.cost_args),
    shell:
        step(
            "cost {params.args} --spec {params.spec:q} --aligned {input.aligned} --degraded {input.degraded} --out {output.csv}",
            live=True,
            launcher=STEP.replace("{threads}", "1"),
        )


rule mask_maps:
    input:
        unpack(planned(studies.mask_inputs)),
    output:
        table=report(in_results("mask.csv"), caption="../report/mask.rst", category="Studies", labels={"study": "mask", "shows": "numbers"}),
        figure=report(
            in_results("figures/mask.png"), caption="../report/mask.rst", category="Studies", labels={"study": "mask", "shows": "figure"}
        ),
        pdf=in_results("figures/mask.pdf"),
    log:
        in_results("logs/mask_maps/mask.log"),
    benchmark:
        in_results("benchmarks/mask_maps/mask.tsv")
    threads: 1
    resources:
        gpu=PLAN.gpus,
    params:
        args=planned(studies.mask_args),
        code=planned(studies.study_code, modules=["clrface.study.mask_maps"]),
    shell:
        step(
            "mask-maps {params.args} --aligned {input.aligned} --degraded {input.degraded}"
            " --out {output.table} --figure {output.figure}"
        )


rule overview:
    input:
        unpack(planned(studies.mask_inputs)),
    output:
        png=report(
            in_results("figures/overview.png"),
            caption="../report/overview.rst",
            category="Studies",
            labels={"study": "overview", "shows": "figure"},
        ),
        pdf=in_results("figures/overview.pdf"),
    log:
        in_results("logs/overview/overview.log"),
    benchmark:
        in_results("benchmarks/overview/overview.tsv")
    threads: 1
    resources:
        gpu=PLAN.gpus,
    params:
        args=planned(studies.mask_args),
        settings=planned(studies.clrface_settings),
        base_seed=PLAN.base_seed,
        code=planned(studies.study_code, modules=["clrface.study.overview"]),
    shell:
        step(
            "overview {params.args} --images 1 --settings {params.settings:q} --base-seed {params.base_seed}"
            " --aligned {input.aligned} --degraded {input.degraded} --out {output.png}"
        )


rule losses:
    input:
        training.records(PLAN),
    output:
        png=report(in_results("figures/losses.png"), caption="../report/losses.rst", category="Training", labels={"shows": "losses"}),
        pdf=in_results("figures/losses.pdf"),
    log:
        in_results("logs/losses/losses.log"),
    benchmark:
        in_results("benchmarks/losses/losses.tsv")
    threads: 1
    params:
        logs=" ".join(training.loss_logs(PLAN)),
        code=fingerprint("clrface.report.curves"),
    shell:
        step("losses {params.logs} --out {output.png}")
