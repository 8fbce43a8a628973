"""Names of models → backends: what a client may ask for, and what is listed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

_FAMILIES: Final[Mapping[str, str]] = {"claude": "claude", "gpt": "codex", "gemini": "gemini"}
"""What a name contains, and which backend that is for."""
_SHIPPED: Final[Mapping[str, str]] = {"o1*": "codex", "o3*": "codex", "o4*": "codex", "codex*": "codex"}
_FIRST: Final = ("claude", "codex", "gemini")
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Offer:
    """What is configured of one backend's models: those to list, and further names for them.

    An alias that ends with `*` is for every name that begins so; for the value `*` the CLI gets that name itself.
    """

    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


class Chosen(NamedTuple):
    """Which backend a name means, and the model that its CLI is given; None for the configured one."""

    backend: str
    model: str | None
    matched: bool = True
    """False where no rule knew the name, so that it fell to the default backend."""


@dataclass(frozen=True, slots=True)
class Models:
    """The rules, in order: a backend, alias, listed model, `backend:model`, pattern, family; then the default."""

    backends: tuple[str, ...]
    default: str
    offers: Mapping[str, Offer] = field(default_factory=dict)

    def choose(self, name: str) -> Chosen:
        """What `name` means. Never fails: a name that nobody knows is the default backend's."""
        bare = name.rpartition("/")[2]  # the vendor before a slash is not the CLI's business
        exact = (rule(each) for rule in (self._exactly, self._explicitly) for each in (name, bare))
        loose = (rule(name, bare) for rule in (self._by_pattern, _by_family))
        return next(filter(None, chain(exact, loose)), None) or Chosen(self.default, None, matched=False)

    def knows(self, name: str, available: Collection[str]) -> bool:
        """Whether a rule but the last is for `name`, and its backend is one of those `available`."""
        chosen = self.choose(name)
        return chosen.matched and chosen.backend in available

    def listed(self, available: Collection[str]) -> list[str]:
        """What to list, of the backends `available`: they themselves, their models, their aliases."""
        order = in_order(available)
        offers = [self.offers[name] for name in order if name in self.offers]
        models = [model for offer in offers for model in offer.models]
        aliases = [alias for offer in offers for alias in offer.aliases if not _is_pattern(alias)]
        return list(dict.fromkeys((*order, *models, *aliases)))

    def _exactly(self, name: str) -> Chosen | None:
        if name in self.backends:
            return Chosen(name, None)
        for backend, offer in self.offers.items():
            if name in offer.aliases:
                return Chosen(backend, _given(offer.aliases[name], name))
        listing = (backend for backend, offer in self.offers.items() if name in offer.models)
        return next((Chosen(backend, name) for backend in listing), None)

    def _by_pattern(self, name: str, bare: str) -> Chosen | None:
        """What is configured comes before what we bring along; of several patterns the longest says most."""
        configured = {
            alias: (backend, model)
            for backend, offer in self.offers.items()
            for alias, model in offer.aliases.items()
            if _is_pattern(alias)
        }
        shipped = {pattern: (backend, _ANY) for pattern, backend in _SHIPPED.items()}
        for patterns, names in ((configured, (bare, name)), (shipped, (bare,))):
            fitting = [(each, asked) for each in patterns for asked in names if asked.startswith(each[:-1])]
            if fitting:
                pattern, asked = max(fitting, key=lambda found: len(found[0]))
                backend, model = patterns[pattern]
                return Chosen(backend, _given(model, asked))
        return None

    def _explicitly(self, name: str) -> Chosen | None:
        """`codex:gpt-5`; in `llama3:8b` the colon is the name's own."""
        backend, _, model = name.partition(":")
        return Chosen(backend, model) if backend in self.backends and model else None


def in_order(backends: Collection[str]) -> list[str]:
    """claude, codex and gemini as far as they are there, then the others."""
    others = sorted(set(backends) - set(_FIRST))
    return [name for name in (*_FIRST, *others) if name in backends]


def _by_family(name: str, bare: str) -> Chosen | None:
    """By what the name contains."""
    return next((Chosen(backend, bare) for word, backend in _FAMILIES.items() if word in name.lower()), None)


def _is_pattern(alias: str) -> bool:
    return alias.endswith(_ANY)


def _given(model: str, asked: str) -> str:
    return asked if model == _ANY else model
