"""DER devices as SunSpec points: what a device has posted, in the names and units of SunSpec's models.

``table`` says which points there are, ``values`` works them out of documents, ``setpoint`` turns a value
that is set into a control. Nothing here does I/O; what runs inside VOLTTRON stands in
``openesi.sunspec.volttron``.
"""
