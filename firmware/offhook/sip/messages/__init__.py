"""Messages as bytes and as values: grammar, URIs, headers, parser, bodies, digest (:rfc:`3261` 7 and 25)."""
