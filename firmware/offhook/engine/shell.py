"""The asyncio shell around a sans-IO :class:`offhook.sip.endpoint.Endpoint`: sockets below, one timer beside.

After every input: events are handed up, bytes are sent, and one ``call_at`` is armed for the endpoint's deadline.
This is the top of the SIP side: a fault of the program's own while one message or event is handled goes into the log
and costs that message or that call; every other call and all timers go on.

::

    datagram / stream --> receive() --+                +--> on_event(event)
    ICMP, refused ------> send_failed +--> Endpoint ---+--> SipTransport.send
    call_at ------------> tick() -----+                +--> call_at(deadline())
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from offhook.engine.dns_client import NoSuchName
from offhook.engine.netlink import NetworkState
from offhook.engine.network import NetworkWatch
from offhook.engine.resolver import Resolver
from offhook.engine.tls import TlsSettings
from offhook.engine.transport import SipTransport, TlsListen
from offhook.errors import NetworkError
from offhook.sip import events as sip
from offhook.sip.endpoint import Endpoint
from offhook.sip.events import Address, CloseFlow, Event, Flow, Lookup, Transport
from offhook.sip.settings import EndpointSettings

_log = logging.getLogger(__name__)
_SERVER_ERROR = 500
_RECHECK_S = 10.0


class EndpointShell:
    """Runs one endpoint on the running loop.

    ``on_event`` gets every event but :class:`Lookup` and :class:`CloseFlow`, which are answered here. Call
    :meth:`pump` after calling any of the endpoint's own methods.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        random: Callable[[int], bytes],
        on_event: Callable[[Event], None],
        resolver: Resolver,
        tls: Mapping[str, TlsSettings] | None = None,
        tls_listen: TlsListen | None = None,
    ) -> None:
        self.transport = SipTransport(self, tls, tls_listen)
        self.endpoint = Endpoint(settings, random, self.transport.local_address)
        self._on_event = on_event
        self._resolver = resolver
        self._timer: asyncio.TimerHandle | None = None
        self._recheck_timer: asyncio.TimerHandle | None = None
        self._watch: NetworkWatch | None = None
        self._lookups: set[asyncio.Task[None]] = set()
        self._pumping = False
        self._closed = False

    def now(self) -> float:
        """Return the loop's time: the only clock that the endpoint sees."""
        return asyncio.get_running_loop().time()

    async def open(self, ip: str, port: int) -> None:
        """Bind the sockets. Raises NetworkError."""
        await self.transport.open(ip, port)

    def watch_network(self, on_change: Callable[[NetworkState], None]) -> None:
        """Tell when addresses, links or routes have changed, until :meth:`close`."""
        self._watch = NetworkWatch(on_change)
        self._watch.start()

    def pump(self) -> None:
        """Hand up events, send what is due and arm the timer."""
        if self._pumping or self._closed:
            return  # an event handler called the endpoint: the loop below takes up what came of it
        self._pumping = True
        try:
            while True:
                sent = self.endpoint.to_send(self.now())
                for item in sent:
                    self.transport.send(item)
                event = self.endpoint.next_event()
                if event is None and not sent:
                    break
                if event is not None:
                    self._dispatch(event)
        finally:
            self._pumping = False
            self._arm()

    async def close(self) -> None:
        """Stop timers and lookups and release the sockets; what the endpoint still wanted is not sent."""
        self._closed = True
        self._disarm()
        if self._recheck_timer is not None:
            self._recheck_timer.cancel()
        if self._watch is not None:
            self._watch.close()
        for task in self._lookups:
            task.cancel()
        await self.transport.close()

    def received(self, data: bytes, flow: Flow) -> None:
        """See :class:`offhook.engine.transport.TransportReceiver`."""
        self._enter(lambda now: self.endpoint.receive(data, flow, now))

    def opened(self, flow: Flow) -> None:
        """See :class:`offhook.engine.transport.TransportReceiver`."""
        if flow.transport == "tls" and self._recheck_timer is None:
            self._recheck(self.transport.security.knows_time)
        self._enter(lambda now: self.endpoint.flow_opened(flow, now))

    def closed(self, flow: Flow) -> None:
        """See :class:`offhook.engine.transport.TransportReceiver`."""
        self._enter(lambda now: self.endpoint.flow_closed(flow, now))

    def failed(self, transport: Transport, remote: Address, reason: str) -> None:
        """See :class:`offhook.engine.transport.TransportReceiver`."""
        self._enter(lambda now: self.endpoint.send_failed(transport, remote, reason, now))

    def _recheck(self, knew_time: bool) -> None:
        """Judge TLS connections again that were accepted before the time was known, or in an emergency."""
        self.transport.recheck()
        knows = self.transport.security.knows_time
        if knows and not knew_time:
            self._enter(self.endpoint.retry)
        self._recheck_timer = asyncio.get_running_loop().call_later(_RECHECK_S, self._recheck, knows)

    def _enter(self, work: Callable[[float], None]) -> None:
        """Let one thing into the endpoint, then pump: whatever came of it, timers are armed again."""
        try:
            work(self.now())
        except Exception:
            _log.exception("the SIP endpoint failed at one input; it goes on with the next")
        self.pump()

    def _dispatch(self, event: Event) -> None:
        match event:
            case Lookup():
                task = asyncio.get_running_loop().create_task(self._look_up(event))
                self._lookups.add(task)
                task.add_done_callback(self._lookups.discard)
            case CloseFlow(flow):
                self.transport.close_flow(flow)
            case _:
                self._hand_up(event)

    def _hand_up(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            _log.exception("the phone failed at an event of the SIP endpoint: %s", type(event).__name__)
            self._give_up(event)

    def _give_up(self, event: Event) -> None:
        """Leave nobody waiting for what the failed handler of ``event`` should have said."""
        now = self.now()
        match event:
            case sip.RequestReceived(key):
                self.endpoint.respond(key, _SERVER_ERROR, "", now)
            case sip.CallReoffer(call):
                self.endpoint.reject_reoffer(call, _SERVER_ERROR, now)  # the call stands as it was
            case sip.IncomingCall(call) | sip.CallProgress(call) | sip.CallAccepted(call):
                self.endpoint.reject(call, _SERVER_ERROR, "", now)
                self.endpoint.hang_up(call, now)
                self._hand_up(sip.CallOver(call, "this phone failed at the call"))
            case _:
                pass

    async def _look_up(self, lookup: Lookup) -> None:
        try:
            found = await self._resolver.resolve(
                lookup.host, lookup.port, lookup.transport, lookup.secure, self._sends_from()
            )
        except NoSuchName as error:
            reason, ttl = str(error), error.ttl
            self._enter(lambda now: self.endpoint.unresolvable(lookup.key, reason, now, ttl))
        except NetworkError as error:
            reason = str(error)
            self._enter(lambda now: self.endpoint.unresolvable(lookup.key, reason, now))
        except Exception:
            _log.exception("looking up %s failed", lookup.host)
            self._enter(lambda now: self.endpoint.unresolvable(lookup.key, "the lookup failed", now))
        else:
            self._enter(lambda now: self.endpoint.resolved(lookup.key, list(found.targets), now, found.ttl))

    def _sends_from(self) -> str:
        """Return the address that the sockets are bound to, ``::`` where they serve both families."""
        return self.transport.udp[0]

    def _arm(self) -> None:
        deadline = self.endpoint.deadline()
        if self._timer is not None and self._timer.when() == deadline:
            return
        self._disarm()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self._enter(self.endpoint.tick)
