"""Transactions, their timers, next hops, and one request brought to its end (:rfc:`3261#section-17`, :rfc:`3263`)."""
