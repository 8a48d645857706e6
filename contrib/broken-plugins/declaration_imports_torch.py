"""Its declaring module imports torch; the components themselves are sound."""

from .sound import Target as Target
