"""Keys to sign bundles with, and signing."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from edge.core.bundle.bundle import Bundle, decode_bundle, read_bytes, sign_bundle, write_bundle
from edge.core.bundle.signature import sign
from edge.core.errors import InputError

LARGEST_KEY_FILE = 16384


def make_key(file: Path) -> str:
    """Write a new private key (PEM, PKCS #8) that its owner alone may read; returns the public key.

    Raises InputError where the file is there already, for a lost key cannot be recovered.
    """
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    except FileExistsError as error:
        raise InputError(f"{file}: is there already; a key is never overwritten") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror})") from error
    return key.public_key().public_bytes_raw().hex()


def read_key(file: Path) -> Ed25519PrivateKey:
    """A private key as ``make_key`` or openssl writes it; raises InputError, never with what it holds."""
    try:
        if file.stat().st_mode & 0o077:
            raise InputError(f"{file}: others may read this key: chmod 600 {file}")
        with file.open("rb") as opened:
            content = opened.read(LARGEST_KEY_FILE)
        key = load_pem_private_key(content, password=None)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except TypeError:
        raise InputError(f"{file}: is protected by a passphrase; expected one without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{file}: not a private key; `quantize make-key` writes one") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{file}: not an Ed25519 key; `quantize make-key` writes one")
    return key


def sign_file(file: Path, key_file: Path, out: Path) -> Bundle:
    """Verify the bundle in ``file``, sign it and write it to ``out``, whole or not at all.

    Raises InputError for the key and BundleError for the bundle.
    """
    key = read_key(key_file)
    content = read_bytes(file)
    decode_bundle(content, str(file))
    signed = sign_bundle(content, str(file), lambda unsigned: sign(unsigned, key).encode())
    bundle = decode_bundle(signed, str(out))
    write_bundle(out, signed)
    return bundle
