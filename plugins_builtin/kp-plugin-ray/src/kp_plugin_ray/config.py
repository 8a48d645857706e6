"""Options of the executor."""

from pydantic import Field

from kpframework.api import ComponentConfig


class RayConfig(ComponentConfig):
    """Options of the executor on Ray."""

    address: str | None = Field(
        default=None,
        min_length=1,
        description="Address of a running cluster, such as 'auto'; null starts a local one and "
        "stops it at the end.",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        description="Tasks at once; null is one for each CPU that Ray counts.",
    )
    retries: int = Field(
        default=3, ge=0, description="Times a shard is done again after its worker died."
    )
