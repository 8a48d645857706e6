"""Entities as a soft prefix."""

from kpframework.api import Insertion, Slot, StagedInjector


class SoftPrefix(StagedInjector):
    """The mapped vector of each linked entity, once, in front of the text."""

    def edits(self, segment, mentions):
        """Return one insertion at the start with a slot for each entity."""
        slots = tuple(Slot(entity) for entity in dict.fromkeys(m.entity for m in mentions))
        return [Insertion(0, slots)]

    def build(self, source, host):
        """Return the mapper."""
        return self.context.create("mapper", self.config.mapper).build(source.dim, host.width)

    def patch(self, host, module):
        """Put mapped vectors into the slots."""
        host.input_embeddings(lambda output, entities: entities.overwrite(output, module))
