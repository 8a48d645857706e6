"""Options of the executors."""

from pydantic import Field

from kpframework.api import ComponentConfig


class LocalConfig(ComponentConfig):
    """Options of the processes of this machine."""

    workers: int | None = Field(
        default=None,
        ge=1,
        description="Processes; null is one for each CPU that this process may use. Each holds "
        "what its linker keeps in memory.",
    )
    retries: int = Field(
        default=3, ge=0, description="Times a shard is done again after its worker died."
    )


class SerialConfig(ComponentConfig):
    """There is nothing to choose."""
