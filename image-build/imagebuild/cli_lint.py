"""``./dev image --lint``: check what of the Raspberry Pi image can be checked without building it."""

from imagebuild.lint.tree import lint


def main() -> int:
    """Print each fault in a line; 1 where there is one."""
    faults = lint()
    for fault in faults:
        print(fault)
    print(f"image-build/rpi, boardconfig: {len(faults) or 'no'} faults")
    return 1 if faults else 0
