"""A generator with one number to measure and one to set: the start of a device of your own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from openesi.client.der import Orders
from openesi.client.device import Meter, Quantity
from openesi.devices.quantities import scaled
from openesi.devices.solar import device_information
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    ConnectStatus,
    DERControlMode,
    DERType,
    DeviceCategory,
    InverterStatus,
    Kind,
    OperationalModeStatus,
    RoleFlag,
    Uom,
    to_bits,
)

FULL = 10_000  # hundredths of a percent

_MODES = DERControlMode.opModConnect | DERControlMode.opModEnergize | DERControlMode.opModMaxLimW


class SimpleGenerator:
    """A photovoltaic DER that can be limited and switched off.

    ``measure`` returns the power it delivers now, ``limit`` is called with the most it may deliver from now
    on; both in W, ``max_w`` is the rating.
    """

    category = DeviceCategory.PHOTOVOLTAIC
    modes = frozenset({"opModConnect", "opModEnergize", "opModMaxLimW"})
    meters = (
        Meter(
            name="Generator",
            role=RoleFlag.IS_DER,
            quantities=(Quantity(name="W", uom=Uom.WATTS, kind=Kind.POWER),),
        ),
    )

    def __init__(
        self,
        *,
        max_w: float,
        measure: Callable[[], float],
        limit: Callable[[float], None],
        model: str = "Generator",
    ) -> None:
        self.max_w, self.model = max_w, model
        self.limit_w = max_w
        self._measure, self._limit = measure, limit

    def advance(self, now: float) -> None:
        """Nothing to simulate: this device is real."""

    def obey(self, orders: Orders) -> None:
        """Work out the limit, and tell the hardware if it is another."""
        base, limit_w = orders.base, self.max_w
        if base.opModMaxLimW is not None:
            limit_w = base.opModMaxLimW / FULL * self.max_w
        if base.opModEnergize is False or base.opModConnect is False:
            limit_w = 0.0
        if limit_w != self.limit_w:
            self.limit_w = limit_w
            self._limit(limit_w)

    def readings(self, meter: str) -> Mapping[str, float]:
        """Return the power."""
        del meter
        return {"W": self._measure()}

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        return device_information(lfdi, model=self.model)

    def capability(self) -> sep.DERCapability:
        """Return the nameplate."""
        return sep.DERCapability(
            modesSupported=to_bits(_MODES, 4),
            rtgMaxW=scaled(sep.ActivePower, self.max_w),
            type=DERType.PHOTOVOLTAIC,
        )

    def settings(self) -> sep.DERSettings:
        """Return the settings: as rated, without a ramp."""
        return sep.DERSettings(
            modesEnabled=to_bits(_MODES, 4),
            setGradW=0,
            setMaxW=scaled(sep.ActivePower, self.max_w),
            updatedTime=0,
        )

    def status(self, now: int) -> sep.DERStatus:
        """Return whether it is on, and whether it is held down."""
        on, held = self.limit_w > 0, self.limit_w < self.max_w
        connect = ConnectStatus.CONNECTED | ConnectStatus.AVAILABLE
        inverter = InverterStatus.FORCED_REDUCTION if held else InverterStatus.TRACKING_MPPT
        return sep.DERStatus(
            genConnectStatus=sep.ConnectStatusType(
                dateTime=now, value=to_bits(connect | ConnectStatus.OPERATING if on else connect, 1)
            ),
            inverterStatus=sep.InverterStatusType(
                dateTime=now, value=inverter if on else InverterStatus.STANDBY
            ),
            operationalModeStatus=sep.OperationalModeStatusType(
                dateTime=now, value=OperationalModeStatus.OPERATIONAL
            ),
            readingTime=now,
        )

    def availability(self, now: int) -> sep.DERAvailability | None:
        """Return nothing: what it could give is not known."""
        del now
        return None
