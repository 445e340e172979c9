"""An electric vehicle at its charger: it asks for energy, and takes what is granted.

Sources: FlowReservation and PEVInfo are those of IEEE 2030.5-2018, clause 10.9 and type PEVInfo (positive
charges). A single-phase 32 A charger gives 7.4 kW (IEC 61851-1, mode 3); 90 % of it reaches the battery.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from openesi.client.device import Grant
from openesi.devices.load import DAY_S, Load
from openesi.devices.quantities import scaled
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    BatteryStatus,
    DeviceCategory,
    FunctionsImplemented,
    PowerSource,
    RequestState,
)

EFFICIENCY = 0.9
GRACE_S = 900.0  # a server that has not answered by then will not: charge as if there were none


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What drives: Wh it holds, what it wants to leave with (share), when it comes and goes (hours)."""

    capacity_wh: float = 60_000.0
    wanted_share: float = 0.8
    arrives_h: float = 18.0
    leaves_h: float = 31.0  # seven in the morning


class Charger(Load):
    """An EVSE with a vehicle that comes every evening with 30 % and wants to leave with 80 %."""

    category = DeviceCategory.EVSE
    model = "Electric vehicle charger"
    is_continuous = True
    functions = FunctionsImplemented.FLOW_RESERVATION | FunctionsImplemented.DEMAND_RESPONSE

    def __init__(self, *, vehicle: Vehicle | None = None, charger_w: float = 7_400.0) -> None:
        super().__init__()
        self.vehicle = vehicle or Vehicle()
        self.charger_w = charger_w
        self.stored_wh = 0.3 * self.vehicle.capacity_wh
        self.plugged_since: float | None = None
        self.leaves_at = 0.0
        self.granted: Grant | None = None
        self._was_granted = False

    @property
    def needed_wh(self) -> float:
        """What the battery still lacks."""
        return max(0.0, self.vehicle.wanted_share * self.vehicle.capacity_wh - self.stored_wh)

    @property
    def least_s(self) -> float:
        """How long that takes at full power."""
        return self.needed_wh / EFFICIENCY / self.charger_w * 3600

    def plug_in(self, now: float, *, stored_share: float = 0.3) -> None:
        """Let the vehicle arrive."""
        self.plugged_since = now
        self.stored_wh = stored_share * self.vehicle.capacity_wh
        stay_h = self.vehicle.leaves_h - self.vehicle.arrives_h
        self.leaves_at = now + stay_h * 3600
        self._was_granted = False

    def step(self, now: float, dt_s: float) -> None:
        """Come, charge as granted, go."""
        since_arrival_s = (now - self.vehicle.arrives_h * 3600) % DAY_S
        if self.plugged_since is None and since_arrival_s < max(dt_s, 1.0):
            self.plug_in(now)
        if self.plugged_since is not None and now >= self.leaves_at:
            self.plugged_since, self.granted = None, None
        fills_w = self.needed_wh / EFFICIENCY * 3600 / dt_s if dt_s else math.inf
        allowed_w = self._allowed_w(now) if self.needed_wh > 0 else 0.0
        self.power_w = min(self.left_w(allowed_w), allowed_w, fills_w)
        self.stored_wh += self.power_w * EFFICIENCY * dt_s / 3600

    def _allowed_w(self, now: float) -> float:
        if self.plugged_since is None:
            return 0.0
        if self.granted is not None:
            return max(0.0, min(self.charger_w, self.granted.power_w))
        unanswered = not self._was_granted and now - self.plugged_since > GRACE_S
        must = now + self.least_s >= self.leaves_at
        return self.charger_w if unanswered or must else 0.0

    def wish(self, now: int, lfdi: bytes) -> sep.FlowReservationRequest | None:
        """Return what the vehicle needs until it leaves; one request for each stay."""
        if self.plugged_since is None or self.needed_wh <= 0:
            return None
        needed_wh = round(self.needed_wh / EFFICIENCY)
        return sep.FlowReservationRequest(
            mRID=identity.derive_mrid(0, lfdi, "flow reservation", str(int(self.plugged_since))),
            description="Charge the vehicle",
            creationTime=now,
            durationRequested=min(65_535, round(self.least_s)),
            energyRequested=sep.SignedRealEnergy(multiplier=0, value=needed_wh),
            intervalRequested=sep.DateTimeInterval(duration=max(0, int(self.leaves_at) - now), start=now),
            powerRequested=scaled(sep.ActivePower, self.charger_w),
            RequestStatus=sep.RequestStatus(dateTime=now, requestStatus=RequestState.REQUESTED),
        )

    def grant(self, granted: Grant | None) -> None:
        """Take this from now on."""
        self.granted = granted
        self._was_granted = self._was_granted or granted is not None
        if isinstance(self.twin, Charger):
            self.twin.grant(granted)

    def spare_s(self) -> float:
        """Return for how long it can wait and still be charged in time."""
        return self.leaves_at - (self._lived or 0.0) - self.least_s if self.needed_wh > 0 else DAY_S

    def power_status(self, now: int) -> sep.PowerStatus:
        """Return PowerStatus, with PEVInfo while a vehicle is there."""
        info = None
        if self.plugged_since is not None:
            info = sep.PEVInfo(
                chargingPowerNow=scaled(sep.ActivePower, self.power_w),
                energyRequestNow=sep.RealEnergy(multiplier=0, value=round(self.needed_wh / EFFICIENCY)),
                maxForwardPower=scaled(sep.ActivePower, self.charger_w),
                minimumChargingDuration=round(self.least_s),
                targetStateOfCharge=round(self.vehicle.wanted_share * 10_000),
                timeChargeIsNeeded=int(self.leaves_at),
                timeChargingStatusPEV=now,
            )
        return sep.PowerStatus(
            batteryStatus=BatteryStatus.NOT_APPLICABLE,
            changedTime=now,
            currentPowerSource=PowerSource.MAINS,
            PEVInfo=info,
        )
