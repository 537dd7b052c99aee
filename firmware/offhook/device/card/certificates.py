"""Whether certificates from a boot file can be used."""


def check_certificates(text: str) -> None:
    """Raise ValueError where OpenSSL cannot read all certificates of a PEM text."""
    import ssl  # no start but one with a new boot file needs it

    from offhook.config.boot_schema import certificates

    pem = certificates(text)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise ValueError("is no whole certificate: copy all lines of the .pem file again") from None
