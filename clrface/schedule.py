"""How many steps a sampler may take, so that a config is checked before any work.

Nothing heavy is imported here.
"""

from typing import Any

SCHEDULE_STEPS = 1000
SCHEDULE: dict[str, Any] = {"num_train_timesteps": SCHEDULE_STEPS, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
"""Of every diffusion here, in diffusers' words."""
MOST_STEPS = 500
"""Over the whole schedule of 1,000; beyond it solvers meet equal timesteps."""


def total_steps(start: str, t0: float, steps: int) -> int:
    """CLR-Face's steps over the whole schedule, of which the last `steps` are run: all of them from
    noise.
    """
    return steps if start == "noise" else max(steps, round(steps / t0))


def steps_problem(start: str, t0: float, steps: int) -> str:
    """What is wrong with CLR-Face's steps; empty when nothing is."""
    total = total_steps(start, t0, steps)
    if total <= MOST_STEPS:
        return ""
    over = f"{steps} steps" if start == "noise" else f"{steps} steps over the last {t0} of the schedule would be {total} over all of it"
    return f"{over}, expected at most {MOST_STEPS}. Lower `steps`" + (" or raise `t0`." if start != "noise" else ".")


def pixel_steps_problem(total: int, steps: int) -> str:
    """What is wrong with the pixel diffusion's steps; empty when nothing is. diffusers' DDIM steps
    by 1000 // total.
    """
    if 1 <= steps <= total <= SCHEDULE_STEPS and SCHEDULE_STEPS % total == 0:
        return ""
    return (
        f"found steps {steps} and total_steps {total}, expected 1 <= steps <= total_steps <= {SCHEDULE_STEPS} "
        "and a total that divides 1,000, such as 50, 100, 200, 250 or 500."
    )
