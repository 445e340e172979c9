"""Devices made for VOLTTRON's SEP2 agent (5.1 to 8.2), served unchanged: its paths, its names, its
leniency.

That agent served ``/dcap/...`` as plain HTTP behind a TLS proxy, in the namespace
``http://zigbee.org/sep``, took a device for the one that its path names, and took any document. ``paths``
maps its paths to the tree, ``loose`` reads what it would have read, ``routes`` answers.
"""
