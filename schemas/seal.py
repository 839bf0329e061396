"""Sealed texts: ciphertext that the log and the stores hold in place of game keys, e-mails and their like.

A text is encrypted with AES-256-GCM under a data key of its aggregate (an order, a batch). The data key goes
with it, itself encrypted ("wrapped") under a key that HKDF derives from the deployment secret. Both are bound
to their place as associated data: what is copied to another studio, aggregate or field doesn't open. Deciders
and projections carry sealed texts as they are and never open them.

    key = sealer.data_key(studio_id, aggregate_id, secrets.token_bytes)
    sealed = key.seal("keys", "AAAA-BBBB", secrets.token_bytes)
    sealer.open(sealed, studio_id=studio_id, aggregate_id=aggregate_id, field="keys")

A sealed text is `1.<secret's id>.<wrapped data key>.<ciphertext>`, the last two in base64url without padding
and after their nonce of 12 bytes. Pure: randomness is an argument.
Source: contract/playtests.md, "Secrets and persons".
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CLEAR_BYTES_MAX: Final = 32 * 1024
"""Of one text, in UTF-8. The longest that the contract knows has 2,000 characters."""
SEALED_CHARACTERS_MAX: Final = 44_000
OLD_SECRETS_MAX: Final = 16
_VERSION: Final = "1"
_PARTS: Final = 4
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SECRET_ID_BYTES: Final = 4
_FINGERPRINT_DIGITS: Final = 32
_TOKEN_DIGITS: Final = 40

Randomness = Callable[[int], bytes]
"""So many random bytes: `secrets.token_bytes`."""


class SealBroken(Exception):
    """What doesn't open: changed, of another place, or under a secret that is not known here."""


class UnknownSecret(SealBroken):
    """It was sealed under a deployment secret that is neither the current nor an old one."""


class ClearTextTooLong(ValueError):
    """A text of more than `CLEAR_BYTES_MAX` bytes."""


class DataKey:
    """Seals texts of one aggregate. One serves a whole command or file; another may serve the next."""

    def __init__(self, key: bytes, head: str, studio_id: str, aggregate_id: str) -> None:
        self._cipher = AESGCM(key)
        self._head = head
        self._place = (studio_id, aggregate_id)

    def seal(self, field: str, clear: str, randomness: Randomness) -> str:
        """A text sealed for a field of this aggregate. Called twice: two ciphertexts that open alike.

        Raises ClearTextTooLong.
        """
        data = clear.encode(errors="surrogatepass")
        if len(data) > CLEAR_BYTES_MAX:
            raise ClearTextTooLong(f"{field}: {len(data):,} bytes, more than {CLEAR_BYTES_MAX:,}")
        ciphertext = _encrypt(self._cipher, data, _bound("text", *self._place, field), randomness)
        return f"{self._head}.{ciphertext}"


class Sealer:
    """Makes data keys under the deployment secret, opens what this or an old one sealed, fingerprints values.

    `old_secrets` are former deployment secrets, newest first: at most `OLD_SECRETS_MAX`, none empty, else
    ValueError.
    """

    def __init__(self, secret: bytes, old_secrets: Sequence[bytes] = ()) -> None:
        known = list(dict.fromkeys((secret, *old_secrets)))
        if len(known) > 1 + OLD_SECRETS_MAX:
            raise ValueError(f"at most {OLD_SECRETS_MAX} old secrets are kept, not {len(known) - 1}")
        if not all(known):
            raise ValueError("a deployment secret is empty")
        self._secret_id = _secret_id(secret)
        self._wrapping = {_secret_id(one): AESGCM(_derived(one, b"wrapping")) for one in known}
        self._fingerprinting = [_derived(one, b"fingerprint") for one in known]
        self._tokens = [_derived(one, b"token") for one in known]

    def data_key(self, studio_id: str, aggregate_id: str, randomness: Randomness) -> DataKey:
        """A new data key of an aggregate, wrapped under the current secret."""
        key = randomness(_KEY_BYTES)
        place = _bound("data key", self._secret_id, studio_id, aggregate_id)
        wrapped = _encrypt(self._wrapping[self._secret_id], key, place, randomness)
        return DataKey(key, f"{_VERSION}.{self._secret_id}.{wrapped}", studio_id, aggregate_id)

    def open(self, sealed: str, *, studio_id: str, aggregate_id: str, field: str) -> str:
        """The clear text of what was sealed for this place.

        Raises SealBroken, and its UnknownSecret where the secret that it needs is not known here.
        """
        parts = sealed.split(".", _PARTS) if len(sealed) <= SEALED_CHARACTERS_MAX else []
        if len(parts) != _PARTS or parts[0] != _VERSION:
            raise SealBroken(f"{field} of {aggregate_id} is no sealed text of version {_VERSION}")
        _, secret_id, wrapped, ciphertext = parts
        wrapping = self._wrapping.get(secret_id)
        if wrapping is None:
            raise UnknownSecret(
                f"{field} of {aggregate_id} was sealed under a deployment secret that is not known here: add "
                "it to QUESTLOG_OLD_SECRETS"
            )
        try:
            key = _decrypt(wrapping, wrapped, _bound("data key", secret_id, studio_id, aggregate_id))
            data = _decrypt(AESGCM(key), ciphertext, _bound("text", studio_id, aggregate_id, field))
        except (InvalidTag, ValueError):
            raise SealBroken(
                f"{field} of {aggregate_id} doesn't open: changed, or sealed for another place"
            ) from None
        return data.decode(errors="surrogatepass")

    def fingerprints(self, studio_id: str, kind: str, value: str) -> tuple[str, ...]:
        """128 bits in hex that tell whether two values of a kind in a studio are equal, and nothing else.

        One for each known secret, the current one's first: keep that, and look for any of them, so that
        duplicates are found across a change of the secret. Without a secret, values cannot be tried out.
        """
        message = _bound("fingerprint", studio_id, kind, value)
        return tuple(
            hmac.digest(key, message, "sha256").hex()[:_FINGERPRINT_DIGITS] for key in self._fingerprinting
        )

    def fingerprint(self, studio_id: str, kind: str, value: str) -> str:
        """The first of `fingerprints`."""
        return self.fingerprints(studio_id, kind, value)[0]

    def tokens(self, kind: str, *names: str) -> tuple[str, ...]:
        """160 bits in hex that follow from what they are for: recomputable, and not to be guessed.

        One for each known secret, the current one's first: that is the one to give out. Stores hold hashes.
        """
        message = _bound("token", kind, *names)
        return tuple(hmac.digest(key, message, "sha256").hex()[:_TOKEN_DIGITS] for key in self._tokens)


def _derived(secret: bytes, purpose: bytes, length: int = _KEY_BYTES) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"questlog seal 1: " + purpose).derive(
        secret
    )


def _secret_id(secret: bytes) -> str:
    return _derived(secret, b"id", _SECRET_ID_BYTES).hex()


def _bound(*parts: str) -> bytes:
    """Parts as bytes that no other parts give: each after its length."""
    encoded = [part.encode(errors="surrogatepass") for part in parts]
    return b"".join(len(one).to_bytes(4, "big") + one for one in encoded)


def _encrypt(cipher: AESGCM, data: bytes, place: bytes, randomness: Randomness) -> str:
    nonce = randomness(_NONCE_BYTES)
    return _encoded(nonce + cipher.encrypt(nonce, data, place))


def _decrypt(cipher: AESGCM, text: str, place: bytes) -> bytes:
    """Raises InvalidTag; ValueError for what was never encrypted."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encoded(data) != text:  # several texts decode alike: one of them was sealed
        raise ValueError("not as it was encoded")
    return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
