"""Dialogs and what goes on in them: INVITE both ways, the session that is up, its end (:rfc:`3261` 12 to 15)."""
