"""SIP torture messages: the 49 features and faults of RFC 4475 and the 12 of RFC 5118, in messages of our own.

Each case keeps the case name of its RFC and the one thing that it is about; people, hosts and numbers are ours.
``error`` is the status that the parser's RemoteError carries (0: drop silently), None where the message must parse.
``on_wire`` are the statuses of which a phone that owns the user ``2044`` must give one, over UDP, as its first
response; empty: it must stay silent. ``tolerated`` are further ones that a phone may give for good reasons, such as
letting a harmless fault pass.
"""

from dataclasses import dataclass

RINGS = (100, 180)
REFUSED_METHOD = (405, 501)


@dataclass(frozen=True, slots=True)
class Case:
    """One message and what becomes of it."""

    name: str
    source: str
    data: bytes
    error: int | None = None
    on_wire: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = ()


def sdp(*lines: str, address: str = "IN IP4 203.0.113.7") -> bytes:
    """A session description; without ``lines`` one audio and one video stream."""
    head = ("v=0", f"o=anna 1077 1078 {address}", "s=-", f"c={address}", "t=0 0")
    media = lines or ("m=audio 41000 RTP/AVP 0 12", "m=video 41002 RTP/AVP 31", "a=rtpmap:31 LPC")
    return "".join(f"{line}\r\n" for line in (*head, *media)).encode()


SDP = sdp()


def message(*lines: str, body: bytes = b"", length: str | None = "Content-Length") -> bytes:
    """Join a start line and header lines; ``length`` is how to write the name of Content-Length, None: leave it out."""
    head = [*lines]
    if length is not None:
        head.append(f"{length}: {len(body)}")
    return "".join(f"{line}\r\n" for line in head).encode("utf-8", "surrogateescape") + b"\r\n" + body


def request(
    method: str = "INVITE",
    uri: str = "sip:2044@phone.test",
    *extra: str,
    start: str | None = None,
    via: str | None = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKanna1",
    to: str | None = "sip:2044@phone.test",
    from_: str | None = "sip:anna@exchange.test;tag=a7",
    call_id: str | None = "call-77@exchange.test",
    cseq: str | None = "8",
    max_forwards: str | None = "70",
    body: bytes = b"",
    length: str | None = "Content-Length",
) -> bytes:
    """A request with usual headers; each can be replaced, or left out with None. ``cseq`` alone gets the method."""
    lines = [start or f"{method} {uri} SIP/2.0"]
    if cseq is not None and " " not in cseq:
        cseq = f"{cseq} {method}"
    usual = (("Via", via), ("To", to), ("From", from_), ("Call-ID", call_id), ("CSeq", cseq))
    lines += [f"{name}: {value}" for name, value in (*usual, ("Max-Forwards", max_forwards)) if value is not None]
    if body and not any(line.lower().startswith(("content-type", "c:")) for line in extra):
        lines.append("Content-Type: application/sdp")
    if method == "INVITE" and not any(line.lower().startswith(("contact", "m:")) for line in extra):
        lines.append("Contact: <sip:anna@desk.exchange.test>")
    return message(*lines, *extra, body=body, length=length)


def response(
    start: str,
    *extra: str,
    via: str = "SIP/2.0/UDP 203.0.113.44;branch=z9hG4bKown",
    cseq: str = "35 INVITE",
    body: bytes = b"",
) -> bytes:
    """A response with usual headers."""
    usual = ("From: <sip:2044@phone.test>;tag=f1", "To: <sip:anna@exchange.test>;tag=t2", "Call-ID: answer-9")
    return message(start, f"Via: {via}", *usual, f"CSeq: {cseq}", *extra, body=body)


ODD_METHOD = "!strange-Method9876543210_*+`.%not'known~"
ODD_USER = "9_odd.user~(is-it!so)&won't+it$/maybe?,/;;*"
ODD_PASSWORD = "&has+it=2,odd!*pass$w~rd_also.(won't-it)"
LONG = "ever" * 30
PIECE = b"\x30\x82\x01\x52\x06\x09\x00\xff\n\x00half a line\n\x80\xfe--not-the-edge\r\n\x00"

_WSINV = (
    "INVITE sip:2044@phone.test;surprise SIP/2.0",
    "TO :\r\n sip:2044@phone.test ;   tag    = 55501818n",
    'from   : "A Bell \\\\\\""       <sip:bell@exchange.test>\r\n  ;\r\n  tag = 77bell7',
    "MaX-fOrWaRdS: 0068",
    "Call-ID: folded.77@203.0.113.7",
    "cseq: 0009\r\n  INVITE",
    "Via  : SIP  /   2.0\r\n /UDP\r\n    203.0.113.2;branch=77folded",
    "s :",
    "BrandNewHeader:   brand new value\r\n that goes on here",
    "StrangeHeader: ;;,,;;,;",
    "Content-Type: application/sdp",
    "Route:\r\n <sip:gate.exchange.test;lr;odd=value;odd-without>",
    "v:  SIP  / 2.0  / TCP     loom.exchange.test   ;\r\n  branch  =   z9hG4bK9loom9  ,"
    "\r\n SIP  /    2.0   / UDP  198.51.100.111   ; branch=\r\n z9hG4bK30300",
    'm:"Quoted with \\"\\"" <sip:bell@exchange.test> ; fresh =\r\n      value ;\r\n  another ; q = 0.33',
)
_LONG_VIAS = tuple(
    f"{name}: SIP/2.0/TCP hop{34 - i}.exchange.test"
    for i, name in enumerate(("Via", "v", "V", "ViA", "VIA", "via", "V ", "v  ", "Via  ") + ("Via",) * 24)
)
_PARTS = (
    b"--edge77\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nGood day\r\n"
    b"--edge77\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    + PIECE
    + b"\r\n--edge77--\r\n"
)

VALID = (
    Case("wsinv", "RFC 4475 3.1.1.1", message(*_WSINV, body=SDP, length="Content-Length   "), None, (481,), RINGS),
    Case(
        "intmeth",
        "RFC 4475 3.1.1.2",
        request(
            ODD_METHOD,
            f"sip:{ODD_USER}:{ODD_PASSWORD}@phone.test",
            "oddHeader-!.%*+_`'~: \ufeff電話",
            to=f'"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:{ODD_USER}@phone.test>',
            from_="word1~` word2'+_ word3*%!.- <sip:plain@exchange.test>;fromOdd''~+*_!.-%=\"телефон\""
            ";tag=_word~1'+`*%!-.",
            call_id="odd.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            max_forwards="255",
        ),
        None,
        (501,),
        (405,),
    ),
    Case(
        "esc01",
        "RFC 4475 3.1.1.3",
        request(
            "INVITE",
            "sip:sips%3A2044%40exchange.test@phone.test",
            "Contact:\r\n  <sip:ann%61@desk.exchange.test;%6C%72;w%61y=p%61st%25%34%31>",
            to="sip:%32044@phone.test",
            from_="<sip:with%20a%20blank@exchange.test>;tag=93",
            body=SDP,
        ),
        None,
        (404,),
        RINGS,
    ),
    Case(
        "escnull",
        "RFC 4475 3.1.1.4",
        request(
            "REGISTER",
            "sip:phone.test",
            "Contact: <sip:%00@desk.exchange.test>",
            "Contact: <sip:%00%00@desk.exchange.test>",
            to="sip:nil-%00-nil@phone.test",
            from_="sip:nil-%00-nil@phone.test;tag=83",
            length="L",
        ),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "esc02",
        "RFC 4475 3.1.1.5",
        request(
            "RE%47IST%45R",
            "sip:phone.test",
            "Contact: <sip:one@desk.exchange.test>",
            "C%6Fntact: <sip:two@desk.exchange.test>",
            "Contact: <sip:three@desk.exchange.test>",
            to='"%Q%45" <sip:thing@phone.test>',
            from_='"%Q%45" <sip:thing@phone.test>;tag=f23',
            via="SIP/2.0/TCP desk.exchange.test;branch=z9hG4bK77%fanna",
        ),
        None,
        (501,),
        (405,),
    ),
    Case("lwsdisp", "RFC 4475 3.1.1.6", request("OPTIONS", from_="anna<sip:anna@exchange.test>;tag=3"), None, (200,)),
    Case(
        "longreq",
        "RFC 4475 3.1.1.7",
        message(
            "INVITE sip:2044@phone.test SIP/2.0",
            f'To: "I was called for {LONG} and a day"<sip:2044@phone.test:6000;a={LONG};{LONG}=b;c={LONG}>',
            f"F: sip:{LONG}@exchange.test;tag={'129' * 30};mine={LONG};{LONG}=yours;{LONG}",
            f"Call-ID: {LONG}",
            "CSeq: 3882 INVITE",
            f"Odd-{LONG}-Name: {LONG}; {LONG}; {LONG}={LONG}",
            *_LONG_VIAS,
            f"Via: SIP/2.0/TCP desk.exchange.test;received=203.0.113.7;branch={LONG * 2}",
            "Max-Forwards: 70",
            f"Contact: <sip:{LONG}@desk.exchange.test>",
            "Content-Type: application/sdp",
            body=SDP,
            length="l",
        ),
        None,
        RINGS,
    ),
    Case(
        "dblreq",
        "RFC 4475 3.1.1.8",
        request("REGISTER", "sip:phone.test", "Contact: sip:anna@desk.exchange.test")
        + b"\r\n"
        + request(
            "INVITE", "sip:2044@phone.test", call_id="second-78@exchange.test", body=sdp("m =video 41002 RTP/AVP 31")
        ),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "semiuri",
        "RFC 4475 3.1.1.9",
        request(
            "OPTIONS",
            "sip:2044;way=u%40exchange.test@phone.test",
            "Accept: application/sdp, application/pkcs7-mime,\r\n        multipart/mixed,\r\n        message/sipfrag",
        ),
        None,
        (200, 404),
    ),
    Case(
        "transports",
        "RFC 4475 3.1.1.10",
        request(
            "OPTIONS",
            "sip:2044@phone.test",
            "Via: SIP/2.0/SCTP t2.exchange.test;branch=z9hG4bKt2",
            "Via: SIP/2.0/TLS t3.exchange.test;branch=z9hG4bKt3",
            "Via: SIP/2.0/PIGEON t4.exchange.test;branch=z9hG4bKt4",
            "Via: SIP/2.0/TCP t5.exchange.test;branch=z9hG4bKt5",
        ),
        None,
        (200,),
    ),
    Case(
        "mpart01",
        "RFC 4475 3.1.1.11",
        request(
            "MESSAGE",
            "sip:2044@phone.test",
            "Identity: c2lnbmVkIGJ5IG5vYm9keQ==",
            "Content-Transfer-Encoding: binary",
            "Content-Type: multipart/mixed;boundary=edge77",
            "Route: <sip:203.0.113.9:5080>",
            via="SIP/2.0/UDP 203.0.113.7:5070;branch=z9hG4bK-d8-1--d8-;rport",
            body=_PARTS,
        ),
        None,
        REFUSED_METHOD,
        (200, 403, 415),  # 403: texts are taken from an account's own server
    ),
    Case(
        "unreason",
        "RFC 4475 3.1.1.12",
        response(
            "SIP/2.0 200 = 3**4 + 119 восемьдесят один",
            "Contact: <sip:anna@desk.exchange.test>",
            "Content-Type: application/sdp",
            body=SDP,
        ),
    ),
    Case("noreason", "RFC 4475 3.1.1.13", response("SIP/2.0 100 ", "Contact: <sip:anna@desk.exchange.test>")),
)

INVALID = (
    Case(
        "badinv01",
        "RFC 4475 3.1.2.1",
        request(
            "INVITE",
            "sip:2044@phone.test",
            'Contact: "Anna" <sip:anna@exchange.test>;;;;',
            via="SIP/2.0/UDP 203.0.113.15;;,;,,",
            body=SDP,
        ),
        400,
        (400,),
        RINGS,
    ),
    Case(
        "clerr",
        "RFC 4475 3.1.2.2",
        request("INVITE", "sip:2044@phone.test", "Content-Length: 9999", body=SDP, length=None),
        400,
        (400,),
    ),
    Case(
        "ncl",
        "RFC 4475 3.1.2.3",
        request(
            "INVITE", "sip:2044@phone.test", "Content-Length: -999", body=SDP, length=None, max_forwards="254", cseq="0"
        ),
        400,
        (400,),
    ),
    Case(
        "scalar02",
        "RFC 4475 3.1.2.4",
        request(
            "REGISTER",
            "sip:phone.test",
            "Expires: 1" + "0" * 100,
            "Contact: <sip:anna@desk.exchange.test>\r\n  ;expires=280297596632815",
            cseq="36893488147419103232",
            max_forwards="300",
        ),
        400,
        (400,),
        REFUSED_METHOD,
    ),
    Case(
        "scalarlg",
        "RFC 4475 3.1.2.5",
        response(
            "SIP/2.0 503 Service Unavailable",
            "Retry-After: 949302838503028349304023988",
            'Warning: 1812 piano "In Tune"',
            cseq="9292394834772304023312 OPTIONS",
        ),
        0,
    ),
    Case("quotbal", "RFC 4475 3.1.2.6", request(to='"Mrs. A. Bell <sip:2044@phone.test>', body=SDP), 400, (400,)),
    Case("ltgtruri", "RFC 4475 3.1.2.7", request("INVITE", "<sip:2044@phone.test>", body=SDP), 400, (400,), RINGS),
    Case(
        "lwsruri",
        "RFC 4475 3.1.2.8",
        request("INVITE", "sip:2044@phone.test; lr", body=SDP, to="sip:2044@phone.test;tag=3x"),
        400,
        (400,),
    ),
    Case(
        "lwsstart",
        "RFC 4475 3.1.2.9",
        request(start="INVITE  sip:2044@phone.test  SIP/2.0", body=SDP),
        400,
        (400,),
        RINGS,
    ),
    Case(
        "trws",
        "RFC 4475 3.1.2.10",
        request("OPTIONS", start="OPTIONS sip:2044@phone.test SIP/2.0  "),
        400,
        (400,),
        (200,),
    ),
    Case(
        "escruri",
        "RFC 4475 3.1.2.11",
        request("INVITE", "sip:2044@phone.test?Route=%3Csip:phone.test%3E", body=SDP),
        400,
        (400,),
        RINGS,
    ),
    Case(
        "baddate",
        "RFC 4475 3.1.2.12",
        request("INVITE", "sip:2044@phone.test", "Date: Fri, 01 Jan 2027 16:00:00 EST", body=SDP),
        None,
        RINGS,
        (400,),
    ),
    Case(
        "regbadct",
        "RFC 4475 3.1.2.13",
        request("REGISTER", "sip:phone.test", "Contact: sip:anna@exchange.test?Route=%3Csip:gate.exchange.test%3E"),
        400,
        (400, 405),
    ),
    Case(
        "badaspec",
        "RFC 4475 3.1.2.14",
        request("OPTIONS", to='"Bell, Anna" < sip:2044@phone.test >'),
        400,
        (400,),
        (200,),
    ),
    Case(
        "baddn",
        "RFC 4475 3.1.2.15",
        request("OPTIONS", from_="Bell, Anna <sip:anna@exchange.test>;tag=43", to="Watson, Tom <sip:2044@phone.test>"),
        400,
        (400,),
        (200,),
    ),
    Case(
        "badvers",
        "RFC 4475 3.1.2.16",
        request(
            start="OPTIONS sip:2044@phone.test SIP/7.0",
            cseq="1 OPTIONS",
            via="SIP/7.0/UDP desk.exchange.test;branch=z9hG4bKv7",
        ),
        505,
        (505,),
    ),
    Case("mismatch01", "RFC 4475 3.1.2.17", request("OPTIONS", cseq="8 INVITE"), 400, (400,)),
    Case("mismatch02", "RFC 4475 3.1.2.18", request("BRANDNEW", cseq="8 INVITE", body=SDP), 501, (501, 400)),
    Case("bigcode", "RFC 4475 3.1.2.19", response("SIP/2.0 4294967301 mind the overflow"), 0),
)

LATER_LAYERS = (
    Case(
        "badbranch",
        "RFC 4475 3.2.1",
        request("OPTIONS", via="SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK"),
        None,
        (200,),
        (400,),
    ),
    Case(
        "insuf", "RFC 4475 3.3.1", request(to=None, from_=None, call_id=None, max_forwards=None, body=SDP), 400, (400,)
    ),
    Case("unkscm", "RFC 4475 3.3.2", request("OPTIONS", "nobodyHasThisScheme:opaque-all-of-it"), None, (416,)),
    Case("novelsc", "RFC 4475 3.3.3", request("OPTIONS", "soap.beep://203.0.113.103:3002"), None, (416,)),
    Case(
        "unksm2",
        "RFC 4475 3.3.4",
        request(
            "REGISTER",
            "sip:phone.test",
            "Contact: <name:Anna_Bell>",
            to="isbn:9780131103627",
            from_="<http://www.exchange.test>;tag=32",
        ),
        None,
        REFUSED_METHOD,
        (400,),
    ),
    Case(
        "bext01",
        "RFC 4475 3.3.5",
        request(
            "OPTIONS",
            "sip:2044@phone.test",
            "Require: nobodyHasThis, norThisEither",
            "Proxy-Require: noProxyHasThis, norThatOne",
        ),
        None,
        (420,),
    ),
    Case(
        "invut",
        "RFC 4475 3.3.6",
        request(
            "INVITE",
            "sip:2044@phone.test",
            "Content-Type: application/oddformat",
            body=b'<sound>\r\n <pcmu port="443"/>\r\n</sound>\r\n',
        ),
        None,
        (415,),
    ),
    Case(
        "regaut01",
        "RFC 4475 3.3.7",
        request("REGISTER", "sip:phone.test", "Authorization: NobodyHasThisScheme opaque-data=here"),
        None,
        REFUSED_METHOD,
        (401,),
    ),
    Case(
        "multi01",
        "RFC 4475 3.3.8",
        request(
            "INVITE",
            "sip:2044@phone.test",
            "CSeq: 59 INVITE",
            "Call-ID: other-call",
            "To: sip:2045@phone.test",
            "From: sip:anna@exchange.test;tag=29",
            "Max-Forwards: 5",
            "Contact: <sip:anna@hall.exchange.test>",
            body=SDP,
        ),
        400,
        (400,),
    ),
    Case(
        "mcl01",
        "RFC 4475 3.3.9",
        request(
            "OPTIONS",
            "sip:2044@phone.test",
            "Content-Length: 13",
            "Content-Length: 5",
            "Content-Type: text/plain",
            body=b"Nobody can tell where this ends.\r\n\r\n",
            length=None,
        ),
        400,
        (400,),
    ),
    Case(
        "bcast",
        "RFC 4475 3.3.10",
        response(
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1all",
            "Contact: <sip:anna@desk.exchange.test>",
            "Content-Type: application/sdp",
            body=SDP,
        ),
    ),
    Case("zeromf", "RFC 4475 3.3.11", request("OPTIONS", max_forwards="0"), None, (200,)),
    Case(
        "cparam01",
        "RFC 4475 3.3.12",
        request("REGISTER", "sip:phone.test", "Contact: sip:+4512345678@gate.exchange.test;oddparam", length="l"),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "cparam02",
        "RFC 4475 3.3.13",
        request("REGISTER", "sip:phone.test", "Contact: <sip:+4512345678@gate.exchange.test;oddparam>", length="l"),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "regescrt",
        "RFC 4475 3.3.14",
        request(
            "REGISTER", "sip:phone.test", "M: <sip:anna@exchange.test?Route=%3Csip:gate.exchange.test%3E>", length="L"
        ),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "sdp01",
        "RFC 4475 3.3.15",
        request("INVITE", "sip:2044@phone.test", "Accept: text/nobodyReadsThis", body=SDP),
        None,
        (406, 400),
        RINGS,
    ),
    Case(
        "inv2543",
        "RFC 4475 3.4.1",
        request(
            "INVITE",
            "sip:2044@phone.test",
            "Record-Route: <sip:2044@phone.test;maddr=gate.exchange.test>",
            via="SIP/2.0/UDP gate.exchange.test",
            from_="<sip:+4512345678@desk.exchange.test;user=phone>",
            to="sip:+4587654321@phone.test;user=phone",
            max_forwards=None,
            body=sdp("m=audio 41000 RTP/AVP 0"),
            length=None,
        ),
        None,
        RINGS,
    ),
)

_V6 = "SIP/2.0/UDP [2001:db8::7:1];branch=z9hG4bKsix"
_V6_CONTACT = 'Contact: "Anna" <sip:anna@[2001:db8::7]>'
_SPEECH_AND_PICTURE = (
    "m=audio 41000 RTP/AVP 2",
    "a=rtpmap:2 G726-32/8000",
    "m=video 41002 RTP/AVP 107",
    "a=rtpmap:107 H263-1998/90000",
)

IPV6 = (
    Case(
        "ipv6-good",
        "RFC 5118 4.1",
        request("REGISTER", "sip:[2001:db8::44]", _V6_CONTACT, via=_V6),
        None,
        REFUSED_METHOD,
    ),
    Case("ipv6-bad", "RFC 5118 4.2", request("REGISTER", "sip:2001:db8::44", _V6_CONTACT, via=_V6), 400, (400,)),
    Case(
        "port-ambiguous",
        "RFC 5118 4.3",
        request("REGISTER", "sip:[2001:db8::44:5070]", _V6_CONTACT, via=_V6),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "port-unambiguous",
        "RFC 5118 4.4",
        request("REGISTER", "sip:[2001:db8::44]:5070", _V6_CONTACT, via=_V6),
        None,
        REFUSED_METHOD,
    ),
    Case(
        "via-received-param-with-delim",
        "RFC 5118 4.5",
        request(
            "BYE",
            "sip:[2001:db8::44]",
            via="SIP/2.0/UDP [2001:db8::7:1];received=[2001:db8::7:255];branch=z9hG4bKsix",
            to="sip:2044@phone.test;tag=bd",
        ),
        None,
        (481,),
    ),
    Case(
        "via-received-param-no-delim",
        "RFC 5118 4.5",
        request(
            "OPTIONS",
            "sip:[2001:db8::44]",
            _V6_CONTACT,
            via="SIP/2.0/UDP [2001:db8::7:1];received=2001:db8::7:255;branch=z9hG4bKsix",
        ),
        None,
        (200,),
        (404,),
    ),
    Case(
        "ipv6-in-sdp",
        "RFC 5118 4.6",
        request(
            "INVITE",
            "sip:2044@[2001:db8::44]",
            _V6_CONTACT,
            via=_V6,
            body=sdp(*_SPEECH_AND_PICTURE, address="IN IP6 2001:db8::7"),
        ),
        None,
        (*RINGS, 488),
    ),
    Case(
        "mult-ip-in-header",
        "RFC 5118 4.7",
        request(
            "BYE",
            "sip:2044@phone.test",
            "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKfour",
            "Via: SIP/2.0/TCP [2001:db8::7:255];branch=z9hG4bK451;received=203.0.113.200",
            via="SIP/2.0/UDP [2001:db8::7:1]:6050;branch=z9hG4bKsix",
            to="sip:2044@phone.test;tag=98--94",
        ),
        None,
        (481,),
    ),
    Case(
        "mult-ip-in-sdp",
        "RFC 5118 4.8",
        request(
            "INVITE",
            "sip:2044@[2001:db8::44]",
            _V6_CONTACT,
            via=_V6,
            body=b"v=0\r\no=anna 2807 2897 IN IP4 desk.exchange.test\r\ns=\r\nt=0 0\r\nm=audio 41000 RTP/AVP 0\r\n"
            b"c=IN IP4 203.0.113.7\r\nm=video 41002 RTP/AVP 107\r\nc=IN IP6 2001:db8::7\r\n"
            b"a=rtpmap:107 H263-1998/90000\r\n",
        ),
        None,
        RINGS,
    ),
    Case(
        "ipv4-mapped-ipv6",
        "RFC 5118 4.9",
        request(
            "INVITE",
            "sip:2044@phone.test",
            "Via: SIP/2.0/UDP [::ffff:203.0.113.2];branch=z9hG4bKtwo",
            'Contact: "Desk" <sip:anna@[::ffff:203.0.113.2]>',
            via="SIP/2.0/UDP [::ffff:203.0.113.10]:19823;branch=z9hG4bKmapped",
            body=sdp(*_SPEECH_AND_PICTURE, address="IN IP6 ::ffff:203.0.113.2"),
        ),
        None,
        (*RINGS, 488),
    ),
    Case(
        "ipv6-bug-abnf-3-colons",
        "RFC 5118 4.10",
        request("OPTIONS", "sip:2044@[2001:db8:::203.0.113.1]", to="sip:2044@[2001:db8:::203.0.113.1]"),
        None,
        (200,),
        (404,),
    ),
    Case(
        "ipv6-correct-abnf-2-colons",
        "RFC 5118 4.10",
        request("OPTIONS", "sip:2044@[2001:db8::203.0.113.1]", to="sip:2044@[2001:db8::203.0.113.1]"),
        None,
        (200,),
        (404,),
    ),
)

CASES = (*VALID, *INVALID, *LATER_LAYERS, *IPV6)
BY_NAME = {case.name: case for case in CASES}
