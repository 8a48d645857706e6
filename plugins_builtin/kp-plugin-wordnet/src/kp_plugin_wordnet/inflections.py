"""Inflected forms of lemmas: the database's own lists, and NLTK's rules read backwards."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from kp_plugin_wordnet.reader import DictReader

_SIBILANT = re.compile("(?:s|x|z|ch|sh)$")
_CONSONANT_Y = re.compile("[^aeiou]y$")
_KEEPS_E = re.compile("(?:^.|[eoy])e$")
_SYLLABLE = re.compile("[aeiouy]+(?!$)|[aiouy]+$")
_SYLLABLES = 2
"""Of an adjective that takes an ending; longer ones take "more" and "most"."""


class Inflections:
    """Looks up the forms of a lemma; a form is kept only if morphy leads back from it."""

    def __init__(self, reader: DictReader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._listed: dict[str, dict[str, list[str]]] = {}
        for pos in "nvar":
            own = self._listed[pos] = defaultdict(list)
            for form, bases in reader.exceptions(pos).items():
                for base in bases:
                    if form != base:
                        own[base].append(form)

    def of(self, lemma: str, pos: str) -> tuple[str, ...]:
        """Return the other forms of a lemma, those that are listed first.

        Of several words a noun inflects its last, a verb its first.

        Args:
            lemma: as the database writes it, with underscores and in its own case.
            pos: ``n``, ``v``, ``a`` or ``r``.
        """
        key = lemma, pos
        if key not in self._known:
            # Case ignored, the plural of an abbreviation is often another word: ITs, USes.
            single = len(lemma) > 1 and not lemma.isupper()
            forms = [*self._of_word(lemma, pos)] if single else []
            if "_" in lemma and pos == "n":
                before, _, last = lemma.rpartition("_")
                forms += [f"{before}_{form}" for form in self.of(last, pos)]
            elif "_" in lemma and pos == "v":
                first, _, after = lemma.partition("_")
                forms += [f"{form}_{after}" for form in self.of(first, pos)]
            self._known[key] = tuple(dict.fromkeys(forms))
        return self._known[key]

    def _of_word(self, lemma: str, pos: str) -> Iterator[str]:
        word = lemma.lower()
        listed = [f for f in self._listed[pos].get(word, ()) if word in self._reader.bases(f, pos)]
        kinds = {_kind(form, pos) for form in listed}
        regular = _regular(word, pos) if re.fullmatch("[^_]*[a-z]", word) else ()
        made = [f for f in regular if self._keeps(f, word, pos, alone=_kind(f, pos) in kinds)]
        for form in (*listed, *made):
            if form.startswith(word):
                yield lemma + form[len(word) :]
            else:
                yield form.capitalize() if lemma[0].isupper() else form

    def _keeps(self, form: str, word: str, pos: str, *, alone: bool) -> bool:
        """Return whether a regular form is one of the word.

        Beside a listed one of its kind it must be nothing else: learned beside learnt, but neither
        seed for saw nor hoped for hopped. A comparative must be no noun: lower, but not foreigner.
        """
        bases = self._reader.bases(form, pos)
        if alone or form.endswith("men"):
            return bases == [word]
        return word in bases and not (pos == "a" and self._reader.bases(form, "n"))


def _kind(form: str, pos: str) -> str:
    if pos == "n":
        return "s"
    endings = {"v": ("s", "ing"), "a": ("er", "est")}.get(pos, ())
    return next((ending for ending in endings if form.endswith(ending)), "")


def _regular(word: str, pos: str) -> Iterator[str]:
    """Yield what English spelling makes of a word that is in no list.

    Doubled consonants, -ied, -ier and -ying for -ie are in the lists. So is -ves: by rule, serf
    would have serves.
    """
    ends_in_y, stem = _CONSONANT_Y.search(word), word.removesuffix("e")
    if pos in "nv":
        if ends_in_y:
            yield word[:-1] + "ies"
        else:
            yield word + ("es" if _SIBILANT.search(word) else "s")
    if pos == "n" and word.endswith("ch"):
        yield word + "s"
    if pos == "n" and word.endswith("man"):
        yield word[:-2] + "en"
    if pos == "v":
        if word.endswith("o"):
            yield word + "es"
        if not word.endswith("ie"):
            yield (word if _KEEPS_E.search(word) else stem) + "ing"
        if not ends_in_y:
            yield stem + "ed"
    if pos == "a" and not ends_in_y and len(_SYLLABLE.findall(word)) <= _SYLLABLES:
        yield from (stem + "er", stem + "est")
