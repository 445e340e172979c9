"""Certificates by the profile of IEEE 2030.5: made, kept, read and checked.

``profile`` builds them, ``reading`` reads those of others, ``authority`` keeps keys and certificates in
files.
"""

from __future__ import annotations

from openesi.pki.authority import Authority, Identity, IdentityExists, NoAuthority
from openesi.pki.hardware import HardwareModuleName
from openesi.pki.profile import Policy, Role
from openesi.pki.reading import BadCertificate, Description, check_chain, describe, load_pem_or_der

__all__ = [
    "Authority",
    "BadCertificate",
    "Description",
    "HardwareModuleName",
    "Identity",
    "IdentityExists",
    "NoAuthority",
    "Policy",
    "Role",
    "check_chain",
    "describe",
    "load_pem_or_der",
]
