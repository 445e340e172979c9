"""The ESI as devices meet it: the wire (HTTP over TLS), access, function sets, notification, discovery."""
