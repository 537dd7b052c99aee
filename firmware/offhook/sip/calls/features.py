"""What a call says that it can do, and what it refuses for lack of that (Supported, Require; 420, 421)."""

from offhook.sip.calls import reliable
from offhook.sip.calls.session_timer import Terms
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.account import Account
from offhook.sip.responses import Refusal
from offhook.sip.settings import AccountSettings


def limit_features(settings: AccountSettings | None, message: Request | Response) -> None:
    """Take out of Supported what the account has turned off."""
    if settings is None or settings.reliable != "off":
        return
    rest = [tag for tag in message.supported if tag != reliable.TAG]
    if rest:
        message.headers.set("Supported", ", ".join(rest))
    else:
        message.headers.remove("Supported")


def tags(message: Request | Response) -> set[str]:
    """Return every option tag that the sender knows, in lower case."""
    return {tag.lower() for tag in (*message.supported, *message.require)}


def invite_refusal(account: Account | None, invite: Request) -> Refusal | None:
    """Return why an INVITE cannot be taken by this account, None where it can."""
    settings = account.settings if account is not None else None
    mode = settings.reliable if settings is not None else "supported"
    if mode == "off" and reliable.TAG in (tag.lower() for tag in invite.require):
        return Refusal(420, "", (("Unsupported", reliable.TAG),))
    if mode == "required" and reliable.TAG not in tags(invite):
        return Refusal(421, "", (("Require", reliable.TAG),))
    return Terms.of(settings).refusal(invite)
