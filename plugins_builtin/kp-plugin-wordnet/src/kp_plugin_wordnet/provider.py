"""Synsets as entities, pointers as triples."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from nltk.corpus.reader.wordnet import Lemma, Synset, WordNetError

from kp_plugin_wordnet.reader import DictReader, malformed, open_reader, tag_counts
from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple

# Pointers that join synsets, and pointers that join words; some kinds do both.
_OF_SYNSETS = {
    "also_see": "also_sees",
    "attribute": "attributes",
    "cause": "causes",
    "entailment": "entailments",
    "has_region_member": "in_region_domains",
    "has_topic_member": "in_topic_domains",
    "has_usage_member": "in_usage_domains",
    "hypernym": "hypernyms",
    "hyponym": "hyponyms",
    "instance_hypernym": "instance_hypernyms",
    "instance_hyponym": "instance_hyponyms",
    "member_holonym": "member_holonyms",
    "member_meronym": "member_meronyms",
    "part_holonym": "part_holonyms",
    "part_meronym": "part_meronyms",
    "region_domain": "region_domains",
    "similar_to": "similar_tos",
    "substance_holonym": "substance_holonyms",
    "substance_meronym": "substance_meronyms",
    "topic_domain": "topic_domains",
    "usage_domain": "usage_domains",
    "verb_group": "verb_groups",
}
_OF_LEMMAS = {
    "also_see": "also_sees",
    "antonym": "antonyms",
    "derivationally_related": "derivationally_related_forms",
    "has_region_member": "in_region_domains",
    "has_topic_member": "in_topic_domains",
    "has_usage_member": "in_usage_domains",
    "pertainym": "pertainyms",
    "region_domain": "region_domains",
    "topic_domain": "topic_domains",
    "usage_domain": "usage_domains",
    "verb_group": "verb_groups",
}
_INVERSES = {
    "has_region_member",
    "has_topic_member",
    "has_usage_member",
    "hyponym",
    "instance_hyponym",
    "member_meronym",
    "part_meronym",
    "substance_meronym",
}
"""Each is the inverse of a relation that is read too."""


class WordNetProvider(KBProvider):
    """Reads a folder of WordNet database files; see the README for what becomes what."""

    @cached_property
    def _reader(self) -> DictReader:
        return open_reader(Path(self.config.path))

    @cached_property
    def _synsets(self) -> list[Synset]:
        try:
            with self._reader.allowed():
                return list(self._reader.all_synsets())
        except (WordNetError, ValueError, LookupError) as error:
            raise malformed(Path(self.config.path), error) from error

    def entities(self) -> Iterator[Entity]:
        """Yield the synsets in the order of the files."""
        priors = _priors(self._synsets, self._reader, tag_counts(Path(self.config.path)))
        for synset in self._synsets:
            lemmas = synset.lemmas()
            names = [lemma.name().replace("_", " ") for lemma in lemmas]
            examples = "".join(f'; "{example}"' for example in synset.examples())
            yield Entity(
                _id(synset),
                names[0],
                aliases=tuple(names[1:]),
                priors=tuple(priors[lemma.name().lower(), _id(synset)] for lemma in lemmas),
                types=(synset.lexname(),),
                description=synset.definition() + examples,
            )

    def triples(self) -> Iterator[Triple]:
        """Yield the pointers of the chosen kinds, between synsets."""
        if self.config.inverses:
            yield from self._pointers()
            return
        seen: set[Triple] = set()
        for triple in self._pointers():
            if triple.relation not in _INVERSES:
                seen.add(triple)
                if Triple(triple.tail, triple.relation, triple.head) not in seen:
                    yield triple

    def _pointers(self) -> Iterator[Triple]:
        names = self.config.relations or sorted({*_OF_SYNSETS, *_OF_LEMMAS})
        wanted = [name for name in names if name not in self.config.exclude_relations]
        if not wanted:
            raise KpError("KP432", "every relation is excluded", "shorten 'exclude_relations'")
        of_synsets = [(name, _OF_SYNSETS[name]) for name in wanted if name in _OF_SYNSETS]
        of_lemmas = [(name, _OF_LEMMAS[name]) for name in wanted if name in _OF_LEMMAS]
        with self._reader.allowed():
            for synset in self._synsets:
                head = _id(synset)
                for name, method in of_synsets:
                    for other in getattr(synset, method)():
                        yield Triple(head, name, _id(other))
                for lemma in synset.lemmas():
                    for name, method in of_lemmas:
                        for word in getattr(lemma, method)():
                            yield Triple(head, name, _id(word.synset()))

    def metadata(self) -> Mapping[str, str]:
        """Return the version that the files state, and WordNet's licence."""
        return {
            "release": f"WordNet {self._reader.get_version()}",
            "licence": "WordNet",
            "source": "https://wordnet.princeton.edu",
        }


def _id(synset: Synset) -> str:
    pos = "a" if synset.pos() == "s" else synset.pos()
    return f"{synset.offset():08d}-{pos}"


def _priors(
    synsets: list[Synset], reader: DictReader, counts: Mapping[str, int]
) -> Mapping[tuple[str, str], float]:
    """Return the prior of each (lemma, synset id): its share among all senses of the lemma.

    Within a part of speech the tag counts are dealt out in the order of the senses, so that the
    first has the highest also where the counts contradict the order; 1 / rank breaks ties and
    stands in where nothing was tagged.
    """
    senses: dict[str, dict[str, list[Lemma]]] = defaultdict(lambda: defaultdict(list))
    for synset in synsets:
        for lemma in synset.lemmas():
            senses[lemma.name().lower()][_id(synset)[-1]].append(lemma)
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    for name, by_pos in senses.items():
        for pos, lemmas in by_pos.items():
            tags = sorted((counts.get(lemma.key(), 0) for lemma in lemmas), reverse=True)
            order = reader.sense_order(name, pos)
            ranked = sorted(lemmas, key=lambda lemma: order[lemma.synset().offset()])
            for rank, (lemma, tagged) in enumerate(zip(ranked, tags, strict=True), start=1):
                weights[name][_id(lemma.synset())] = tagged + 1 / rank
    return {
        (name, synset): weight / sum(of_name.values())
        for name, of_name in weights.items()
        for synset, weight in of_name.items()
    }
