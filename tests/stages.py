"""Training stages with the config's defaults."""

from typing import Any

from clrface.config.parts import completed
from clrface.config.stages import Stage
from clrface.training.stage import StageSpec


def stage_spec(
    name: str, steps: int, batch: int, learning_rate: float, network: dict[str, Any], options: dict[str, Any], **numbers: Any
) -> StageSpec:
    """A stage's numbers; those that are left out as in a config that leaves them out."""
    return StageSpec(name, steps, batch, learning_rate, network, options, **completed(Stage, numbers))
