"""The vendors in a box: Meta's Cloud API and MSG91 on one account, with a phone, a ledger, faults; and OpenRouter.

For demos, tests and load tests. It speaks the vendor's language by itself and shares no code with the service, so
that a mistake of the service is not mirrored here.

Strict, as Meta is:

- versions, ids and tokens, with Meta's bodies and statuses for every refusal;
- each message's shape and every documented limit, in code points; a key that the reference lacks is refused, which
  is stricter than Meta at the top of the body;
- `to` without a `+` gets the business's country code put in front, and then the message reaches somebody else;
- the speed limits per number (130429) and per contact (131056), the 24 h window (131047), templates and parameters;
- webhooks are signed over Meta's own bytes (`\\uXXXX`, `\\/`), leave concurrently, and are repeated with growing gaps
  until a 200 and nothing else; a status carries the callback data of its message;
- files: kinds and sizes, the token once more for the bytes, addresses that go stale.

Of MSG91, whose documents say less: both doors for messages (with its refusals under HTTP 200), webhooks made from the
operator's template, reports, the log, files at public addresses. Both vendors take messages at any time; customers'
messages come by the one that `vendor` names, and that can be changed under way.

Not strict, or not there:

- links are not fetched, so a bad one never fails; contents are not looked into (codec, pixels, pages);
- every number is on WhatsApp unless its profile says `is_reachable: false`;
- groups are accepted and ledgered, but nothing arrives and no status follows;
- no quality rating, spam limit, messaging tier, price list, calls, flow builder, or template creation;
- everything is in memory: stopping the emulator is the end of its world.

`create_emulator(EmulatorOptions(callback_url=…))` is an ASGI application; `Emulator` gives the same as routes and a
lifespan. Behind the stage, all JSON:

    GET    /_emulator/ledger?since=SEQ      accepted messages of the business, in order
    GET    /_emulator/inbound?since=SEQ     messages of customers; delivered_at is the time of the service's 200
    GET    /_emulator/rejected?since=SEQ    refused calls
    GET    /_emulator/webhooks              how the deliveries stand
    GET    /_emulator/completions?since=SEQ what language models were asked, see `openrouter`
    POST   /_emulator/answers               what they say, see `openrouter.Scripted`
    GET|POST|DELETE /_emulator/faults[?id=] rules of trouble, see `faults.Rule`
    POST   /_emulator/reset                 back to the beginning
    PUT    /_emulator/vendor                by whom customers' messages come: {"vendor": "meta"} or "msg91"
    POST   /_emulator/verify                the handshake of the callback URL
    GET|PUT /_emulator/contacts/{phone}     name, username, user_id, shows_phone, is_reachable
    POST   /_emulator/contacts/{phone}/messages[?wait=1]   a customer writes, see `customers.Utterance`
    GET    /_emulator/contacts/{phone}/messages            the chat as the customer sees it
    POST   /_emulator/contacts/{phone}/read                the customer looks at it
    GET    /_emulator/contacts/{phone}/events              server-sent: message, status, typing
    GET    /phone?phone=15550100777         the phone as a page
    GET|POST /_shop/…                       the system of the sample shop, which its flows call, see `shop`
"""

from frontdesk.emulator.app import Emulator, create_emulator
from frontdesk.emulator.options import EmulatorOptions

__all__ = ["Emulator", "EmulatorOptions", "create_emulator"]
