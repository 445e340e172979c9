"""A utility made up for demonstrations, tests and measurements: all actors, homes, and devices to install."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles.base import Role
from openesi.provisioning.roles.cis import NAME as CIS
from openesi.provisioning.roles.cis import Cis, Premise
from openesi.provisioning.roles.dr_application import NAME as DR
from openesi.provisioning.roles.dr_application import Customer, Device, DrApplication, Program
from openesi.provisioning.roles.head_end import HeadEnd, Meter
from openesi.provisioning.roles.meter_esi import MeterEsi
from openesi.provisioning.roles.network import HEAD_END, AmiNetwork, Nic
from openesi.provisioning.roles.sep2_head_end import NAME as SEP2
from openesi.provisioning.se import cbke, clusters, eui64
from openesi.provisioning.se.coordinator import Coordinator
from openesi.provisioning.se.device import LOAD_CONTROL_SWITCH, THERMOSTAT, HanDevice, Model
from openesi.provisioning.se.esi import Services
from openesi.provisioning.se.handshake import Trust
from openesi.provisioning.se.install_code import InstallCode
from openesi.provisioning.se.octets import Values
from openesi.provisioning.se.radio import Ether
from openesi.provisioning.state import State
from openesi.provisioning.world import LATENCY_S, Passage, World

PROGRAM: Final = "SUMMER-SAVER"
PRICES: Final = "REAL-TIME"
MODELS: Final = {"ProgCtlThermostat": THERMOSTAT, "LoadControlDevice": LOAD_CONTROL_SWITCH}
_METER_MAC: Final = 0x000D6F0000A00000
_DEVICE_MAC: Final = 0x000D6F0000123456
_AUTHORITY: Final = b"OPENESI0"


class Factory(msgspec.Struct):
    """Keys made for the simulation; kept, so that a restart finds the same meters and devices."""

    authority: bytes
    identities: dict[str, tuple[bytes, bytes]] = {}  # EUI-64 -> certificate, private key


@dataclass(slots=True)
class Home:
    """One premise: its meter's roles, its air, its device."""

    number: int
    meter: str
    premise: str
    device: str
    code: InstallCode
    ether: Ether
    esi: MeterEsi
    device_type: str = "ProgCtlThermostat"
    appliance: HanDevice | None = None


@dataclass(slots=True)
class Utility:
    """The actors by name, and the homes."""

    world: World
    dr: DrApplication
    head_end: HeadEnd
    network: AmiNetwork
    cis: Cis
    homes: list[Home] = field(default_factory=list)
    trust: dict[str, Trust] = field(default_factory=dict)

    def install(
        self,
        home: Home,
        *,
        code: InstallCode | None = None,
        model: Model | None = None,
        rejoin_s: float | None = None,
    ) -> HanDevice:
        """Step 5: the customer puts the device up and presses its button.

        ``code`` is the one on its label.
        """
        label = code or home.code
        appliance = HanDevice(
            self.trust[home.device],
            label.link_key,
            model=model or MODELS[home.device_type],
            rejoin_s=rejoin_s,
        )
        home.appliance = appliance
        home.ether.place(appliance)
        self.world.call(appliance.eui64, "HAN device")
        self.press(home)
        return appliance

    def press(self, home: Home) -> None:
        """Press the device's button (again)."""
        if home.appliance is not None:
            home.ether.transmit(home.appliance.press_button(self.world.now), self.world.now)
            self.world.poke_home(home.esi)

    def open_window(self, home: Home, *, duration_s: float = 3600.0) -> str:
        """Step 1."""
        correlation = self.dr.open_window(home.device, self.world.now, duration_s=duration_s)
        self.world.poke(self.dr)
        return correlation

    def disturb(self, *, loss: float, delay_s: float, dice: random.Random) -> None:
        """Lose this share of messages, answers and frames; let messages take up to so much longer."""
        self.world.fate = lambda letter, way: Passage(
            LATENCY_S + delay_s * dice.random(), lost=dice.random() < loss
        )
        for home in self.homes:
            home.ether.loss = lambda frame: dice.random() < loss

    def stage(self, home: Home) -> Stage:
        """Where the DR application has the device of a home."""
        return self.dr.status(home.device).state


@dataclass(frozen=True, slots=True)
class RealRadio:
    """What the first home's meter sits on in place of the simulated air, and who it is there."""

    coordinator: Coordinator
    trust: Trust


def build(
    state: State,
    world: World,
    *,
    homes: int = 1,
    services: Services | None = None,
    radio: RealRadio | None = None,
    subscribers: tuple[str, ...] = (),
) -> Utility:
    """The utility with its data loaded, its devices imported, and nothing provisioned."""
    utility = Utility(
        world=world,
        dr=DrApplication(state, peers=frozenset({HEAD_END, SEP2, CIS}), subscribers=subscribers),
        head_end=HeadEnd(state, peers=frozenset({DR})),
        network=AmiNetwork(state),
        cis=Cis(CIS, state, peers=frozenset({DR})),
    )
    roles: tuple[Role, ...] = (utility.dr, utility.head_end, utility.network, utility.cis)
    for role in roles:
        world.add(role)
    with state.transaction():
        if not utility.dr.shelf.select_all(Program):
            utility.dr.add_program(Program(PROGRAM))
            utility.dr.add_program(Program(PRICES, real_time_prices=True))
        factory, authority = _factory(state)
        for number in range(homes):
            on = radio if number == 0 else None
            utility.homes.append(_home(state, utility, factory, authority, number, services, on))
        state.shelf("FACTORY").insert("factory", factory)
    return utility


def default_services(zone: ZoneInfo | None = None) -> Services:
    """What the demonstration's utility has for a device: a message, a price, an event, a reading, a zone."""
    price: Values = {
        **dict.fromkeys((one.name for one in clusters.PUBLISH_PRICE.fields), 0),
        "providerID": 1,
        "rateLabel": b"Summer",
        "issuerEventID": 1,
        "currency": 840,
        "priceTrailingDigitAndTier": 0x41,
        "durationInMinutes": 60,
        "price": 1432,
        "priceRatio": 0xFF,
        "generationPrice": 0xFFFFFFFF,
        "generationPriceRatio": 0xFF,
    }
    event: Values = {
        **dict.fromkeys((one.name for one in clusters.LOAD_CONTROL_EVENT.fields), 0),
        "issuerEventID": 7,
        "deviceClass": clusters.DeviceClass.HVAC | clusters.DeviceClass.WATER_HEATER,
        "durationInMinutes": 120,
        "criticalityLevel": 2,
        "coolingTemperatureOffset": 20,
        "heatingTemperatureOffset": 0xFF,
        "coolingTemperatureSetPoint": -0x8000,
        "heatingTemperatureSetPoint": -0x8000,
        "averageLoadAdjustment": -0x80,
        "dutyCycle": 0xFF,
        "eventControl": 0b11,
    }
    message: Values = {
        "messageID": 3,
        "messageControl": 0,
        "startTime": 0,
        "durationInMinutes": 240,
        "message": b"Welcome to Summer Saver",
    }
    return Services(
        message=message, price=price, event=event, summation_wh=5_120_430, demand_w=740, zone=zone
    )


def _factory(state: State) -> tuple[Factory, cbke.CertificateAuthority]:
    factory = state.shelf("FACTORY").select(Factory, "factory")
    if factory is None:
        made = cbke.CertificateAuthority.generate(_AUTHORITY)
        return Factory(made.key.private.to_bytes(21)), made
    private = int.from_bytes(factory.authority)
    return factory, cbke.CertificateAuthority(_AUTHORITY, cbke.KeyPair(private, cbke.public_key(private)))


def _trust(factory: Factory, authority: cbke.CertificateAuthority, mac: str) -> Trust:
    if mac not in factory.identities:
        made = authority.issue(eui64=eui64.parse(mac))
        factory.identities[mac] = (made.certificate.serialize(), made.private.to_bytes(21))
    certificate, private = factory.identities[mac]
    identity = cbke.Identity(cbke.Certificate.parse(certificate), int.from_bytes(private))
    return Trust(identity, authority.public, authority.name)


def _home(
    state: State,
    utility: Utility,
    factory: Factory,
    authority: cbke.CertificateAuthority,
    number: int,
    services: Services | None,
    radio: RealRadio | None,
) -> Home:
    meter, premise, account = f"M-{55512345 + number}", str(123456789 + number), f"A-{number + 1:05d}"
    mac, meter_mac = f"{_DEVICE_MAC + number:016X}", f"{_METER_MAC + number:016X}"
    kind = ("ProgCtlThermostat", "LoadControlDevice")[number % 2]
    known = utility.dr.shelf.select(Device, mac)
    code = InstallCode.parse(known.secret) if known else InstallCode(secrets.token_bytes(16))
    registered = utility.head_end.shelf.select(Meter, meter)
    key = registered.key if registered else secrets.token_bytes(16)
    if known is None:
        agreement = f"DR-SUMMER-SAVER-{number + 1:04d}"
        utility.head_end.add_meter(Meter(meter, f"UP-{premise}", key))
        utility.cis.add_premise(Premise(premise, account, meter, [agreement]))
        utility.dr.add_customer(Customer(account, premise, meter, f"UP-{premise}", {PROGRAM: agreement}))
        utility.dr.add_device(Device(mac, kind, code.printed, account, PROGRAM), utility.world.now)
    utility.trust[mac] = _trust(factory, authority, mac)
    esi = MeterEsi(
        meter,
        state,
        trust=radio.trust if radio else _trust(factory, authority, meter_mac),
        meter_key=key,
        services=services,
        coordinator=radio.coordinator if radio else None,
    )
    ether = Ether(watch=partial(utility.world.overhear, subject=mac))
    utility.world.add(Nic(meter, state))
    utility.world.add_home(ether, esi)
    return Home(number, meter, premise, mac, code, ether, esi, kind)
