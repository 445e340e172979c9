"""The numbers of the standard by name: enumerations, and bitmaps with their bits.

Values of the model stay plain integers and octets, for a peer may send a number that is reserved today; these
names compare equal to them (``status.currentStatus == EventState.ACTIVE``). Bitmaps are octets in the model:
``ConnectStatus(bits(status.value))`` reads one, ``to_bits(RoleFlag.IS_DER | RoleFlag.IS_SUBMETER, 2)`` writes
one. Where a number stands for a field or a setting of the standard, it has that name:
``DERControlMode.opModVoltVar``.

``values_of`` tells which of these a field holds.
"""

from __future__ import annotations

from openesi.sep2.enums.bitmap import bits as bits
from openesi.sep2.enums.bitmap import to_bits as to_bits
from openesi.sep2.enums.demand import ApplianceLoadReduction as ApplianceLoadReduction
from openesi.sep2.enums.demand import RequestState as RequestState
from openesi.sep2.enums.demand import Unit as Unit
from openesi.sep2.enums.der import AlarmStatus as AlarmStatus
from openesi.sep2.enums.der import ConnectStatus as ConnectStatus
from openesi.sep2.enums.der import ConnectStatus2 as ConnectStatus2
from openesi.sep2.enums.der import DefaultDERControlSetting as DefaultDERControlSetting
from openesi.sep2.enums.der import DERControlMode as DERControlMode
from openesi.sep2.enums.der import DERControlMode2 as DERControlMode2
from openesi.sep2.enums.der import DERCurveType as DERCurveType
from openesi.sep2.enums.der import DERType as DERType
from openesi.sep2.enums.der import DERUnitRef as DERUnitRef
from openesi.sep2.enums.der import DoeMode as DoeMode
from openesi.sep2.enums.der import InverterStatus as InverterStatus
from openesi.sep2.enums.der import LocalControlModeStatus as LocalControlModeStatus
from openesi.sep2.enums.der import OperationalModeStatus as OperationalModeStatus
from openesi.sep2.enums.der import StorageModeStatus as StorageModeStatus
from openesi.sep2.enums.der import VppMode as VppMode
from openesi.sep2.enums.devices import IEEE_PEN as IEEE_PEN
from openesi.sep2.enums.devices import BatteryStatus as BatteryStatus
from openesi.sep2.enums.devices import DeviceCategory as DeviceCategory
from openesi.sep2.enums.devices import DrlcOption as DrlcOption
from openesi.sep2.enums.devices import FileState as FileState
from openesi.sep2.enums.devices import FileType as FileType
from openesi.sep2.enums.devices import FunctionsImplemented as FunctionsImplemented
from openesi.sep2.enums.devices import LinkLayerType as LinkLayerType
from openesi.sep2.enums.devices import LogFunctionSet as LogFunctionSet
from openesi.sep2.enums.devices import LogProfile as LogProfile
from openesi.sep2.enums.devices import OperatingState as OperatingState
from openesi.sep2.enums.devices import PowerSource as PowerSource
from openesi.sep2.enums.devices import TemperatureSubject as TemperatureSubject
from openesi.sep2.enums.devices import TimeQuality as TimeQuality
from openesi.sep2.enums.events import PRIMACY_USER_DEFINED as PRIMACY_USER_DEFINED
from openesi.sep2.enums.events import EventState as EventState
from openesi.sep2.enums.events import NotificationStatus as NotificationStatus
from openesi.sep2.enums.events import Primacy as Primacy
from openesi.sep2.enums.events import ResponseRequired as ResponseRequired
from openesi.sep2.enums.events import ResponseStatus as ResponseStatus
from openesi.sep2.enums.events import ResponseStatus2023 as ResponseStatus2023
from openesi.sep2.enums.events import Subscribable as Subscribable
from openesi.sep2.enums.events import SubscriptionEncoding as SubscriptionEncoding
from openesi.sep2.enums.fields import BY_FIELD as BY_FIELD
from openesi.sep2.enums.fields import BY_TYPE as BY_TYPE
from openesi.sep2.enums.fields import values_of as values_of
from openesi.sep2.enums.metering import AccumulationBehaviour as AccumulationBehaviour
from openesi.sep2.enums.metering import Commodity as Commodity
from openesi.sep2.enums.metering import ConsumptionBlock as ConsumptionBlock
from openesi.sep2.enums.metering import DataQualifier as DataQualifier
from openesi.sep2.enums.metering import FlowDirection as FlowDirection
from openesi.sep2.enums.metering import Kind as Kind
from openesi.sep2.enums.metering import Phase as Phase
from openesi.sep2.enums.metering import QualityFlag as QualityFlag
from openesi.sep2.enums.metering import RoleFlag as RoleFlag
from openesi.sep2.enums.metering import ServiceKind as ServiceKind
from openesi.sep2.enums.metering import Tou as Tou
from openesi.sep2.enums.metering import Uom as Uom
from openesi.sep2.enums.money import ChargeKind as ChargeKind
from openesi.sep2.enums.money import CostKind as CostKind
from openesi.sep2.enums.money import CreditStatus as CreditStatus
from openesi.sep2.enums.money import CreditType as CreditType
from openesi.sep2.enums.money import PrepayMode as PrepayMode
from openesi.sep2.enums.money import Priority as Priority
from openesi.sep2.enums.money import ServiceStatus as ServiceStatus
from openesi.sep2.errors import ReasonCode as ReasonCode
