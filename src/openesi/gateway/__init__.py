"""The meter gateway: reads a smart meter, keeps 48 hours, answers on the LAN. It can only read.

Data flow: a *source* (``sources``, ``poller`` over ``raven``) reports events to the *record* (``record``:
caches, statistics, quality); ``api``, ``push`` and the page read the record. Nothing flows back: no module
that answers the LAN imports one that can write to the dongle.
"""
