"""The artifacts of a run: its frozen hosts, and one knowledge plugin for each trained row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kpframework
from kpframework.api.context import Context
from kpframework.run.card import model_card
from kpframework.run.plan import Plan
from kpframework.run.record import write_json_atomic
from kpframework.run.row_facts import training_cost, without_ends
from kpframework.run.row_plan import Cell
from kpframework.run.step import Step
from kpframework.run.step_result import StepResult
from kpframework.run.steps.injection import OWN_ENTITIES, OWN_HOST
from kpframework.saved_host import HOST_FILE, host_record
from kpframework.spec.fields import put_dotted
from kpframework.spec.resolved import BoundComponent


def export_hosts(plan: Plan, done: Mapping[str, StepResult], folder: Path) -> dict[str, str]:
    """Write every host that was adapted; return ``{host/task/seed: path}``.

    A row that trains its host has one of its own, ``{row/host/task/seed: path}``.
    """
    from kpframework.artifact import copy_tree

    written: dict[str, str] = {}
    for cell in plan.cells:
        own = cell.source.trains_host
        steps = cell.trained if own else cell.hosts
        for number, (seed, step) in enumerate(zip(cell.seeds, steps, strict=True)):
            name = f"{cell.host}/{cell.task}/seed{seed}"
            name = f"{cell.row}/{name}" if own else name
            source = None if step is None else done[step.name].folder
            if source is None or name in written:
                continue
            source = source / OWN_HOST if own else source
            parts = [cell.row] if own else [cell.host]
            shared = len(plan.resolved.spec.hosts) > 1 or cell.row in plan.resolved.hosts
            parts += [cell.host] if own and shared else []
            parts += [cell.task] if len(plan.resolved.spec.tasks) > 1 else []
            parts += [f"seed{seed}"] if len(cell.seeds) > 1 else []
            copy_tree(source, folder / "--".join(parts))
            _record_host(plan, cell, number, done, step, folder / "--".join(parts))
            written[name] = str(folder / "--".join(parts))
    return written


def _record_host(
    plan: Plan,
    cell: Cell,
    number: int,
    done: Mapping[str, StepResult],
    step: Step | None,
    folder: Path,
) -> None:
    """Write beside a host how it was made, so that it can be loaded without its spec."""
    adaptation = plan.resolved.hosts[cell.host].adaptation
    source = None if step is None else step.inputs.get("examples")
    examples = None if source is None else done[source.name].folder
    if adaptation is None or examples is None:
        return
    task = plan.resolved.tasks[cell.task].task
    section = {"id": cell.task, **task.filled()}
    record = host_record(
        cell.host,
        section,
        task.create(Context()).head,
        examples / "labels.json",
        adaptation.filled(),
        plan.resolved.backbone.filled(),
        _calibration(plan, cell, number, done),
    )
    write_json_atomic(folder / HOST_FILE, record)


def _calibration(
    plan: Plan, cell: Cell, number: int, done: Mapping[str, StepResult]
) -> Mapping[str, Any]:
    """Return what was chosen on dev for a host alone: by a row that adds nothing to it."""
    if cell.source.trains_host:
        alone = [cell]
    else:
        alone = [
            other
            for other in plan.cells
            if (other.host, other.task) == (cell.host, cell.task)
            and not other.source.uses_knowledge
            and other.source.stage == "none"
        ]
    evaluated = [done[other.evaluations[number].name] for other in alone]
    return next((own.metrics["calibration"] for own in evaluated if own.folder is not None), {})


def export_plugins(
    plan: Plan, done: Mapping[str, StepResult], folder: Path, results: Mapping[str, Any]
) -> dict[str, str]:
    """Write every trained row's artifact; return ``{row/host/task/seed: path}``."""
    from kpframework.artifact import write_artifact
    from kpframework.inject.plug import load_state

    written: dict[str, str] = {}
    for cell in plan.cells:
        bound = plan.resolved.injections[cell.row]
        if bound.row is not None or cell.source.artifact is not None or cell.source.trains_host:
            continue
        for seed, trained, evaluated in zip(
            cell.seeds, cell.trained, cell.evaluations, strict=True
        ):
            if trained is None or not done[trained.name].ok or not done[evaluated.name].ok:
                continue
            path = folder / _name(plan, cell, seed, trained)
            if str(path) not in written.values():
                config = _config(plan, cell, seed, done, trained, evaluated)
                source = done[trained.name].folder
                parts = {"kb": _kb(done, evaluated)}
                if (entities := _entities(done, trained, evaluated)) is not None:
                    parts["entities"] = entities[0]
                assert source is not None
                card = model_card(config, cell, results)
                write_artifact(path, config, load_state(source), parts, card)
            written[f"{cell.row}/{cell.host}/{cell.task}/seed{seed}"] = str(path)
    return written


def _name(plan: Plan, cell: Cell, seed: int, trained: Step) -> str:
    """Name an artifact by what tells it apart within the plan."""
    spec = plan.resolved.spec
    general = "examples" not in trained.inputs
    parts = [cell.row]
    parts += [cell.host] if len(spec.hosts) > 1 and not general else []
    parts += [cell.task] if len(spec.tasks) > 1 and not general else []
    parts += [f"seed{seed}"] if len(cell.seeds) > 1 else []
    return "--".join(parts)


def _kb(done: Mapping[str, StepResult], evaluated: Step) -> Path:
    folder = done[evaluated.inputs["links-test"].inputs["kb"].name].folder
    assert folder is not None  # the row was evaluated
    return folder


def _entities(
    done: Mapping[str, StepResult], trained: Step, evaluated: Step
) -> tuple[Path, Mapping[str, Any]] | None:
    """Return where a row's entity vectors lie, and what is known of them; None if it uses none."""
    if "table" in evaluated.inputs:
        own = done[evaluated.inputs["table"].name]
        folder, facts = own.folder, own.metrics
    elif "entities" in done[trained.name].metrics:
        own = done[trained.name]
        folder, facts = own.folder and own.folder / OWN_ENTITIES, own.metrics["entities"]
    else:
        return None
    assert folder is not None  # the row was evaluated
    return folder, facts


def _config(
    plan: Plan,
    cell: Cell,
    seed: int,
    done: Mapping[str, StepResult],
    trained: Step,
    evaluated: Step,
) -> dict[str, Any]:
    facts, scores = done[trained.name].metrics, done[evaluated.name].metrics
    cost = training_cost(trained, lambda step: done[step.name].metrics)
    entities = _entities(done, trained, evaluated)
    knowledge = plan.resolved.knowledge[cell.source.knowledge]
    kb = done[plan.knowledge[cell.source.knowledge]["kb"].name].metrics
    components = [*cell.source.injector.walk(), *knowledge.linker.walk()]
    return {
        "created_by": f"kpframework {kpframework.__version__}",
        "name": cell.row,
        "injector": cell.source.injector.filled(),
        "linker": knowledge.linker.filled(),
        "kb": {"type": knowledge.kb.type, **kb},
        "entities": entities and {key: entities[1][key] for key in ("sha256", "dim", "rows")},
        "control": cell.source.control,
        "host": {
            **facts["host"],
            "fingerprint": facts["fingerprint"]["before"],
            "id": cell.host,
            "task": cell.task,
            "backbone": _hub_id(plan),
        },
        "parameters": cost.parameters,
        "metrics": scores["metrics"],
        "calibration": scores["calibration"],
        "coverage": without_ends(scores["coverage"]),
        "truncation": scores["truncation"],
        "seed": seed,
        "spec": _spec(plan, cell),
        "plugins": [
            {
                "distribution": c.registered.distribution,
                "version": c.registered.version,
                "component": f"{c.registered.component.kind}/{c.registered.qualified}",
            }
            for c in components
        ],
    }


def _spec(plan: Plan, cell: Cell) -> dict[str, Any]:
    """Return what of the spec the artifact was made by; of a path only its last part."""
    resolved = plan.resolved
    knowledge = resolved.knowledge[cell.source.knowledge]
    adaptation = resolved.hosts[cell.host].adaptation
    return {
        "backbone": _section(resolved.backbone),
        "knowledge": {
            part: _section(getattr(knowledge, part)) for part in ("kb", "embeddings", "linker")
        },
        "host": adaptation and _section(adaptation),
        "injection": _section(cell.source.injector),
        "task": _section(resolved.tasks[cell.task].task),
    }


def _section(component: BoundComponent) -> dict[str, Any]:
    # The folder of a backbone may be an id of the hub, so it is no path option.
    own = {
        key: Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        for key, value in component.key_data()["config"].items()
    }
    section = {"type": component.type, **own}
    for path, child in component.children.items():
        put_dotted(section, path, _section(child))
    return section


def _hub_id(plan: Plan) -> str | None:
    """Return the id of the backbone on the hub; None where it is not from there."""
    model = getattr(plan.resolved.backbone.config, "model", None)
    return model if isinstance(model, str) and not Path(model).is_absolute() else None
