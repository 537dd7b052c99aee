"""What the handset's hook does with calls."""

from offhook.config.scalars import Truth
from offhook.config.section import Section


class Features(Section):
    """What a tap on the hook (flash, recall) and hanging up do with two calls. An emergency call heeds none of this."""

    second_call: Truth = True
    """A flash in a call puts it on hold and gives dial tone for another; a further flash goes from one to the other."""
    call_waiting: Truth = True
    """A call that comes during a call is announced by a tone, and a flash takes it. False: its caller hears busy."""
    transfer_on_hangup: Truth = False
    """Hanging up joins the two others where the second call was dialled here while the first was on hold. False: the
    one on hold rings back."""
