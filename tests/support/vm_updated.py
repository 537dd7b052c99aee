"""A virtual phone with two slots, and what the boot firmware would start of it."""

import json

from imagebuild.guest import Guest
from offhook.device.boot.slots import Choice, choice_in, file_names

# The unit itself, with what it may and may not do; only where the bundle comes from is another.
DROP_IN = "/run/systemd/system/offhook-update.service.d"
BY_HAND = r"[Service]\nExecStart=\nExecStart=/usr/bin/offhook update --from %s\n"

# All that the host does beside it counts too: these are bounds, not figures.
BOOT_S, INSTALL_S, TRIAL_S = 900.0, 1800.0, 1200.0


class UpdatedPhone:
    """A virtual phone of version 1.0 that takes an update, and starts as the boot firmware would have it."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def start(self) -> None:
        """Start as the boot firmware would, until the phone answers."""
        self.guest.boot(BOOT_S)
        self.guest.wait_until_up(BOOT_S)

    def have_card(self) -> None:
        """Let the phone come up with its card."""
        self.guest.wait_until(lambda: self.status()["audio"]["state"] in ("open", "closed"), "card", 300, 2)  # type: ignore[index,call-overload]

    def commits(self, version: str) -> None:
        """Wait until the trial is committed to slot b."""
        self.guest.wait_for_agent(BOOT_S)
        record = self.wait_for_phase("committed")
        assert (record["slot"], record["version"], record["stage"]) == ("b", version, "steady")

    def update(self, name: str) -> None:
        """Install a variant from the stick; return when the machine has restarted into it, as far as its kernel."""
        self.guest.sh(f"mkdir -p {DROP_IN} && printf '{BY_HAND}' /run/stick/{name}.raucb > {DROP_IN}/by-hand.conf")
        self.guest.sh("systemctl daemon-reload && systemctl start --no-block offhook-update.service")
        self.tries()

    def tries(self) -> None:
        """Wait until an update is installed, and follow the machine into its trial, as far as its kernel."""
        assert self.guest.wait_for_end(INSTALL_S) == "reset"
        assert self.choice().primary == "a", "armed is not committed"
        self.guest.boot(BOOT_S, wait=False)
        assert self.guest.choice is not None
        assert self.guest.choice.tryboot
        assert "offhook.slot=b" in self.guest.choice.cmdline

    def choice(self) -> Choice:
        """What the boot firmware would start; the machine is off."""
        fat, scheme = self.guest.fat(), self.guest.facts.scheme
        return choice_in(scheme, {name: fat.read(1, name) or b"" for name in file_names(scheme)})

    def status(self) -> dict[str, object]:
        """The phone's status object."""
        done = self.guest.sh("offhook status --json", check=False)
        found: dict[str, object] = json.loads(done.out) if done.status == 0 else {"audio": {"state": ""}}
        return found

    def record(self) -> dict[str, object]:
        """What root remembers of the update; no phase while the data partition is not mounted yet."""
        done = self.guest.sh("cat /var/lib/offhook-device/update.json", check=False)
        found: dict[str, object] = json.loads(done.out) if done.status == 0 else {"phase": ""}
        return found

    def wait_for_phase(self, phase: str) -> dict[str, object]:
        """Wait until the update's phase is this; return the record."""
        self.guest.wait_until(lambda: self.record()["phase"] == phase, f"phase {phase}", TRIAL_S, 3)
        return self.record()

    def falls_back(self) -> dict[str, object]:
        """Wait for the end of a trial by itself; start what the firmware starts then, and return the record."""
        assert self.guest.wait_for_end(TRIAL_S) == "reset"
        assert self.choice() == Choice("a", "b")
        self.start()
        assert self.guest.choice is not None
        assert "offhook.slot=a" in self.guest.choice.cmdline
        record = self.wait_for_phase("failed")
        assert record["standing"] == {"a": "good", "b": "bad"}
        assert record["armed"] is None
        shown = self.guest.sh("offhook status").out
        assert str(record["reason"])[:40] in shown, shown
        return record
