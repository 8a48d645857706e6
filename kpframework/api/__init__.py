"""What a component author implements. Import from here, nothing deeper.

Names are resolved on first use, so that a config model does not pay for numpy or torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpframework.lazy import lazy_names

if TYPE_CHECKING:
    from kpframework.api.backbone import Backbone as Backbone
    from kpframework.api.config import ComponentConfig as ComponentConfig
    from kpframework.api.config import ComponentRef as ComponentRef
    from kpframework.api.config import DataFolder as DataFolder
    from kpframework.api.config import GroupField as GroupField
    from kpframework.api.config import IdSpace as IdSpace
    from kpframework.api.config import InputFile as InputFile
    from kpframework.api.config import InputFolder as InputFolder
    from kpframework.api.config import InputPath as InputPath
    from kpframework.api.config import OnlyTest as OnlyTest
    from kpframework.api.config import Ref as Ref
    from kpframework.api.config import SectionId as SectionId
    from kpframework.api.config import TrainConfig as TrainConfig
    from kpframework.api.context import Context as Context
    from kpframework.api.corpus import CorpusBatch as CorpusBatch
    from kpframework.api.corpus import Corruption as Corruption
    from kpframework.api.derivation import derived as derived
    from kpframework.api.documents import Annotation as Annotation
    from kpframework.api.documents import Document as Document
    from kpframework.api.documents import document_format as document_format
    from kpframework.api.documents import read_documents as read_documents
    from kpframework.api.embeddings import Embeddings as Embeddings
    from kpframework.api.embeddings import EmbeddingTable as EmbeddingTable
    from kpframework.api.executor import Executor as Executor
    from kpframework.api.executor import Work as Work
    from kpframework.api.executor import outcome_of as outcome_of
    from kpframework.api.executor import reply as reply
    from kpframework.api.executor import worker_died as worker_died
    from kpframework.api.files import PACKED as PACKED
    from kpframework.api.files import decoded_lines as decoded_lines
    from kpframework.api.files import numbered_lines as numbered_lines
    from kpframework.api.files import open_packed as open_packed
    from kpframework.api.files import read_json as read_json
    from kpframework.api.files import unpacked_suffix as unpacked_suffix
    from kpframework.api.files import unpacked_text as unpacked_text
    from kpframework.api.grouping import by_key as by_key
    from kpframework.api.host import Adaptation as Adaptation
    from kpframework.api.injector import Entities as Entities
    from kpframework.api.injector import EntitySpace as EntitySpace
    from kpframework.api.injector import HostHandle as HostHandle
    from kpframework.api.injector import Injector as Injector
    from kpframework.api.injector import Stage as Stage
    from kpframework.api.injector import TrainingSession as TrainingSession
    from kpframework.api.kb import Entity as Entity
    from kpframework.api.kb import EntityInfo as EntityInfo
    from kpframework.api.kb import KBProvider as KBProvider
    from kpframework.api.kb import KnowledgeBase as KnowledgeBase
    from kpframework.api.kb import Triple as Triple
    from kpframework.api.kb import id_in_space as id_in_space
    from kpframework.api.layout import Layout as Layout
    from kpframework.api.layout import slot_edit as slot_edit
    from kpframework.api.linker import Linker as Linker
    from kpframework.api.mapper import Mapper as Mapper
    from kpframework.api.mentions import with_roles as with_roles
    from kpframework.api.mentions import without_overlap as without_overlap
    from kpframework.api.model_facts import Misfit as Misfit
    from kpframework.api.model_facts import gated_feed_forward as gated_feed_forward
    from kpframework.api.model_facts import layer_count as layer_count
    from kpframework.api.model_facts import outside_layers as outside_layers
    from kpframework.api.randomness import own_generators as own_generators
    from kpframework.api.randomness import python_random_kept as python_random_kept
    from kpframework.api.records import evenly as evenly
    from kpframework.api.records import malformed_record as malformed_record
    from kpframework.api.records import read_records as read_records
    from kpframework.api.records import read_text as read_text
    from kpframework.api.records import record_field as record_field
    from kpframework.api.records import record_group as record_group
    from kpframework.api.records import record_id as record_id
    from kpframework.api.records import record_span as record_span
    from kpframework.api.records import refuse_seen_test as refuse_seen_test
    from kpframework.api.records import same_content as same_content
    from kpframework.api.relations import RelationInstance as RelationInstance
    from kpframework.api.relations import marker_edits as marker_edits
    from kpframework.api.relations import relation_instance as relation_instance
    from kpframework.api.stages import GeneralStage as GeneralStage
    from kpframework.api.stages import StageConfig as StageConfig
    from kpframework.api.stages import StagedInjector as StagedInjector
    from kpframework.api.stages import TaskStage as TaskStage
    from kpframework.api.task import Task as Task
    from kpframework.api.text import Anchor as Anchor
    from kpframework.api.text import Blank as Blank
    from kpframework.api.text import Edit as Edit
    from kpframework.api.text import Example as Example
    from kpframework.api.text import Hidden as Hidden
    from kpframework.api.text import Insertion as Insertion
    from kpframework.api.text import Literal as Literal
    from kpframework.api.text import Mask as Mask
    from kpframework.api.text import Mention as Mention
    from kpframework.api.text import Replacement as Replacement
    from kpframework.api.text import Segment as Segment
    from kpframework.api.text import Slot as Slot
    from kpframework.api.tokens import literal_ids as literal_ids
    from kpframework.api.tracker import Tracker as Tracker
    from kpframework.api.vectors import VectorRows as VectorRows
    from kpframework.api.vectors import read_vectors as read_vectors

_HOME = {
    "Adaptation": "host",
    "Anchor": "text",
    "Annotation": "documents",
    "Backbone": "backbone",
    "Blank": "text",
    "ComponentConfig": "config",
    "ComponentRef": "config",
    "Context": "context",
    "CorpusBatch": "corpus",
    "Corruption": "corpus",
    "DataFolder": "config",
    "Document": "documents",
    "Edit": "text",
    "EmbeddingTable": "embeddings",
    "Embeddings": "embeddings",
    "Entities": "injector",
    "Entity": "kb",
    "EntityInfo": "kb",
    "EntitySpace": "injector",
    "Example": "text",
    "Executor": "executor",
    "GeneralStage": "stages",
    "Hidden": "text",
    "HostHandle": "injector",
    "Injector": "injector",
    "GroupField": "config",
    "IdSpace": "config",
    "InputFile": "config",
    "InputFolder": "config",
    "InputPath": "config",
    "Insertion": "text",
    "KBProvider": "kb",
    "KnowledgeBase": "kb",
    "Layout": "layout",
    "Linker": "linker",
    "Literal": "text",
    "Mapper": "mapper",
    "Mask": "text",
    "Mention": "text",
    "Misfit": "model_facts",
    "OnlyTest": "config",
    "PACKED": "files",
    "Ref": "config",
    "RelationInstance": "relations",
    "Replacement": "text",
    "SectionId": "config",
    "Segment": "text",
    "Slot": "text",
    "Stage": "injector",
    "StageConfig": "stages",
    "StagedInjector": "stages",
    "Task": "task",
    "TaskStage": "stages",
    "Tracker": "tracker",
    "TrainConfig": "config",
    "TrainingSession": "injector",
    "Triple": "kb",
    "VectorRows": "vectors",
    "Work": "executor",
    "by_key": "grouping",
    "decoded_lines": "files",
    "derived": "derivation",
    "document_format": "documents",
    "evenly": "records",
    "gated_feed_forward": "model_facts",
    "id_in_space": "kb",
    "layer_count": "model_facts",
    "literal_ids": "tokens",
    "malformed_record": "records",
    "marker_edits": "relations",
    "numbered_lines": "files",
    "open_packed": "files",
    "outcome_of": "executor",
    "outside_layers": "model_facts",
    "own_generators": "randomness",
    "python_random_kept": "randomness",
    "read_documents": "documents",
    "read_json": "files",
    "read_records": "records",
    "read_text": "records",
    "read_vectors": "vectors",
    "record_field": "records",
    "record_group": "records",
    "record_id": "records",
    "record_span": "records",
    "refuse_seen_test": "records",
    "same_content": "records",
    "relation_instance": "relations",
    "reply": "executor",
    "slot_edit": "layout",
    "unpacked_suffix": "files",
    "unpacked_text": "files",
    "worker_died": "executor",
    "with_roles": "mentions",
    "without_overlap": "mentions",
}
__all__ = list(_HOME)
__getattr__ = lazy_names("kpframework.api", _HOME)
