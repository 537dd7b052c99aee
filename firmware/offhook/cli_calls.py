"""``offhook call | answer | hangup | hold | resume | transfer | dtmf``: use a running phone from a shell."""

import re
import sys
from argparse import Namespace

from offhook.cli_control import EX_NOT_DONE, EX_OK, Control, complain, print_json
from offhook.errors import OffhookError

_CALL_ID = re.compile(r"[a-z][0-9]+")


def call(args: Namespace) -> int:
    """Place a call and wait: print its id at once; return 0 when it is answered, 1 with the cause when it is not."""
    try:
        with Control(args.control_socket) as phone:
            handle = str(phone.ask("call", number=args.number, account=args.account)["call"])
            if not args.json:
                print(handle, flush=True)
            outcome = phone.ask("outcome", patient=True, call=handle)
    except OffhookError as error:
        return complain(error)
    answered, status, reason = outcome.get("answered") is True, outcome.get("status"), outcome.get("reason")
    print_json(args, {"call": handle, "answered": answered, "status": status, "reason": reason})
    if not answered:
        print(f"offhook: {f'{status} ' if status else ''}{reason or 'no answer'}", file=sys.stderr)
    return EX_OK if answered else EX_NOT_DONE


def use(args: Namespace) -> int:
    """Do one thing with one call; with no call named, with the one that is meant."""
    handle, fields = args.call, {}
    words = getattr(args, "words", None)
    if words is not None:
        *first, last = words
        if len(first) > 1 or any(not _CALL_ID.fullmatch(word) for word in first):
            print(f"offhook: {args.verb} takes [CALL] {args.what}; `offhook status` shows the calls", file=sys.stderr)
            return 2
        handle, fields = next(iter(first), handle), {args.field: last}
    try:
        with Control(args.control_socket) as phone:
            answer = phone.ask(args.verb, patient=words is not None, call=handle, account=args.account, **fields)
    except OffhookError as error:
        return complain(error)
    print_json(args, answer)
    return EX_OK
