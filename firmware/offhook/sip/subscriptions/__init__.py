"""Events (:rfc:`6665`): what we subscribe to, who tells us unasked, and what the packages' bodies mean."""
