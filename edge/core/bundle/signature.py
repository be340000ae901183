"""Who signed a bundle: Ed25519 (RFC 8032) over every byte of the file but the signature itself.

The signature is the last member of the bundle's archive; what it signs is the bundle as it was without
that member. `quantize sign` makes one, `model.trusted_keys` says whose count.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.core.allowed import SHA256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PublicKey = Annotated[str, Field(pattern=SHA256)]

# What else the same key may sign one day must not count as a bundle.
_PURPOSE = b"linegate bundle\n"


class Signature(BaseModel):
    """The member signature.json; numbers are hexadecimal, as RFC 8032 orders their bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: PublicKey
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")

    def encode(self) -> bytes:
        """The bytes of the member; there is only this way to write them."""
        return self.model_dump_json().encode()


def sign(unsigned: bytes, key: "Ed25519PrivateKey") -> Signature:
    """The signature of a bundle that has none."""
    public_key = key.public_key().public_bytes_raw().hex()
    return Signature(public_key=public_key, signature=key.sign(_PURPOSE + unsigned).hex())


def signer(member: bytes, unsigned: bytes) -> str | None:
    """The public key that signed ``unsigned``, in hexadecimal; None where the signature is wrong."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = Signature.model_validate_json(member)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        key.verify(bytes.fromhex(signature.signature), _PURPOSE + unsigned)
    except (ValidationError, ValueError, InvalidSignature):
        return None
    return signature.public_key if signature.encode() == member else None
