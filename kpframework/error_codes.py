"""What each error code means. Codes are stable; texts may change between releases."""

from __future__ import annotations

ERROR_CODES: dict[str, str] = {
    # Runs and the cache
    "KP501": "A file that a step reads is missing or cannot be read.",
    "KP502": "The cache cannot be written: the disk is full, or the folder is not writable.",
    "KP503": "A file of the run's folder cannot be written.",
    "KP504": "What a step returns is not JSON, or holds a number that is not finite.",
    "KP505": "A step left something in its folder that the cache does not keep.",
    "KP510": "A step's code raised an error.",
    "KP530": "A statistic or a metric is not a finite number.",
    # Locks
    "KP600": "The lock is missing, or is no lock.",
    "KP601": "The spec is not the one that was locked.",
    "KP602": "A plugin's version is not the locked one.",
    "KP603": "A package's version is not the locked one.",
    "KP604": "Data are not the locked ones.",
    "KP605": "A knowledge base's licence is not the locked one.",
    "KP606": "What a plugin pins itself has moved.",
    "KP607": "A step's key has moved, though nothing it is made of is named.",
    # Classification tasks
    "KP620": "A file of a task cannot be read, or a record of it is malformed.",
    "KP621": "A classification has too few labels, or one twice.",
    "KP622": "Two examples of a split have the same id.",
    "KP623": "A training example has a label that is not among the given ones.",
    "KP624": "A segment's spans are not as many as the markers for them.",
    # Backbones
    "KP630": "The hub does not give a model: unknown name or revision, or no connection.",
    "KP631": "A model folder lacks its configuration, safetensors weights or tokenizer.",
    "KP632": "The package that ships a model is not installed.",
    # Phenotype typing
    "KP640": "The package that ships the Human Phenotype Ontology is not installed.",
    "KP641": "The file is no OBO file, or not the Human Phenotype Ontology.",
}
