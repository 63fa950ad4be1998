"""Everything a process is made of, in the order in which it is built. A diagram, not a place for logic: which provider
stands behind a port is data (`settings` and what plugins offer). Building opens nothing; the application's lifespan
does, with `async with`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from dependency_injector import containers, providers
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport

from frontdesk.config import FIRST_BACKEND, Settings
from frontdesk.config.sections import Section
from frontdesk.config.senses import SECTIONS, SenseSection
from frontdesk.core.capabilities import Capabilities
from frontdesk.core.event import Sense
from frontdesk.engine.budget import Budget
from frontdesk.engine.calls import HostCalls
from frontdesk.engine.engine import Engine
from frontdesk.engine.failover import Failover
from frontdesk.engine.flow_folder import FlowFolder, compile_in_thread
from frontdesk.engine.knowledge_folder import KnowledgeFolder
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.library import Library
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.perceiving import Perceiving
from frontdesk.engine.performer import Performer
from frontdesk.engine.polling import Polling
from frontdesk.engine.refused import Refused
from frontdesk.engine.worker import Worker
from frontdesk.http.api import Api
from frontdesk.http.app import create_app, create_health_app
from frontdesk.http.health import Health
from frontdesk.plugin import ConfigError, Offer, Providers, Tools, convert_options

POOL_IDLE_SECONDS = 15


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC)  # noqa: TID251 -- this is the Clock


def build_transport() -> httpx.AsyncBaseTransport:
    """One pool for all providers: no redirects, no proxies of the environment, no cookies. Idle connections are closed
    before a server is likely to: one that closes while a request is on its way leaves an unknown outcome."""
    idle = timedelta(seconds=POOL_IDLE_SECONDS)
    client = ClientBuilder().follow_redirects(False).no_proxy().pool_idle_timeout(idle).build()  # noqa: FBT003 -- the library's own word
    return HttpxTransport(client)


def find_offer(offers: dict[str, Offer[Any]], port: str, where: str, section: Section | SenseSection) -> Offer[Any]:
    """What a section asks for, by the name of its provider. Raises ConfigError."""
    offer = offers.get(section.provider)
    if offer is None:
        raise ConfigError(
            f"{where}: {section.provider!r} is no {port}; there are: {', '.join(sorted(offers)) or 'none'}"
        )
    return offer


def build_one(
    offers: dict[str, Offer[Any]], port: str, where: str, section: Section | SenseSection, tools: Tools
) -> Any:
    """The provider that the section `where` names; it is told the last part of that name."""
    offer = find_offer(offers, port, where, section)
    return offer.build(where.rpartition(".")[2], convert_options(offer, section.options, where), tools)


def build_channels(offers: dict[str, Offer[Any]], sections: dict[str, Section], tools: Tools) -> dict[str, Any]:
    """Every channel by its name, the one in its webhook's address."""
    return {
        name: build_one(offers, "channel", f"channels.{name}", section, tools) for name, section in sections.items()
    }


def build_formers(offers: dict[str, Offer[Any]], sections: dict[str, Section], tools: Tools) -> dict[str, Any]:
    """The providers that channels had before, by the name of the channel: what they tell is that channel's."""
    found = {}
    for name, section in sections.items():
        where = f"channels.{name}.former"
        offer = find_offer(offers, "channel", where, section)
        try:
            found[name] = offer.build(name, convert_options(offer, section.options, where), tools)
        except ConfigError as error:
            raise ConfigError(str(error).replace(f"[channels.{name}]", f"[{where}]")) from error
    return found


def build_models(
    offers: dict[str, Offer[Any]], first: Section, fallbacks: dict[str, Section], tools: Tools
) -> dict[str, Any]:
    """Every language model by its name, in the order in which they are asked."""
    sections = {f"language_model.fallbacks.{name}": section for name, section in fallbacks.items()}
    models = {FIRST_BACKEND: build_one(offers, "language model", "language_model", first, tools)}
    return models | {
        name.rpartition(".")[2]: build_one(offers, "language model", name, section, tools)
        for name, section in sections.items()
    }


def build_perceptions(
    offers: dict[str, Offer[Any]], sections: dict[Sense, SenseSection], tools: Tools
) -> dict[Sense, Any]:
    """Whoever makes out voice messages and pictures."""
    names = {sense: name for name, sense in SECTIONS.items()}
    return {
        sense: build_one(offers, "perception", f"language_model.{names[sense]}", section, tools)
        for sense, section in sections.items()
    }


def capabilities_of(settings: Settings, offers: Providers) -> dict[str, Capabilities]:
    """What each channel can do, as its provider declares it."""
    known = {name: offers.channels.get(section.provider) for name, section in settings.channels.items()}
    return {name: offer.capabilities for name, offer in known.items() if offer is not None}


def plain_channels(capabilities: Mapping[str, Capabilities]) -> frozenset[str]:
    """The channels without buttons and lists."""
    return frozenset(name for name, one in capabilities.items() if not one.shows_buttons)


class Container(containers.DeclarativeContainer):
    """The wiring."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    offers: providers.Dependency[Providers] = providers.Dependency(instance_of=Providers)
    is_read_only: providers.Object[bool] = providers.Object(False)  # noqa: FBT003 -- the value of a node
    keeps_flows: providers.Object[bool] = providers.Object(True)  # noqa: FBT003 -- the value of a node
    number: providers.Object[int] = providers.Object(0)

    clock = providers.Singleton(SystemClock)
    transport = providers.Singleton(build_transport)
    http = providers.Singleton(httpx.AsyncClient, transport=transport, follow_redirects=False, trust_env=False)
    tools = providers.Singleton(
        Tools,
        http=http,
        transport=transport,
        clock=clock,
        data_dir=settings.provided.data_dir,
        is_development=settings.provided.is_development,
        is_read_only=is_read_only,
    )
    store = providers.Singleton(build_one, offers.provided.stores, "store", "store", settings.provided.store, tools)
    signal = providers.Singleton(
        build_one, offers.provided.signals, "signal", "signal", settings.provided.signal, tools
    )
    knowledge = providers.Singleton(
        build_one, offers.provided.knowledges, "knowledge search", "knowledge", settings.provided.knowledge, tools
    )
    models = providers.Singleton(
        build_models,
        offers.provided.language_models,
        settings.provided.language_model,
        settings.provided.fallbacks,
        tools,
    )
    channels = providers.Singleton(build_channels, offers.provided.channels, settings.provided.channels, tools)
    formers = providers.Singleton(build_formers, offers.provided.channels, settings.provided.formers, tools)
    metrics = providers.Singleton(Metrics, role=settings.provided.server.role, number=number)
    media = providers.Singleton(MediaFolder, settings.provided.data_dir)
    capabilities = providers.Singleton(capabilities_of, settings, offers)
    library = providers.Singleton(
        Library,
        store,
        providers.Object(compile_in_thread),
        plain_channels=providers.Singleton(plain_channels, capabilities),
    )
    engine = providers.Singleton(
        Engine,
        store=store,
        policy=settings.provided.policy,
        signal=signal,
        clock=clock,
        metrics=metrics,
        channels=channels,
        library=library,
        message_prices=settings.provided.money.message_prices,
    )
    refused = providers.Singleton(Refused, engine.provided.note, clock)
    language_model = providers.Singleton(
        Ladder, models, settings.provided.ladder, clock, metrics, providers.Object(asyncio.wait_for), refused
    )
    budget = providers.Singleton(Budget, store, settings.provided.money, clock, metrics, engine.provided.note)
    flows = providers.Singleton(
        FlowFolder,
        settings=settings.provided.flows,
        is_required=settings.provided.is_flow_folder_named,
        hosts=settings.provided.hosts,
        has_model=settings.provided.has_model,
        channels=capabilities,
        library=library,
        engine=engine,
        metrics=metrics,
        clock=clock,
        keeps=keeps_flows,
    )
    knowledge_folder = providers.Singleton(
        KnowledgeFolder,
        settings=settings.provided.knowledge_folder,
        knowledge=knowledge,
        engine=engine,
        metrics=metrics,
        clock=clock,
        keeps=keeps_flows,
    )
    calls = providers.Singleton(
        HostCalls,
        settings.provided.hosts,
        transport,
        clock,
        is_development=settings.provided.is_development,
    )
    perceptions = providers.Singleton(build_perceptions, offers.provided.perceptions, settings.provided.senses, tools)
    perceiving = providers.Singleton(
        Perceiving, perceptions, settings.provided.senses, media, clock, budget, refused=refused
    )
    failover = providers.Singleton(Failover, engine, settings.provided.standbys, clock, capabilities)
    performer = providers.Singleton(
        Performer,
        failover=failover,
        engine=engine,
        channels=channels,
        formers=formers,
        language_model=language_model,
        knowledge=knowledge,
        media=media,
        clock=clock,
        metrics=metrics,
        chance=random.random,
        sleep=asyncio.sleep,
        calls=calls,
        ladder=settings.provided.ladder,
        budget=budget,
        perceiving=perceiving,
    )
    worker = providers.Singleton(
        Worker, store=store, performer=performer, signal=signal, clock=clock, settings=settings.provided.worker
    )
    polling = providers.Singleton(Polling, engine, channels, signal, formers)
    health = providers.Singleton(
        Health,
        store=store,
        signal=signal,
        engine=engine,
        flows=flows,
        knowledge=knowledge_folder,
        models=language_model,
        budget=budget,
        metrics=metrics,
        clock=clock,
        settings=settings.provided.server,
    )
    api = providers.Singleton(
        Api,
        engine=engine,
        store=store,
        library=library,
        clock=clock,
        settings=settings.provided.api,
        server=settings.provided.server,
    )
    health_app = providers.Singleton(create_health_app, health)
    app = providers.Singleton(
        create_app,
        engine=engine,
        worker=worker,
        polling=polling,
        health=health,
        api=api,
        channels=channels,
        formers=formers,
        metrics=metrics,
        clock=clock,
        settings=settings.provided.server,
        resources=providers.List(http, store, signal, knowledge, language_model, perceiving, flows, knowledge_folder),
    )
