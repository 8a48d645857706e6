"""Synsets as entities, pointers as triples."""

import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from nltk.corpus.reader.wordnet import Lemma, Synset, WordNetError

from kp_plugin_wordnet.inflections import Inflections
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
    "has_region_member": "region_domain",
    "has_topic_member": "topic_domain",
    "has_usage_member": "usage_domain",
    "hyponym": "hypernym",
    "instance_hyponym": "instance_hypernym",
    "member_meronym": "member_holonym",
    "part_meronym": "part_holonym",
    "substance_meronym": "substance_holonym",
}
"""Each with the relation it is the inverse of."""


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
            raise malformed(self.config.path, repr(error)) from error

    def entities(self) -> Iterator[Entity]:
        """Yield the synsets in the order of the files."""
        inflections = Inflections(self._reader) if self.config.inflections else None
        weights = _weights(self._synsets, self._reader, tag_counts(Path(self.config.path)))
        priors = _priors(self._synsets, weights, inflections)
        for synset in self._synsets:
            names = _written(synset, inflections)
            shown = [name.replace("_", " ") for name in names]
            examples = "".join(f'; "{example}"' for example in synset.examples())
            yield Entity(
                _id(synset),
                shown[0],
                aliases=tuple(shown[1:]),
                priors=tuple(priors[name.lower(), _id(synset)] for name in names),
                types=(synset.lexname(),),
                description=synset.definition() + examples,
            )

    def triples(self) -> Iterator[Triple]:
        """Yield the pointers of the chosen kinds, between synsets."""
        wanted = self._wanted()
        if self.config.inverses:
            yield from self._pointers(wanted)
            return
        seen: set[Triple] = set()
        for triple in self._pointers(wanted):
            if _INVERSES.get(triple.relation) not in wanted:
                seen.add(triple)
                if Triple(triple.tail, triple.relation, triple.head) not in seen:
                    yield triple

    def _wanted(self) -> list[str]:
        chosen = self.config.relations
        names = sorted({*_OF_SYNSETS, *_OF_LEMMAS}) if chosen is None else chosen
        wanted = [name for name in names if name not in self.config.exclude_relations]
        if names and not wanted:
            raise KpError("KP432", "every relation is excluded", "shorten 'exclude_relations'")
        return wanted

    def _pointers(self, wanted: list[str]) -> Iterator[Triple]:
        of_synsets = [(name, _OF_SYNSETS[name]) for name in wanted if name in _OF_SYNSETS]
        of_lemmas = [(name, _OF_LEMMAS[name]) for name in wanted if name in _OF_LEMMAS]
        with self._reader.allowed():
            for synset in self._synsets:
                try:
                    yield from _of(synset, of_synsets, of_lemmas)
                # NLTK returns None of a synset that is not there, no word of a wrong number.
                except (WordNetError, AttributeError, LookupError, ValueError) as error:
                    what = f"a pointer of {_id(synset)} leads nowhere"
                    raise malformed(self.config.path, what) from error

    def metadata(self) -> Mapping[str, str]:
        """Return the version that the files state, and WordNet's licence."""
        return {
            "release": f"WordNet {self._reader.get_version()}",
            "licence": "WordNet",
            "source": "https://wordnet.princeton.edu",
        }


def _of(
    synset: Synset, of_synsets: list[tuple[str, str]], of_lemmas: list[tuple[str, str]]
) -> list[Triple]:
    """Return the pointers of a synset and of its words."""
    head = _id(synset)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what leads nowhere, which is an error here
        for name, method in of_synsets:
            found += [Triple(head, name, _id(other)) for other in getattr(synset, method)()]
        for lemma in synset.lemmas():
            for name, method in of_lemmas:
                words = getattr(lemma, method)()
                found += [Triple(head, name, _id(word.synset())) for word in words]
    return found


def _id(synset: Synset) -> str:
    pos = "a" if synset.pos() == "s" else synset.pos()
    return f"{synset.offset():08d}-{pos}"


def _written(synset: Synset, inflections: Inflections | None) -> list[str]:
    """Return the lemmas of a synset, and after them their forms that are no lemma of it."""
    lemmas = [lemma.name() for lemma in synset.lemmas()]
    if inflections is None:
        return lemmas
    pos, known = _id(synset)[-1], {lemma.lower() for lemma in lemmas}
    forms = {form.lower(): form for lemma in lemmas for form in inflections.of(lemma, pos)}
    return lemmas + [form for lower, form in forms.items() if lower not in known]


def _priors(
    synsets: list[Synset],
    weights: Mapping[str, Mapping[str, float]],
    inflections: Inflections | None,
) -> Mapping[tuple[str, str], float]:
    """Return the prior of each (name, synset id): its share among all senses written so."""
    forms: dict[tuple[str, str], set[str]] = defaultdict(set)
    for synset in synsets if inflections is not None else ():
        for lemma in synset.lemmas():
            own = inflections.of(lemma.name(), _id(synset)[-1])
            forms[lemma.name().lower(), _id(synset)].update(form.lower() for form in own)
    senses: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for lemma, of_lemma in weights.items():
        for synset, weight in of_lemma.items():
            for name in (lemma, *forms[lemma, synset]):
                senses[name][synset] += weight
    return {
        (name, synset): weight / sum(of_name.values())
        for name, of_name in senses.items()
        for synset, weight in of_name.items()
    }


def _weights(
    synsets: list[Synset], reader: DictReader, counts: Mapping[str, int]
) -> Mapping[str, Mapping[str, float]]:
    """Return how much each sense of a lemma counts, by synset id.

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
    return weights
