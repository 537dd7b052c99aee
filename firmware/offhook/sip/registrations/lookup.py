"""Which account a request from outside is for."""

from collections.abc import Mapping

from offhook.sip.events import Flow
from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import SipUri, TelUri, Uri, parse_uri
from offhook.sip.registrations.account import Account


def account_called(accounts: Mapping[str, Account], request: Request, flow: Flow) -> Account | None:
    """Return the account whose user the Request-URI names; where several have it, the one whose server speaks."""
    uri = request.uri
    user = uri.user if isinstance(uri, SipUri) else uri.digits if isinstance(uri, TelUri) else None
    ours = [account for account in accounts.values() if user is not None and user == account.user]
    ours.sort(key=lambda account: not account.is_server(flow.remote[0]))
    return ours[0] if ours else None


def target_uri(target: str, account: Account) -> Uri:
    """Return the URI that is meant by ``target``: digits or a name alone get the account's domain.

    Raises RemoteError for a text that is no URI.
    """
    if ":" not in target and "@" not in target:
        return SipUri("sip", target, None, account.uri.host, account.uri.port, (), ())
    return parse_uri(target)
