"""The facts needed to run a graph and to read its answers; a bundle's manifest says more, and holds them."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.core.decision import Task
from edge.core.preprocess import InputSpec


class Output(BaseModel):
    """The kind of the graph's answers; the default is what `quantize` makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["int8", "uint8", "float32"] = "int8"
    values: Literal["logits", "probabilities"] = Field(
        default="logits", description="logits still want a softmax, or a sigmoid where there is one alone"
    )
    one_means: Literal["defect", "ok"] = Field(
        default="defect", description="what an output that is alone is sure of"
    )


class Heatmap(BaseModel):
    """A second output, int8 (1, height, width, 1): where in the picture the defect is; higher is worse."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)


@dataclass(frozen=True)
class ModelSpec:
    """Input and outputs of a graph; ``classes`` are in the order of the outputs."""

    task: Task
    classes: list[str]
    ok_class: str | None
    input: InputSpec
    output: Output = field(default_factory=Output)
    heatmap: Heatmap | None = None
