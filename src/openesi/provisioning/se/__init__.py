"""Zigbee Smart Energy 1.x as far as a home device needs it to join: pure code, no I/O.

``mmo``            the hash of Zigbee, and what is made of it
``install_code``   the code on the label, its CRC, the link key it stands for
``curve``          sect163k1
``cbke``           certificates (ECQV) and the key agreement (ECMQV), suite 1
``handshake``      the Key Establishment cluster's conversation
``nwk``, ``aps``, ``zcl``, ``zdo``   frames, from the radio inwards
``clusters``       Time, Price, DRLC, Metering, Messaging as tables
``esi``, ``device``   the two ends of the air
``radio``          the air between them, simulated
"""
