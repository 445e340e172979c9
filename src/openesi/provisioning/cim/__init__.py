"""IEC 61968 messages: envelope (part 100) and the four payloads of provisioning (part 9). Pure code, no I/O.

``codes``    verbs, reply codes, end-device control and event types
``shape``    how a class declares its XML
``model``    the messages, so declared
``xml``      bytes to messages and back; namespace-tolerant, hostile input bounded
``schema``   the XSD and WSDL that the declarations stand for
``soap``     the SOAP 1.1 envelope, WS-Security user names
"""
