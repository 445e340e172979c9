"""What a gateway keeps in its data directory."""

from __future__ import annotations

USERS_FILE = "gateway-users.json"
CACHE_FILE = "gateway-cache.db"
CERTIFICATE_FILE = "gateway-cert.pem"
KEY_FILE = "gateway-key.pem"
