"""Which private keys are offered to a host, and in which order.

SSH_PRIVATE_KEY and hosts.yaml's identity_file alone when there is one; otherwise as ssh(1): the agent's keys
(those that the configuration names first), then the IdentityFiles that exist. A certificate goes before its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace
from paramiko import AgentKey

from ...inventory.model import Host
from ..configuration.ssh_config import Settings
from ..configuration.ssh_tokens import from_home
from ..host_keys.known_hosts import fingerprint
from ..paramiko_private.agent_keys import with_certificate
from . import user_certificates
from .agent import agent_keys
from .explicit_keys import explicit_keys, named_files
from .key_files import LockedKey, UnusableKey, load_file
from .key_offers import Keys, Offer, has_half, held_by


@contextmanager
def keys_for(host: Host, settings: Settings) -> Iterator[Keys]:
    """Raises LoginError for an explicit key that cannot be used. The agent is open inside the block only."""
    with agent_keys(settings.identity_agent) as agent:
        explicit = explicit_keys(host, agent)
        keys = Keys(tuple(explicit)) if explicit else _configured(settings, agent)
        if host.identity_file and not has_half(from_home(host.identity_file)):
            keys = replace(keys, unusable=(f"{host.identity_file}: there is no such file", *keys.unusable))
        yield _accepted(_with_certificates(keys, host, settings), settings.algorithms.public_keys)


def _with_certificates(keys: Keys, host: Host, settings: Settings) -> Keys:
    """Each certificate of a key is offered before the key alone."""
    files = [*named_files(host), *settings.identity_files]
    certificates = user_certificates.load([*settings.certificate_files, *(Path(f"{path}-cert.pub") for path in files)])
    offers: list[Offer] = []
    for offer in keys.offers:
        offers += [Offer(with_certificate(offer.key, certificate.blob), f"{offer.label} with {certificate.label}")
                   for certificate in certificates if certificate.public == offer.key.asbytes()]
        offers.append(offer)
    return replace(keys, offers=tuple(offers))


def _accepted(keys: Keys, algorithms: tuple[str, ...]) -> Keys:
    """Without the keys that PubkeyAcceptedAlgorithms of the ssh configuration leaves out."""
    offers = tuple(offer for offer in keys.offers if not offer.algorithms.isdisjoint(algorithms))
    left_out = tuple(f"{offer.label}: {' or '.join(sorted(offer.algorithms))} is not in PubkeyAcceptedAlgorithms of "
                     "the ssh configuration" for offer in keys.offers if offer not in offers)
    return replace(keys, offers=offers, unusable=(*keys.unusable, *left_out))


def _configured(settings: Settings, agent: tuple[AgentKey, ...]) -> Keys:
    files: list[Offer] = []
    locked: list[Path] = []
    unusable: list[str] = []
    first: list[Offer] = []
    for path in filter(has_half, dict.fromkeys(settings.identity_files)):
        held = held_by(agent, path)
        if held is not None:
            first.append(Offer(held, f"{path} (agent)"))
            continue
        try:
            files.append(Offer(load_file(path), str(path)))
        except LockedKey:
            locked.append(path)
        except UnusableKey as error:
            unusable.append(f"{path}: {error}")
    named = {offer.key.asbytes() for offer in first}
    others = () if settings.identities_only else agent
    return Keys((*first, *_labelled(key for key in others if key.asbytes() not in named), *files),
                tuple(locked), tuple(unusable))


def _labelled(keys: Iterable[AgentKey]) -> Iterator[Offer]:
    """By their comments; keys of one comment are told from each other by their fingerprints."""
    keys = list(keys)
    comments = [key.comment for key in keys]
    for key in keys:
        unique = key.comment and comments.count(key.comment) == 1
        yield Offer(key, f"agent: {key.comment}" if unique else
                    f"agent: {key.comment or key.get_name()} {fingerprint(key.asbytes())}")
