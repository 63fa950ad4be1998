"""What the service counts, in one registry a process. Names are part of the interface: dashboards hang on them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Every metric; `registry` is what `/metrics` shows. `number`: this process's among those that share a port."""

    def __init__(self, role: str = "all", number: int = 0) -> None:
        self.registry = CollectorRegistry()
        self.process = Info("frontdesk_process", "Which process answers: its role and number.", registry=self.registry)
        self.process.info({"role": role, "number": str(number)})
        self.webhooks = Counter(
            "frontdesk_webhooks", "Webhook requests by answer.", ["channel", "status"], registry=self.registry
        )
        self.webhook_seconds = Histogram(
            "frontdesk_webhook_seconds",
            "From the first byte to the durable answer.",
            registry=self.registry,
            buckets=_FAST,
        )
        self.events = Counter("frontdesk_events", "Events decided, by type.", ["type"], registry=self.registry)
        self.duplicates = Counter(
            "frontdesk_duplicates", "Events dropped as known or overtaken.", registry=self.registry
        )
        self.turns = Counter("frontdesk_turns", "Messages of contacts that were decided.", registry=self.registry)
        self.effects = Counter(
            "frontdesk_effects", "Effects performed, by kind and outcome.", ["kind", "outcome"], registry=self.registry
        )
        self.effect_seconds = Histogram(
            "frontdesk_effect_seconds", "Time to perform an effect.", ["kind"], registry=self.registry, buckets=_SLOW
        )
        self.lateness_seconds = Histogram(
            "frontdesk_lateness_seconds",
            "From an effect's due time to its start.",
            registry=self.registry,
            buckets=_SLOW,
        )
        self.dead_letters = Counter(
            "frontdesk_dead_letters", "Events on which the rules failed.", registry=self.registry
        )
        self.flows = Info("frontdesk_flows", "The version of the flows in force.", registry=self.registry)
        self.flow_reloads = Counter(
            "frontdesk_flow_reloads", "Changed flows that were read, by outcome.", ["outcome"], registry=self.registry
        )
        self.outbox = Gauge("frontdesk_outbox", "Effects not settled, by state.", ["state"], registry=self.registry)
        self.waiting_for_people = Gauge(
            "frontdesk_conversations_waiting", "Conversations in the queue for a person.", registry=self.registry
        )
        self.oldest_seconds = Gauge(
            "frontdesk_oldest_pending_seconds", "Age of the oldest effect that is due.", registry=self.registry
        )
        self.channel_paused = Gauge(
            "frontdesk_channel_paused", "1 while the account refuses us.", ["channel"], registry=self.registry
        )
        self.channel_rate = Gauge(
            "frontdesk_channel_rate", "Learned messages a second; 0: unlimited.", ["channel"], registry=self.registry
        )
        self._measure_models()
        self._measure_money()
        self._measure_knowledge()
        self.signal_connected = Gauge(
            "frontdesk_signal_connected", "0 while this process does not hear the others.", registry=self.registry
        )

    def _measure_models(self) -> None:
        self.model_calls = Counter(
            "frontdesk_model_calls",
            "Language models asked: answered, temporary, permanent, unknown.",
            ["backend", "model", "outcome"],
            registry=self.registry,
        )
        self.model_breaker = Gauge(
            "frontdesk_model_breaker",
            "1 while a language model is left out, 0.5 while it is probed.",
            ["backend", "model"],
            registry=self.registry,
        )

    def _measure_money(self) -> None:
        self.model_cost = Counter(
            "frontdesk_model_cost_usd",
            "What language models cost, estimates included.",
            ["backend", "model"],
            registry=self.registry,
        )
        self.calls_refused = Counter(
            "frontdesk_model_calls_refused", "Calls that a cap stood in the way of.", ["cap"], registry=self.registry
        )
        self.spent = Gauge(
            "frontdesk_spent_usd", "What language models cost this day or month.", ["period"], registry=self.registry
        )
        self.cap_reached = Gauge(
            "frontdesk_cap_reached", "1 while a cap keeps models from being asked.", ["cap"], registry=self.registry
        )

    def _measure_knowledge(self) -> None:
        self.knowledge_passages = Gauge(
            "frontdesk_knowledge_passages", "Passages that are searched.", registry=self.registry
        )
        self.knowledge_files = Gauge(
            "frontdesk_knowledge_files",
            "Files of the knowledge, by state: `used`, or `refused` as they are now.",
            ["state"],
            registry=self.registry,
        )
        self.knowledge_reads = Counter(
            "frontdesk_knowledge_reads",
            "Changed files of the knowledge, by what this process did: indexed, refused, removed.",
            ["outcome"],
            registry=self.registry,
        )
