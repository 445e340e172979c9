"""The primitive types of the standard, with their bounds.

StringN counts octets of UTF-8, HexBinaryN bits; both may be shorter. UInt40 has the bound of 48 bits in the
schema of 2018, a slip that is kept: peers check documents against that schema.
"""

from __future__ import annotations

from typing import Annotated

from openesi.sep2.model._declare import Named, Simple

Boolean = Annotated[bool, Simple("boolean", "boolean")]
AnyURI = Annotated[str, Simple("anyURI", "anyURI")]
String = Annotated[str, Simple("string", "string")]

HexBinary8 = Annotated[bytes, Simple("HexBinary8", "hexBinary", max_length=1)]
HexBinary16 = Annotated[bytes, Simple("HexBinary16", "hexBinary", max_length=2)]
HexBinary32 = Annotated[bytes, Simple("HexBinary32", "hexBinary", max_length=4)]
HexBinary48 = Annotated[bytes, Simple("HexBinary48", "hexBinary", max_length=6)]
HexBinary64 = Annotated[bytes, Simple("HexBinary64", "hexBinary", max_length=8)]
HexBinary128 = Annotated[bytes, Simple("HexBinary128", "hexBinary", max_length=16)]
HexBinary160 = Annotated[bytes, Simple("HexBinary160", "hexBinary", max_length=20)]
String6 = Annotated[str, Simple("String6", "string", max_length=6)]
String16 = Annotated[str, Simple("String16", "string", max_length=16)]
String20 = Annotated[str, Simple("String20", "string", max_length=20)]
String32 = Annotated[str, Simple("String32", "string", max_length=32)]
String42 = Annotated[str, Simple("String42", "string", max_length=42)]
String192 = Annotated[str, Simple("String192", "string", max_length=192)]
UInt8 = Annotated[int, Simple("UInt8", "unsignedByte", 0, 255)]
UInt16 = Annotated[int, Simple("UInt16", "unsignedShort", 0, 2**16 - 1)]
UInt32 = Annotated[int, Simple("UInt32", "unsignedInt", 0, 2**32 - 1)]
UInt40 = Annotated[int, Simple("UInt40", "unsignedLong", 0, 2**48 - 1, facets=True)]
UInt48 = Annotated[int, Simple("UInt48", "unsignedLong", 0, 2**48 - 1, facets=True)]
UInt64 = Annotated[int, Simple("UInt64", "unsignedLong", 0, 2**64 - 1)]
Int8 = Annotated[int, Simple("Int8", "byte", -128, 127)]
Int16 = Annotated[int, Simple("Int16", "short", -(2**15), 2**15 - 1)]
Int32 = Annotated[int, Simple("Int32", "int", -(2**31), 2**31 - 1)]
Int48 = Annotated[int, Simple("Int48", "long", -(2**47), 2**47, facets=True)]
Int64 = Annotated[int, Simple("Int64", "long", -(2**63), 2**63 - 1)]

# Whether and how changes can be subscribed to: enums.Subscribable.
SubscribableType = Annotated[UInt8, Named("SubscribableType")]
