"""The solar inverter as a 2030.5 device: what it tells of itself, and what it does with what it is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from random import Random

import openesi
from openesi.client.backoff import RandomSource
from openesi.client.der import Orders
from openesi.client.device import Meter, Quantity
from openesi.devices import inverter
from openesi.devices.inverter import AUSTRALIAN_MODES, MODES, Rating, Settings, State, Surroundings
from openesi.devices.quantities import percent, scaled
from openesi.devices.sun import Site, array_power_w, irradiance_w_per_m2
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    AccumulationBehaviour,
    ConnectStatus,
    DERControlMode,
    DERType,
    DeviceCategory,
    DoeMode,
    FunctionsImplemented,
    InverterStatus,
    Kind,
    LocalControlModeStatus,
    OperationalModeStatus,
    PowerSource,
    RoleFlag,
    StorageModeStatus,
    Uom,
    VppMode,
    to_bits,
)

LONGEST_STEP_S = 60.0  # the model is stepped at least so finely
CLOCK_SET_S = 3_600.0  # time that goes further at once was not lived: somebody set the clock
LINE_OHM = 0.35  # between the house and a grid that does not care

METER = Meter(
    name="Inverter",
    role=RoleFlag.IS_DER | RoleFlag.IS_SUBMETER,
    quantities=(
        Quantity(name="W", uom=Uom.WATTS, kind=Kind.POWER),
        Quantity(name="var", uom=Uom.VARS, kind=Kind.POWER),
        Quantity(name="V", uom=Uom.VOLTS, power_of_ten=-1),
        Quantity(name="Hz", uom=Uom.HERTZ, power_of_ten=-2),
        Quantity(
            name="Wh delivered",
            uom=Uom.WATT_HOURS,
            kind=Kind.ENERGY,
            accumulation=AccumulationBehaviour.SUMMATION,
        ),
    ),
)

# Written only where CSIP-AUS is spoken.
_DOE_MODES = to_bits(~DoeMode(0), 1)
_VPP_MODES = to_bits(VppMode.opModStorageTargetW, 1)

_STORES = DERControlMode.chargeMode | DERControlMode.dischargeMode
_MODES = to_bits(reduce(or_, (DERControlMode[mode] for mode in MODES), _STORES), 4)

# What a DefaultDERControl may set, and the field of the model that it sets.
_SETTINGS = {
    "setGradW": "grad_w",
    "setSoftGradW": "soft_grad_w",
    "setESDelay": "es_delay",
    "setESRampTms": "es_ramp_tms",
    "setESRandomDelay": "es_random_delay",
    "setESHighVolt": "es_high_volt",
    "setESLowVolt": "es_low_volt",
    "setESHighFreq": "es_high_freq",
    "setESLowFreq": "es_low_freq",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """The grid astray from ``start`` up to ``end`` (s since 1970): what is not None is as it says."""

    start: float = -math.inf
    end: float = math.inf
    voltage_v: float | None = None
    frequency_hz: float | None = None


class SolarInverter:
    """A DER device on top of the model. ``load_w`` tells the load of its house at a time (W).

    ``disturbances`` of the grid may be added at any time; of several at once the last holds.
    """

    category = DeviceCategory.PHOTOVOLTAIC_WITH_STORAGE
    der_type = DERType.PHOTOVOLTAIC_WITH_STORAGE
    model = "Solar inverter with battery"
    modes = MODES | AUSTRALIAN_MODES
    meters = (METER,)

    def __init__(
        self,
        *,
        rating: Rating | None = None,
        site: Site | None = None,
        stored_share: float = 0.5,
        load_w: Callable[[float], float] = lambda time: 0.0,
        random: RandomSource | None = None,
    ) -> None:
        self.rating = rating or Rating()
        self.site = site or Site()
        self.state = State(stored_wh=self.rating.battery_wh * stored_share)
        self.around = Surroundings(voltage_v=self.rating.nominal_v, frequency_hz=self.rating.nominal_hz)
        self.orders = Orders()
        self._settings = Settings(random_share=(random or Random()).random())  # noqa: S311 (spreads load)
        self._settings_changed = 0
        self.disturbances: list[Disturbance] = []
        self._load_w = load_w
        self._is_new_order = False
        self._lived: float | None = None

    # --- living ----------------------------------------------------------------------------------------

    def obey(self, orders: Orders) -> None:
        """Do this from the next step on; take over the settings of the default control."""
        self.orders, self._is_new_order = orders, True
        if orders.default is not None:
            told = {field: getattr(orders.default, name) for name, field in _SETTINGS.items()}
            known = {field: value for field, value in told.items() if value is not None}
            settings = replace(self._settings, **known)
            if settings != self._settings:
                self._settings = settings
                self._settings_changed = int(self._lived or 0)

    def advance(self, now: float) -> None:
        """Live until ``now``: the sun moves, the grid sways, orders are obeyed."""
        if self._lived is None:
            self._lived = now
        if not 0 <= now - self._lived <= CLOCK_SET_S:
            self._lived = now
        elapsed_s = now - self._lived
        steps = max(1, math.ceil(elapsed_s / LONGEST_STEP_S))
        for number in range(1, steps + 1):
            time = self._lived + elapsed_s * number / steps
            self.around = self._surroundings(time)
            self.state = inverter.step(
                self.state,
                self.orders,
                self.around,
                elapsed_s / steps,
                rating=self.rating,
                settings=self._settings,
                is_new_order=self._is_new_order,
            )
            self._is_new_order = False
        self._lived = now

    def _surroundings(self, time: float) -> Surroundings:
        light = irradiance_w_per_m2(time, self.site)
        load_w = self._load_w(time)
        net_w = self.state.power_w - load_w
        sway = math.sin(time / 37) * 0.4 + math.sin(time / 7.3) * 0.2
        around = Surroundings(
            pv_w=array_power_w(light, peak_w=self.rating.pv_peak_w, air_c=self.site.air_c),
            voltage_v=self.rating.nominal_v + net_w / self.rating.nominal_v * LINE_OHM + sway,
            frequency_hz=self.rating.nominal_hz + 0.01 * math.sin(time / 53),
            load_w=load_w,
        )
        for one in self.disturbances:
            if one.start <= time < one.end:
                around = replace(
                    around,
                    voltage_v=around.voltage_v if one.voltage_v is None else one.voltage_v,
                    frequency_hz=around.frequency_hz if one.frequency_hz is None else one.frequency_hz,
                )
        return around

    # --- telling ---------------------------------------------------------------------------------------

    def readings(self, meter: str) -> Mapping[str, float]:
        """Return what the meter at the terminals reads."""
        del meter
        return {
            "W": self.state.power_w,
            "var": self.state.var,
            "V": self.around.voltage_v,
            "Hz": self.around.frequency_hz,
            "Wh delivered": self.state.exported_wh,
        }

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        return device_information(lfdi, model=self.model)

    def capability(self) -> sep.DERCapability:
        """Return the nameplate."""
        rating = self.rating
        return sep.DERCapability(
            modesSupported=_MODES,
            rtgAbnormalCategory=3,
            rtgMaxChargeRateW=scaled(sep.ActivePower, rating.max_charge_w),
            rtgMaxDischargeRateW=scaled(sep.ActivePower, rating.max_discharge_w),
            rtgMaxVA=scaled(sep.ApparentPower, rating.max_va),
            rtgMaxVar=scaled(sep.ReactivePower, rating.max_var),
            rtgMaxW=scaled(sep.ActivePower, rating.max_w),
            rtgMaxWh=scaled(sep.WattHour, rating.battery_wh),
            rtgMinPFOverExcited=sep.PowerFactor(displacement=850, multiplier=-3),
            rtgNormalCategory=2,
            rtgVNom=scaled(sep.VoltageRMS, rating.nominal_v),
            type=self.der_type,
            doeModesSupported=_DOE_MODES,
            vppModesSupported=_VPP_MODES,
        )

    def settings(self) -> sep.DERSettings:
        """Return how it is set up: nothing narrowed but what the default control asks."""
        rating = self.rating
        told = {name: getattr(self._settings, field) or None for name, field in _SETTINGS.items()}
        found = sep.DERSettings(
            modesEnabled=_MODES,
            setGradW=self._settings.grad_w,
            setMaxChargeRateW=scaled(sep.ActivePower, rating.max_charge_w),
            setMaxDischargeRateW=scaled(sep.ActivePower, rating.max_discharge_w),
            setMaxVA=scaled(sep.ApparentPower, rating.max_va),
            setMaxVar=scaled(sep.ReactivePower, rating.max_var),
            setMaxW=scaled(sep.ActivePower, rating.max_w),
            setMaxWh=scaled(sep.WattHour, rating.battery_wh),
            setVNom=scaled(sep.VoltageRMS, rating.nominal_v),
            setVRef=scaled(sep.VoltageRMS, rating.nominal_v),
            updatedTime=self._settings_changed,
            doeModesEnabled=_DOE_MODES,
            vppModesEnabled=_VPP_MODES,
        )
        return sep.replace(found, **told | {"setGradW": self._settings.grad_w})

    def status(self, now: int) -> sep.DERStatus:
        """Return what it is doing."""
        state = self.state
        connect = to_bits(_connect_status(state), 1)
        storing = StorageModeStatus.HOLDING
        if abs(state.battery_w) > 1:
            storing = StorageModeStatus.CHARGING if state.battery_w < 0 else StorageModeStatus.DISCHARGING
        remote = LocalControlModeStatus.REMOTE if self.orders.events else LocalControlModeStatus.LOCAL
        working = OperationalModeStatus.OPERATIONAL if state.connected else OperationalModeStatus.OFF
        charge = max(0, percent(state.stored_wh / self.rating.battery_wh))
        return sep.DERStatus(
            alarmStatus=to_bits(state.alarms, 4),
            genConnectStatus=sep.ConnectStatusType(dateTime=now, value=connect),
            inverterStatus=sep.InverterStatusType(dateTime=now, value=_inverter_status(state)),
            localControlModeStatus=sep.LocalControlModeStatusType(dateTime=now, value=remote),
            manufacturerStatus=sep.ManufacturerStatusType(dateTime=now, value=_own_status(state)),
            operationalModeStatus=sep.OperationalModeStatusType(dateTime=now, value=working),
            readingTime=now,
            stateOfChargeStatus=sep.StateOfChargeStatusType(dateTime=now, value=charge),
            storageModeStatus=sep.StorageModeStatusType(dateTime=now, value=storing),
            storConnectStatus=sep.ConnectStatusType(dateTime=now, value=connect),
        )

    def availability(self, now: int) -> sep.DERAvailability:
        """Return what it could give beyond what it gives."""
        state, rating = self.state, self.rating
        could_w = min(rating.max_w, self.around.pv_w + rating.max_discharge_w * (state.stored_wh > 0))
        room_wh = rating.battery_wh - state.stored_wh
        return sep.DERAvailability(
            availabilityDuration=round(3600 * state.stored_wh / rating.max_discharge_w),
            maxChargeDuration=round(3600 * room_wh / rating.max_charge_w),
            readingTime=now,
            statVarAvail=scaled(sep.ReactivePower, rating.max_var - abs(state.var)),
            statWAvail=scaled(sep.ActivePower, max(0.0, could_w)),
        )


class Battery(SolarInverter):
    """Storage alone: the same inverter without an array."""

    category = DeviceCategory.OTHER_STORAGE
    der_type = DERType.OTHER_STORAGE
    model = "Battery"

    def __init__(
        self,
        *,
        rating: Rating | None = None,
        stored_share: float = 0.5,
        load_w: Callable[[float], float] = lambda time: 0.0,
    ) -> None:
        rating = rating or Rating(max_charge_w=5_000.0, max_discharge_w=5_000.0)
        super().__init__(rating=replace(rating, pv_peak_w=0.0), stored_share=stored_share, load_w=load_w)


def device_information(
    lfdi: bytes,
    *,
    model: str,
    functions: FunctionsImplemented = FunctionsImplemented.DER,
    power: PowerSource = PowerSource.MAINS,
) -> sep.DeviceInformation:
    """Return the DeviceInformation of a simulated device."""
    basic = (
        FunctionsImplemented.DEVICE_CAPABILITY
        | FunctionsImplemented.END_DEVICE
        | FunctionsImplemented.FUNCTION_SET_ASSIGNMENTS
        | FunctionsImplemented.RESPONSE
        | FunctionsImplemented.TIME
        | FunctionsImplemented.DEVICE_INFORMATION
        | FunctionsImplemented.METERING
    )
    return sep.DeviceInformation(
        functionsImplemented=to_bits(basic | functions, 8),
        lFDI=lfdi,
        mfDate=0,
        mfHwVer="simulated",
        mfID=0,
        mfModel=model,
        mfSerNum=identity.format_lfdi(lfdi)[:32],
        primaryPower=power,
        secondaryPower=PowerSource.NONE,
        swActTime=0,
        swVer=openesi.__version__,
    )


def _connect_status(state: State) -> ConnectStatus:
    if state.tripped:
        return ConnectStatus.FAULT
    if not state.connected:
        return ConnectStatus.AVAILABLE
    operating = ConnectStatus.OPERATING if state.energized and state.in_service else ConnectStatus(0)
    return ConnectStatus.CONNECTED | ConnectStatus.AVAILABLE | operating


def _own_status(state: State) -> str:
    """Return what the maker calls it, in six characters at most."""
    if state.tripped:
        return "TRIP"
    if not state.connected or not state.energized:
        return "STOP"
    return "OK" if state.in_service else "WAIT"


def _inverter_status(state: State) -> InverterStatus:
    if state.tripped:
        return InverterStatus.FAULT
    if not state.connected:
        return InverterStatus.OFF
    if not state.energized or not state.in_service:
        return InverterStatus.STANDBY
    if state.limited:
        return InverterStatus.FORCED_REDUCTION
    if abs(state.power_w) < 1:
        return InverterStatus.SLEEPING
    return InverterStatus.TRACKING_MPPT
