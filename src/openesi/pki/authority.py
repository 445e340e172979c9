"""A certificate authority in a directory: who issues, and which files hold what.

::

    DIR/pki/                     0700
      serca.pem  serca.key       the root; every peer is given serca.pem
      mca.pem    mca.key         only in chains of four
      mica.pem   mica.key        signs devices and servers; absent in chains of two
      server.pem server.key      the server: its certificate, then the intermediates
      devices/NAME.pem .key .pin one device: its certificate, then the intermediates; its key; its PIN
      superseded/                certificates that were replaced
      trusted/*.pem              roots of other PKIs whose devices are let in; put there by hand

Keys are PKCS #8 in PEM, mode 0600. A key is never overwritten. Files appear whole or not at all. The key of
the root is not needed once an intermediate signs: take it off the machine.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from openesi.errors import LocalError, WrongUsage
from openesi.pki.hardware import HardwareModuleName
from openesi.pki.profile import (
    ANY_POLICY,
    ISSUED_POLICIES,
    Issuer,
    Policy,
    Role,
    build_certificate,
    device_name,
    host_name,
    key_identifier,
    make_key,
)
from openesi.pki.reading import FILE_MAX_OCTETS, BadCertificate, describe, load_certificate, load_pem_or_der
from openesi.sep2.identity import format_lfdi, format_pin, make_pin, parse_pin, sfdi_from_lfdi

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DIRECTORY: Final = "pki"
INTERMEDIATES: Final[dict[int, tuple[Role, ...]]] = {2: (), 3: (Role.MICA,), 4: (Role.MCA, Role.MICA)}
"""The CAs under the root, by the length of the chain with root and device."""

HARDWARE_TYPE: Final = "2.25.112206489529752175207166986878078102849"
"""hwType of devices whose maker has no arc of its own: one made from a UUID, which needs no registration."""

TRUSTED_FILES_MAX: Final = 256
"""Most files read from trusted/: somebody may have linked the wrong directory there."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)


class NoAuthority(LocalError):
    """The data directory holds no certificate authority."""


class IdentityExists(LocalError):
    """There is a key or certificate of this name already, and it is kept."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A device or server as its files: what it needs to speak TLS, and the numbers it is registered by."""

    name: str
    lfdi: bytes
    pin: int | None
    cert: Path
    """PEM: the certificate, then the intermediates, without the root."""
    key: Path
    ca: Path
    """PEM: the root that peers of this PKI are verified by."""

    @property
    def sfdi(self) -> int:
        """The short identifier, check digit included."""
        return sfdi_from_lfdi(self.lfdi)


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificates of an authority; its keys are read only when something is signed."""

    directory: Path
    chain: tuple[bytes, ...]
    """DER, the issuing CA first, the root last."""

    @classmethod
    def create(cls, data: Path, *, now: datetime, length: int = 3, test: bool = True) -> Authority:
        """Make a root and its intermediates in ``data``/pki, for chains of ``length`` certificates with
        root and device.

        ``test`` puts the test policy into all certificates; leave it unless the devices passed conformance
        tests. Raises IdentityExists if there is an authority already.
        """
        if length not in INTERMEDIATES:
            raise WrongUsage(f"A chain has 2, 3 or 4 certificates, not {length}.")
        target = data / DIRECTORY
        if target.exists():
            raise IdentityExists(
                f"{target} exists already and is kept. `openesi pki device NAME` issues from it."
            )
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(prefix=".pki-", dir=data))
        try:
            _make_authorities(being_made, INTERMEDIATES[length], test=test, now=now)
            for name in ("devices", "superseded", "trusted"):
                (being_made / name).mkdir(mode=0o700)
            being_made.rename(target)
            _sync_directory(data)
        except BaseException:
            shutil.rmtree(being_made)
            raise
        return cls.open(data)

    @classmethod
    def open(cls, data: Path) -> Authority:
        """Read the certificates of the authority in ``data``/pki; raise NoAuthority if there is none."""
        directory = data / DIRECTORY
        files = _authority_files(directory)
        if not files or files[-1].name != "serca.pem":
            raise NoAuthority(
                f"There is no certificate authority in {directory}. Run: openesi pki init --data {data}"
            )
        return cls(directory, tuple(der for file in files for der in read_certificates(file)))

    @property
    def ca(self) -> Path:
        """The file of the root."""
        return self.directory / "serca.pem"

    @property
    def is_test(self) -> bool:
        """Whether certificates issued here carry the test policy."""
        return Policy.TEST in describe(self.chain[0]).policies

    def trusted_files(self) -> tuple[Path, ...]:
        """Return the PEM files clients are verified by: this authority's CAs, and the roots in trusted/.

        The intermediates belong to it: many clients send their own certificate alone.
        """
        others = sorted((self.directory / "trusted").glob("*.pem"))
        if len(others) > TRUSTED_FILES_MAX:
            raise LocalError(f"{self.directory / 'trusted'} holds more than {TRUSTED_FILES_MAX} files.")
        return (*_authority_files(self.directory), *others)

    def trusted(self) -> tuple[bytes, ...]:
        """Return the certificates in ``trusted_files``, DER."""
        return tuple(der for file in self.trusted_files() for der in read_certificates(file))

    def server(self) -> Identity:
        """Return the server's files; raise NoAuthority if no certificate was issued for it."""
        return self._identity(self._server_files(), "server HOST...")

    def device(self, name: str) -> Identity:
        """Return the files of a device; raise NoAuthority if there is none of this name."""
        return self._identity(self._device_files(name), f"device {name}")

    def device_names(self) -> list[str]:
        """Return the names of all devices with a certificate, sorted."""
        return sorted(file.stem for file in (self.directory / "devices").glob("*.pem"))

    def issue_device(
        self,
        name: str,
        *,
        now: datetime,
        pin: int | None = None,
        serial: bytes | None = None,
        hw_type: str = HARDWARE_TYPE,
        self_signed: bool = False,
        renew: bool = False,
    ) -> Identity:
        """Make key, PIN and certificate of a device; its serial number is its name unless given.

        ``renew`` makes a new certificate for the key and PIN that are there; LFDI and SFDI change with it.
        Without, IdentityExists is raised if the name is taken. ``self_signed`` is for a device outside the
        PKI, let in by LFDI.
        """
        files = self._device_files(name)
        self._supersede(files, renew=renew)
        if not files.pin.exists():
            drawn = make_pin(secrets.SystemRandom()) if pin is None else parse_pin(format_pin(pin))
            _write_new(files.pin, f"{format_pin(drawn)}\n".encode(), private=True)
        key = _read_or_make_key(files.key)
        if self_signed:
            certificate = build_certificate(
                Role.SELF_SIGNED, key, issuer=None, now=now, policies=(Policy.SELF_SIGNED,), subject=name
            )
        else:
            hardware = HardwareModuleName(hw_type, name.encode() if serial is None else serial)
            certificate = build_certificate(
                Role.DEVICE,
                key,
                issuer=self._issuer(),
                now=now,
                policies=(Policy.GENERIC_DEVICE, *self._test_policy()),
                alternative_names=[device_name(hardware)],
            )
        intermediates = () if self_signed else self.chain[:-1]
        _write_certificates(files.cert, (_der(certificate), *intermediates), replace=renew)
        return self.device(name)

    def issue_server(self, hosts: Sequence[str], *, now: datetime, hw_type: str = HARDWARE_TYPE) -> Identity:
        """Make the server's certificate for these host names and addresses.

        It replaces the one that is there, which moves to superseded/; the key stays, LFDI and SFDI change.
        """
        if not hosts:
            raise WrongUsage("Give at least one host name or address that clients reach the server by.")
        names = [host_name(host) for host in hosts]
        files = self._server_files()
        self._supersede(files, renew=True)
        key = _read_or_make_key(files.key)
        hardware = HardwareModuleName(hw_type, key_identifier(key.public_key()))
        certificate = build_certificate(
            Role.DEVICE,
            key,
            issuer=self._issuer(),
            now=now,
            policies=(Policy.GENERIC_DEVICE, Policy.SERVICE_PROVIDER, *self._test_policy()),
            alternative_names=[device_name(hardware), *names],
        )
        _write_certificates(files.cert, (_der(certificate), *self.chain[:-1]), replace=True)
        return self.server()

    def _issuer(self) -> Issuer:
        key = _authority_files(self.directory)[0].with_suffix(".key")
        return Issuer(load_certificate(self.chain[0]), _read_key(key))

    def _test_policy(self) -> tuple[Policy, ...]:
        return (Policy.TEST,) if self.is_test else ()

    def _server_files(self) -> _Files:
        return _Files(self.directory, "server")

    def _device_files(self, name: str) -> _Files:
        if not _NAME.fullmatch(name):
            raise WrongUsage(
                f"{name!r} is no name for a device: use up to 63 of A-Z, a-z, 0-9, dot, hyphen, underscore."
            )
        return _Files(self.directory / "devices", name)

    def _identity(self, files: _Files, command: str) -> Identity:
        if not files.cert.is_file():
            data = self.directory.parent
            raise NoAuthority(f"{files.cert} does not exist. Run: openesi pki {command} --data {data}")
        lfdi = describe(read_certificates(files.cert)[0]).lfdi
        return Identity(files.name, lfdi, read_pin(files.pin), files.cert, files.key, self.ca)

    def _supersede(self, files: _Files, *, renew: bool) -> None:
        """Keep a copy of the certificate that will be replaced; refuse to replace it without ``renew``."""
        if not files.cert.exists():
            return
        if not renew:
            raise IdentityExists(
                f"{files.name} has a certificate already: {files.cert} (`openesi pki show` prints it). "
                "Choose another name, or add --renew for a new certificate with a new LFDI for the same key."
            )
        lfdi = describe(read_certificates(files.cert)[0]).lfdi
        copy = self.directory / "superseded" / f"{files.name}-{format_lfdi(lfdi)[:8]}.pem"
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        if not copy.exists():
            _write_new(copy, files.cert.read_bytes(), private=False)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one identity."""

    directory: Path
    name: str

    @property
    def cert(self) -> Path:
        return self.directory / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        return self.directory / f"{self.name}.key"

    @property
    def pin(self) -> Path:
        return self.directory / f"{self.name}.pin"


def _authority_files(directory: Path) -> list[Path]:
    """Return the certificate files of the CAs there are, the issuing one first, the root last."""
    files = (directory / f"{role.value.lower()}.pem" for role in (Role.MICA, Role.MCA, Role.SERCA))
    return [file for file in files if file.is_file()]


def read_certificates(file: Path) -> list[bytes]:
    """Return the certificates in a PEM or DER file as DER; errors name the file."""
    try:
        with file.open("rb") as stream:
            return load_pem_or_der(stream.read(FILE_MAX_OCTETS + 1))
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}.") from error
    except BadCertificate as error:
        raise BadCertificate(f"{file}: {error}") from None


def read_pin(file: Path) -> int | None:
    """Return the PIN in a file, or None if there is no such file."""
    return parse_pin(file.read_text().strip()) if file.is_file() else None


def _make_authorities(directory: Path, intermediates: Sequence[Role], *, test: bool, now: datetime) -> None:
    mark = secrets.token_hex(
        4
    ).upper()  # two authorities differ in name too, so that no trust store mixes them up
    extra = (Policy.TEST,) if test else ()
    issuer: Issuer | None = None
    for role in (Role.SERCA, *intermediates):
        key = make_key()
        policies = (ANY_POLICY, *extra) if role is Role.SERCA else (*ISSUED_POLICIES, *extra)
        certificate = build_certificate(
            role, key, issuer=issuer, now=now, policies=policies, subject=f"OpenESI {role.value} {mark}"
        )
        issuer = Issuer(certificate, key)
        name = role.value.lower()
        _write_new(directory / f"{name}.key", _key_pem(key), private=True)
        _write_certificates(directory / f"{name}.pem", (_der(certificate),), replace=False)


def _read_or_make_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key in a file; without one (a new identity, or one whose making was interrupted) make it."""
    if not file.exists():
        _write_new(file, _key_pem(make_key()), private=True)
    return _read_key(file)


def _read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError:
        raise LocalError(
            f"{file} is not there, and nothing can be signed without it. Bring it back for this."
        ) from None
    except (ValueError, TypeError) as error:
        raise LocalError(f"{file} holds no readable private key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise LocalError(f"{file} holds a key that is not P-256, the only kind the profile has.")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _write_certificates(file: Path, chain: Sequence[bytes], *, replace: bool) -> None:
    pem = b"".join(load_certificate(der).public_bytes(Encoding.PEM) for der in chain)
    if replace:
        _write_temporary(file, pem, private=False).replace(file)
        _sync_directory(file.parent)
    else:
        _write_new(file, pem, private=False)


def _write_new(file: Path, data: bytes, *, private: bool) -> None:
    """Write a file whole and durable; raise IdentityExists rather than touch one that is there."""
    temporary = _write_temporary(file, data, private=private)
    try:
        os.link(temporary, file)  # unlike a rename, this never replaces
    except FileExistsError:
        raise IdentityExists(
            f"{file} exists already and is kept. Move it away, or choose another name."
        ) from None
    finally:
        temporary.unlink()
    _sync_directory(file.parent)


def _write_temporary(file: Path, data: bytes, *, private: bool) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, 0o600 if private else 0o644)
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)
    return Path(name)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
