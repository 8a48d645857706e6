"""What a mapping network promises."""

from __future__ import annotations

from typing import Any

import torch

from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject

SOURCE, TARGET = 6, 10


def build(subject: Subject, seed: int = 0, source: int = SOURCE, target: int = TARGET) -> Any:
    """Return a new module as an injector gets it: initialised under a seeded generator."""
    mapper = subject.create(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return mapper.build(source, target).eval()


def vectors(count: int = 5, source: int = SOURCE) -> torch.Tensor:
    """Return some entity vectors."""
    return torch.randn((count, source), generator=torch.Generator().manual_seed(count))


def work(subject: Subject) -> dict[str, Any]:
    """Build a network, and map some vectors."""
    module = build(subject)
    with torch.no_grad():
        return {"state": dict(module.state_dict()), "mapped": module(vectors())}


@check("mapper")
def width_is_the_hosts(subject: Subject) -> None:
    """(n, source_dim) becomes (n, target_dim), whatever n and the widths are."""
    subject.result()
    for source, target in ((SOURCE, TARGET), (7, 3), (4, 4)):
        module = build(subject, source=source, target=target)
        for count in (1, 5):
            with torch.no_grad():
                shape = tuple(module(vectors(count, source)).shape)
            ensure(
                shape == (count, target),
                f"({count}, {source}) becomes {shape}, not ({count}, {target})",
            )


@check("mapper")
def outputs_are_finite(subject: Subject) -> None:
    """A new network's outputs are finite floats."""
    mapped = subject.result()["mapped"]
    ensure(mapped.is_floating_point(), f"outputs are {mapped.dtype}")
    ensure(bool(torch.isfinite(mapped).all()), "some are not finite")


@check("mapper")
def rows_are_mapped_alone(subject: Subject) -> None:
    """An entity's vector is mapped alike, whichever others are mapped with it."""
    subject.result()
    module, rows = build(subject), vectors()
    with torch.no_grad():
        together, alone = module(rows), torch.cat([module(row[None]) for row in rows])
    close = torch.allclose(together, alone, atol=1e-5, rtol=1e-4)
    ensure(close, "a row's output depends on the other rows")


@check("mapper")
def initialisation_follows_the_seed(subject: Subject) -> None:
    """One seed gives the same weights again, and another seed others."""
    first, again = subject.result()["state"], build(subject).state_dict()
    same = first.keys() == again.keys() and all(torch.equal(first[k], again[k]) for k in first)
    ensure(same, "two networks of one seed differ")


@check("mapper")
def weights_are_in_the_state(subject: Subject) -> None:
    """A network filled from another's saved state maps alike to the bit."""
    subject.result()
    one, other = build(subject, seed=1), build(subject, seed=2)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(0.1)
        other.load_state_dict(one.state_dict(), strict=True)
        same = torch.equal(one(vectors()), other(vectors()))
    ensure(same, "something that decides the output is neither a parameter nor a buffer")


@check("mapper")
def can_be_trained(subject: Subject) -> None:
    """Every parameter gets a gradient, and the error on a linear map falls by half."""
    subject.result()
    module, rows = build(subject), vectors(32)
    generator = torch.Generator().manual_seed(0)
    wanted = rows @ torch.randn((SOURCE, TARGET), generator=generator)
    parameters = [p for p in module.parameters() if p.requires_grad]
    ensure(bool(parameters), "it has no parameter to train")
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    errors: list[float] = []
    with torch.enable_grad():
        for _ in range(150):
            error = (module(rows) - wanted).square().mean()
            optimizer.zero_grad()
            error.backward()
            errors.append(float(error.detach()))
            optimizer.step()
    idle = [name for name, p in module.named_parameters() if p.requires_grad and p.grad is None]
    ensure(not idle, f"no gradient reaches {', '.join(idle)}")
    ensure(errors[-1] < errors[0] / 2, f"the error goes from {errors[0]:.3g} to {errors[-1]:.3g}")
