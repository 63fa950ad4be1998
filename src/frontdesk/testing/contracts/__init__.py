"""What every provider of a port promises, as test classes: subclass one, say how to build yours, inherit the rest.

The tests are coroutines and need pytest with the anyio plugin (`pytest.mark.anyio`, which comes with starlette's
dependencies); answer the fixture `anyio_backend` with "asyncio".
"""

from frontdesk.testing.contracts.archive import ArchiveContract
from frontdesk.testing.contracts.channel import ChannelContract, ScriptedVendor
from frontdesk.testing.contracts.knowledge import KnowledgeContract, KnowledgeIndexContract
from frontdesk.testing.contracts.language_model import LanguageModelContract
from frontdesk.testing.contracts.outbox import LEASE, POLICY, rules
from frontdesk.testing.contracts.perception import PerceptionContract
from frontdesk.testing.contracts.signal import SignalContract
from frontdesk.testing.contracts.store import StoreContract

__all__ = [
    "LEASE",
    "POLICY",
    "ArchiveContract",
    "ChannelContract",
    "KnowledgeContract",
    "KnowledgeIndexContract",
    "LanguageModelContract",
    "PerceptionContract",
    "ScriptedVendor",
    "SignalContract",
    "StoreContract",
    "rules",
]
