"""A charging station that is controlled as a DER: it charges the vehicle at it with the power it is told.

Sources: opModFixedW below 0 is a share of setMaxChargeRateW (IEEE 2030.5-2018, DERControlBase); PEVInfo is
that of 10.9 (positive charges). A single-phase 32 A station gives 7.4 kW (IEC 61851-1, mode 3); 90 % of it
reaches the battery. The names of its readings are those that VOLTTRON's SEP2 agent took for SunSpec
points.
"""

from __future__ import annotations

from collections.abc import Mapping

from openesi.client.der import Orders
from openesi.client.device import Meter, Quantity
from openesi.devices.quantities import percent, scaled
from openesi.devices.solar import device_information
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    AccumulationBehaviour,
    BatteryStatus,
    ConnectStatus,
    DERControlMode,
    DERType,
    DeviceCategory,
    FunctionsImplemented,
    InverterStatus,
    Kind,
    LocalControlModeStatus,
    OperationalModeStatus,
    PowerSource,
    RoleFlag,
    StorageModeStatus,
    Uom,
    to_bits,
)

EFFICIENCY = 0.9
CLOCK_SET_S = 3_600.0  # time that goes further at once was not lived: somebody set the clock
STAY_S = 12 * 3_600
NOMINAL_V = 230.0
PACK_V = 400.0

METER = Meter(
    name="Charging station",
    role=RoleFlag.IS_PEV | RoleFlag.IS_SUBMETER,
    quantities=(
        Quantity(name="PhasePowerAvg", uom=Uom.WATTS, kind=Kind.POWER),
        Quantity(name="PhaseCurrentAvg", uom=Uom.AMPERES, power_of_ten=-2),
        Quantity(name="LineVoltageAvg", uom=Uom.VOLTS, power_of_ten=-1),
        Quantity(name="InstantPackCurrent", uom=Uom.AMPERES, power_of_ten=-2),
        Quantity(
            name="EnergyIMP",
            uom=Uom.WATT_HOURS,
            kind=Kind.ENERGY,
            accumulation=AccumulationBehaviour.SUMMATION,
        ),
    ),
)


class ChargingStation:
    """A station with a vehicle that stays, and charges with all it can unless it is told otherwise."""

    category = DeviceCategory.EVSE
    model = "Charging station"
    modes = frozenset({"opModConnect", "opModEnergize", "opModFixedW"})
    meters = (METER,)

    def __init__(
        self,
        *,
        max_w: float = 7_400.0,
        capacity_wh: float = 60_000.0,
        stored_share: float = 0.3,
        wanted_share: float = 0.8,
    ) -> None:
        self.max_w, self.capacity_wh, self.wanted_share = max_w, capacity_wh, wanted_share
        self.stored_wh = stored_share * capacity_wh
        self.power_w = 0.0
        self.energy_wh = 0.0
        self.orders = Orders()
        self._began: float | None = None
        self._lived: float | None = None

    @property
    def allowed_w(self) -> float:
        """How much it may charge with now."""
        base = self.orders.base
        if base.opModConnect is False or base.opModEnergize is False:
            return 0.0
        if base.opModFixedW is None:
            return self.max_w
        return max(0.0, -base.opModFixedW / 10_000 * self.max_w)  # it gives nothing back

    @property
    def needed_wh(self) -> float:
        """What the vehicle still lacks."""
        return max(0.0, self.wanted_share * self.capacity_wh - self.stored_wh)

    def advance(self, now: float) -> None:
        """Live until ``now`` (s since 1970)."""
        before = now if self._lived is None or not 0 <= now - self._lived <= CLOCK_SET_S else self._lived
        self._began = now if self._began is None else self._began
        dt_s, self._lived = now - before, now
        self.power_w = self.allowed_w if self.needed_wh > 0 else 0.0
        self.stored_wh += self.power_w * EFFICIENCY * dt_s / 3600
        self.energy_wh += self.power_w * dt_s / 3600

    def obey(self, orders: Orders) -> None:
        """Do this from now on."""
        self.orders = orders

    def readings(self, meter: str) -> Mapping[str, float]:
        """Return what it draws."""
        del meter
        return {
            "PhasePowerAvg": self.power_w,
            "PhaseCurrentAvg": self.power_w / NOMINAL_V,
            "LineVoltageAvg": NOMINAL_V,
            "InstantPackCurrent": self.power_w * EFFICIENCY / PACK_V,
            "EnergyIMP": self.energy_wh,
        }

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        functions = FunctionsImplemented.DER | FunctionsImplemented.POWER_STATUS
        return device_information(lfdi, model=self.model, functions=functions)

    def capability(self) -> sep.DERCapability:
        """Return the nameplate."""
        modes = DERControlMode.chargeMode
        for mode in self.modes:
            modes |= DERControlMode[mode]
        return sep.DERCapability(
            modesSupported=to_bits(modes, 4),
            rtgMaxA=scaled(sep.CurrentRMS, self.max_w / NOMINAL_V, digits=1),
            rtgMaxAh=scaled(sep.AmpereHour, self.capacity_wh / PACK_V),
            rtgMaxChargeRateW=scaled(sep.ActivePower, self.max_w),
            rtgMaxDischargeRateW=scaled(sep.ActivePower, 0),
            rtgMaxW=scaled(sep.ActivePower, self.max_w),
            rtgMaxWh=scaled(sep.WattHour, self.capacity_wh),
            type=DERType.EVSE,
        )

    def settings(self) -> sep.DERSettings:
        """Return how it is set up: nothing narrowed."""
        return sep.DERSettings(
            setGradW=10_000,
            setMaxChargeRateW=scaled(sep.ActivePower, self.max_w),
            setMaxDischargeRateW=scaled(sep.ActivePower, 0),
            setMaxW=scaled(sep.ActivePower, self.max_w),
            setMaxWh=scaled(sep.WattHour, self.capacity_wh),
            updatedTime=int(self._began or 0),
        )

    def status(self, now: int) -> sep.DERStatus:
        """Return what it is doing."""
        connected = ConnectStatus.CONNECTED | ConnectStatus.AVAILABLE
        charging = self.power_w > 0
        working = InverterStatus.STANDBY
        if charging:
            connected |= ConnectStatus.OPERATING
            reduced = self.power_w < self.max_w
            working = InverterStatus.FORCED_REDUCTION if reduced else InverterStatus.TRACKING_MPPT
        remote = LocalControlModeStatus.REMOTE if self.orders.events else LocalControlModeStatus.LOCAL
        storing = StorageModeStatus.CHARGING if charging else StorageModeStatus.HOLDING
        return sep.DERStatus(
            inverterStatus=sep.InverterStatusType(dateTime=now, value=working),
            localControlModeStatus=sep.LocalControlModeStatusType(dateTime=now, value=remote),
            operationalModeStatus=sep.OperationalModeStatusType(
                dateTime=now, value=OperationalModeStatus.OPERATIONAL
            ),
            readingTime=now,
            stateOfChargeStatus=sep.StateOfChargeStatusType(
                dateTime=now, value=max(0, percent(self.stored_wh / self.capacity_wh))
            ),
            storageModeStatus=sep.StorageModeStatusType(dateTime=now, value=storing),
            storConnectStatus=sep.ConnectStatusType(dateTime=now, value=to_bits(connected, 1)),
        )

    def availability(self, now: int) -> sep.DERAvailability:
        """Return what the vehicle holds, in the time that the station would take for it."""
        return sep.DERAvailability(
            availabilityDuration=round(3600 * self.stored_wh / self.max_w),
            maxChargeDuration=round(3600 * self.needed_wh / EFFICIENCY / self.max_w),
            readingTime=now,
            statWAvail=scaled(sep.ActivePower, 0),
        )

    def power_status(self, now: int) -> sep.PowerStatus:
        """Return PowerStatus with PEVInfo."""
        return sep.PowerStatus(
            batteryStatus=BatteryStatus.NOT_APPLICABLE,
            changedTime=now,
            currentPowerSource=PowerSource.MAINS,
            PEVInfo=sep.PEVInfo(
                chargingPowerNow=scaled(sep.ActivePower, self.power_w),
                energyRequestNow=sep.RealEnergy(multiplier=0, value=round(self.needed_wh / EFFICIENCY)),
                maxForwardPower=scaled(sep.ActivePower, self.max_w),
                minimumChargingDuration=round(3600 * self.needed_wh / EFFICIENCY / self.max_w),
                targetStateOfCharge=round(self.wanted_share * 10_000),
                timeChargeIsNeeded=int((self._began or now) + STAY_S),
                timeChargingStatusPEV=now,
            ),
        )
