"""``offhook schema``: the JSON Schema of the config file for editors, or its reference for people."""

import argparse
import json
import sys

from offhook.config.board_schema import BoardConfig
from offhook.config.export import json_schema
from offhook.config.reference import reference
from offhook.config.schema import Config


def main(args: argparse.Namespace) -> int:
    """Print the JSON Schema of the config file (``args.board``: board file), or (``args.markdown``) the reference."""
    if args.markdown:
        sys.stdout.write(reference())
    else:
        model = BoardConfig if args.board else Config
        json.dump(json_schema(model), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    return 0
