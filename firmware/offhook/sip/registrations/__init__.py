"""Accounts: who we are, our credentials, and the binding at the registrar (:rfc:`3261#section-10`)."""
