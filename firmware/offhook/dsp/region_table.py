"""Tones, bell and DTMF levels of 77 national plans: facts of ITU-T E.180 Supplement 2 and of national documents.

Each row: name; how far to trust it; ``ring`` on and off milliseconds; ``bell`` Hz of a real bell (from memory);
``dtmf`` level of the low and the high frequency in dBm0; then each tone as *name source notation*. The notation is that
of :mod:`offhook.dsp.tones`, a source is a letter of ``SOURCES``. ``F`` needs no notation: it stands for the default of
CEPT and ITU-T E.180, or for bursts of the country's own dial tone. Compiled November 2026.
"""

SOURCES = {
    "A": "national entry of ITU-T E.180 Supplement 2 or a national document, as given by Asterisk's indications",
    "D": "national entry of ITU-T E.180 Supplement 2, as given by DAHDI's zone data",
    "S": "national entry of ITU-T E.180 Supplement 2, as given by spandsp's global tones",
    "W": "FreeSWITCH's default variables",
    "N": "North American numbering plan: the values of the United States",
    "R": "former Soviet plan (GOST 45.223): the values of Russia; not checked for this country",
    "M": "from memory of ITU-T E.180 Supplement 2; not checked",
    "C": "corrected: the entry that was found has an obvious fault (alternatives run together, a pause missing)",
    "F": "fallback: no national value was found; default of CEPT and ITU-T E.180",
    "O": "offhook's own: no standard gives this tone",
    "H": "receiver off-hook tone of North America (Telcordia GR-506), softer and rising",
}

DEFAULT = """
    default plan; default; ring 1000 4000; dial F 425; stutter F; busy F 425:500 -:500; reorder F 425:200 -:200;
    ringback F 425:1000 -:4000; waiting F 425:200 -:600 425:200 -:3000; info F 950:330 1400:330 1800:330 -:1000;
    confirm F"""

# Territories and neighbours that use another country's plan, by that country.
SHARED = {
    "US": "AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT UM VC VG VI",
    "GB": "FK GG GI IM IO JE PN SH UK",
    "FR": "BL GF GP MC MF MQ NC PF PM RE TF WF YT",
    "IT": "SM VA",
    "CH": "LI",
    "DK": "FO GL",
    "FI": "AX",
    "NO": "BV SJ",
    "AU": "CC CX HM NF",
    "NZ": "CK NU TK",
    "NL": "AW BQ CW",
    "ES": "AD",
    "RS": "XK",
}

ROWS = {
    "AE": """
        United Arab Emirates; high; ring 1500 4000; dtmf -10 -10; dial D 350+440; stutter D 380+420;
        busy D 400:375 -:375; reorder D 425:400 -:350 425:225 -:525;
        ringback D 400+425:400 -:200 400+425:400 -:2000; waiting D 420:40 -:1960;
        info D 950:330 1450:330 1850:330 -:1000; confirm F""",
    "AR": """
        Argentina; high; ring 1000 4500; bell 25; dtmf -9 -11; dial D 425; stutter D 425:450 -:50;
        busy D 425:300 -:300; reorder D 425:200 -:300; ringback D 425:1000 -:4500; waiting D 425:200 -:9000;
        info D 425:100 -:100; confirm F""",
    "AT": """
        Austria; high; ring 1000 5000; bell 50; dial A 420; stutter A 380+420; busy A 420:400 -:400;
        reorder A 420:200 -:200; ringback A 420:1000 -:5000; waiting A 420:40 -:1960;
        info A 950:330 1450:330 1850:330 -:1000; confirm S 380+420:1000 -:5000""",
    "AU": """
        Australia; high; ring 400 200 400 2000; bell 25; dtmf -10 -10; dial A 413+438;
        stutter A 413+438:100 -:40; busy A 425:375 -:375; reorder A 425:375 -:375 420:375 -:375;
        ringback A 413+438:400 -:200 413+438:400 -:2000; waiting A 425:200 -:200 425:200 -:4400;
        info A 425:2500 -:500; confirm F""",
    "BE": """
        Belgium; high; ring 1000 3000; bell 25; dtmf -11 -9; dial A 425; stutter A 425:1000 -:250;
        busy A 425:500 -:500; reorder A 425:167 -:167; ringback A 425:1000 -:3000;
        waiting A 1400:175 -:175 1400:175 -:3500; info A 900:330 1400:330 1800:330 -:1000; confirm F""",
    "BG": """
        Bulgaria; high; ring 1000 4000; dtmf -11 -9; dial A 425; stutter A 425:1500 -:100; busy A 425:500 -:500;
        reorder A 425:250 -:250; ringback A 425:1000 -:4000; waiting A 425:150 -:150 425:150 -:4000;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "BR": """
        Brazil; medium; ring 1000 4000; bell 25; dtmf -12 -10; dial A 425; stutter F; busy A 425:250 -:250;
        reorder A 425:250 -:250 425:750 -:250; ringback A 425:1000 -:4000; waiting A 425:50 -:1000;
        info A 950:330 1400:330 1800:330; confirm F""",
    "CA": """
        Canada; high; ring 2000 4000; bell 20; dial N 350+440; stutter N 6(350+440:100 -:100) 350+440;
        busy N 480+620:500 -:500; reorder N 480+620:250 -:250; ringback N 440+480:2000 -:4000;
        waiting N 440:300 -:10000; info N !950:330 !1400:330 !1800:330; confirm N 350+440:100 -:100 350+440:300""",
    "CH": """
        Switzerland; high; ring 1000 4000; bell 25; dtmf -10 -10; dial A 425; stutter A 425+340:1100 -:1100;
        busy A 425:500 -:500; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A 425:200 -:200 425:200 -:4000; info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "CL": """
        Chile; high; ring 1000 3000; bell 25; dtmf -10 -10; dial A 400; stutter A 6(400:100 -:100) 400;
        busy A 400:500 -:500; reorder A 400:200 -:200; ringback A 400:1000 -:3000; waiting A 400:250 -:8750;
        info A 950:333 1400:333 1800:333 -:1000; confirm F""",
    "CN": """
        China; high; ring 1000 4000; bell 25; dtmf -9 -11; dial A 450; stutter A 450+425; busy A 450:350 -:350;
        reorder A 450:700 -:700; ringback A 450:1000 -:4000; waiting A 450:400 -:4000;
        info A 450:100 -:100 450:100 -:100 450:100 -:100 450:400 -:400; confirm F""",
    "CO": """
        Colombia; low; ring 1000 4000; dial M 425; stutter F; busy M 425:250 -:250; reorder M 425:250 -:250;
        ringback M 425:1000 -:4000; waiting F; info F; confirm F""",
    "CR": """
        Costa Rica; high; ring 1203 4797; dtmf -11 -9; dial D 450; stutter D 6(450:100 -:100) 450;
        busy D 450:330 -:330; reorder D 450:330 -:330; ringback D 450:1203 -:4900;
        waiting C 450:150 -:150 450:150 -:8000; info D !950:330 !1400:330 !1800:330; confirm F""",
    "CY": """
        Cyprus; medium; ring 1500 3000; dial S 350+450; stutter F; busy S 425:500 -:500;
        reorder S 425:250 -:250; ringback S 425:1500 -:3000; waiting S 425:200 -:600; info F; confirm F""",
    "CZ": """
        Czechia; high; ring 1000 4000; bell 25; dtmf -11 -9; dial A 425:330 -:330 425:660 -:660;
        stutter A 425:450 -:50; busy A 425:330 -:330; reorder A 425:165 -:165; ringback A 425:1000 -:4000;
        waiting A 425:330 -:9000; info A 950:330 -:30 1400:330 -:30 1800:330 -:1000; confirm F""",
    "DE": """
        Germany; high; ring 1000 4000; bell 25; dtmf -11 -9; dial A 425; stutter A 425+400;
        busy A 425:480 -:480; reorder A 425:240 -:240; ringback A 425:1000 -:4000;
        waiting A 4(425:200 -:200 425:200 -:5000) !425:200 !-:200 !425:200;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "DK": """
        Denmark; high; ring 1000 4000; bell 25; dtmf -11 -9; dial A 425; stutter A 425:450 -:50;
        busy A 425:500 -:500; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A !425:200 !-:600 !425:200 !-:3000 !425:200 !-:200 !425:200;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "DZ": """
        Algeria; low; ring 1500 3500; dial F; stutter F; busy S 450:500 -:500; reorder F;
        ringback W 425:1500 -:3500; waiting F; info F; confirm F""",
    "EC": """
        Ecuador; medium; ring 1200 4650; dial C 425; stutter F; busy S 425:333 -:333; reorder S 425:333 -:333;
        ringback S 425:1200 -:4650; waiting S 425:200 -:600; info F; confirm F""",
    "EE": """
        Estonia; medium; ring 1000 4000; dtmf -11 -9; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:300 -:300; reorder A 425:200 -:200; ringback A 425:1000 -:4000; waiting F;
        info A 950:650 -:325 950:325 -:30 1400:1300 -:2600; confirm F""",
    "EG": """
        Egypt; low; ring 2000 1000; dial F; stutter F; busy S 375+475:1000 -:4000; reorder S 450:500 -:500;
        ringback S 375+475:2000 -:1000; waiting F; info S 950:333 1400:333 1800:333; confirm F""",
    "ES": """
        Spain; high; ring 1500 3000; bell 25; dtmf -11 -9; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:200 -:200; reorder A 425:200 -:200 425:200 -:200 425:200 -:600; ringback A 425:1500 -:3000;
        waiting A 425:175 -:175 425:175 -:3500; info A 950:330 -:1000; confirm F""",
    "FI": """
        Finland; high; ring 1000 4000; bell 25; dtmf -11 -9; dial A 425; stutter A 425:650 -:25;
        busy A 425:300 -:300; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A 425:150 -:150 425:150 -:8000; info A 950:650 -:325 950:325 -:30 1400:1300 -:2600; confirm F""",
    "FR": """
        France; high; ring 1500 3500; bell 50; dtmf -11 -9; dial A 440; stutter A 6(440:100 -:100) 440;
        busy A 440:500 -:500; reorder A 440:250 -:250; ringback A 440:1500 -:3500; waiting A 440:300 -:10000;
        info A !950:330 !1400:330 !1800:330; confirm F""",
    "GB": """
        United Kingdom; high; ring 400 200 400 2000; bell 25; dtmf -11 -9; dial A 350+440;
        stutter A 350+440:750 440:750; busy A 400:375 -:375; reorder A 400:400 -:350 400:225 -:525;
        ringback A 400+450:400 -:200 400+450:400 -:2000; waiting A 400:100 -:4000;
        info A 950:330 -:15 1400:330 -:15 1800:330 -:1000; confirm A 1400""",
    "GH": """
        Ghana; medium; ring 1000 4000; dial S 400; stutter F; busy S 400:250 -:250; reorder S 400:500 -:500;
        ringback S 400:1000 -:4000; waiting S 400:500 -:300 400:200 -:300 400:200 -:3000; info F; confirm F""",
    "GR": """
        Greece; high; ring 1000 4000; dtmf -11 -9; dial A 425:200 -:300 425:700 -:800; stutter A 425:650 -:25;
        busy A 425:300 -:300; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A 425:150 -:150 425:150 -:8000; info A 3(950:330 1400:330 1800:330 -:1000); confirm F""",
    "HK": """
        Hong Kong; medium; ring 400 200 400 3000; bell 25; dial S 350+440; stutter F; busy S 480+620:500 -:500;
        reorder S 480+620:250 -:250; ringback S 440+480:400 -:200 440+480:400 -:3000;
        waiting S 3(440:500 -:500) -:8000; info F; confirm F""",
    "HR": """
        Croatia; high; ring 1000 4000; dial S 425:200 -:300 425:700 -:800; stutter S 425:400 -:40;
        busy S 425:500 -:500; reorder S 425:250 -:250; ringback S 425:1000 -:4000; waiting S 425:300 -:8000;
        info S 950:333 1400:333 1800:333 -:1000; confirm F""",
    "HU": """
        Hungary; high; ring 1250 3750; dtmf -11 -9; dial A 425; stutter A 350+375+400; busy A 425:300 -:300;
        reorder A 425:300 -:300; ringback A 425:1250 -:3750; waiting A 425:40 -:1960;
        info A 3(950:330 1400:330 1800:330 -:1000); confirm S 300+420:1000 -:200""",
    "ID": """
        Indonesia; medium; ring 1000 4000; dial A 425; stutter F; busy A 425:500 -:500; reorder A 425:250 -:250;
        ringback A 425:1000 -:4000; waiting A 425:150 -:150 425:150 -:10000;
        info A !950:330 !1400:330 !1800:330 -:1000; confirm F""",
    "IE": """
        Ireland; low; ring 400 200 400 2000; bell 25; dial S 400+425+450; stutter F; busy S 425:500 -:500;
        reorder F; ringback S 400+450:400 -:200 400+450:400 -:2000; waiting M 425:180 -:200 425:200 -:4500;
        info S 950:333 1400:333 1800:333 -:1000; confirm F""",
    "IL": """
        Israel; high; ring 1000 3000; bell 25; dtmf -10 -10; dial A 414; stutter A 10(414:160 -:160) 414;
        busy A 414:500 -:500; reorder A 414:250 -:250; ringback A 414:1000 -:3000;
        waiting A 414:100 -:100 414:100 -:100 414:600 -:3000; info A 1000:330 1400:330 1800:330 -:1000;
        confirm S !400:150 !-:150 !400:300""",
    "IN": """
        India; medium; ring 400 200 400 2000; bell 25; dtmf -10 -10; dial A 400*25; stutter F;
        busy A 400:750 -:750; reorder A 400:250 -:250; ringback A 400*25:400 -:200 400*25:400 -:2000;
        waiting A 400:200 -:100 400:200 -:7500; info A !950:330 !1400:330 !1800:330 -:1000; confirm F""",
    "IS": """
        Iceland; medium; ring 1200 4700; dial S 425; stutter S 425:400 -:40; busy S 425:250 -:250;
        reorder S 425:250 -:250; ringback S 425:1200 -:4700; waiting S 425:200 -:600 425:200 -:5000; info F;
        confirm F""",
    "IT": """
        Italy; high; ring 1000 4000; bell 25; dtmf -11 -9; dial A 425:200 -:200 425:600 -:1000;
        stutter A 470:400 425:400; busy A 425:500 -:500; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A 425:400 -:100 425:250 -:100 425:150 -:14000; info A 3(950:330 1400:330 1800:330 -:1000);
        confirm F""",
    "JO": """
        Jordan; medium; ring 1200 4800; dial S 380+460; stutter F; busy S 400:750 -:750;
        reorder S 380+460:500 -:500; ringback S 380+460:1200 -:4800;
        waiting S 380+460:500 2(-:300 380+460:200) -:3000; info F; confirm S 20(400:125 -:125) 400""",
    "JP": """
        Japan; high; ring 1000 2000; bell 16; dtmf -7 -7; dial A 400; stutter A 6(400:100 -:100) 400;
        busy A 400:500 -:500; reorder A 400:500 -:500; ringback C 400*16:1000 -:2000;
        waiting C 400*16:500 -:8000; info A !950:330 !1400:330 !1800:330; confirm S 400:125 -:125 400:125 -:625""",
    "KE": """
        Kenya; medium; ring 1000 4000; dial S 425; stutter F; busy C 425:500 -:500; reorder C 425:200 -:200;
        ringback C 425:1000 -:4000; waiting F; info F; confirm F""",
    "KR": """
        South Korea; medium; ring 1000 2000; bell 20; dial S 350+440; stutter F; busy S 480+620:500 -:500;
        reorder S 480+620:300 -:200; ringback S 440+480:1000 -:2000;
        waiting S 350+440:250 -:250 350+440:250 -:3250; info F; confirm F""",
    "KW": """
        Kuwait; medium; ring 1000 4000; dial S 425; stutter S 425:400 -:40; busy S 425:500 -:500;
        reorder S 425:500 -:500; ringback S 425:1000 -:4000; waiting F; info F; confirm F""",
    "LK": """
        Sri Lanka; medium; ring 400 200 400 2000; dial S 425; stutter F; busy S 425:750 -:750;
        reorder S 425:250 -:250; ringback C 425:400 -:200 425:400 -:2000;
        waiting S 425:200 -:200 425:200 -:4500; info F; confirm F""",
    "LT": """
        Lithuania; high; ring 1000 4000; dtmf -11 -9; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:350 -:350; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A 425:150 -:150 425:150 -:4000; info A 3(950:330 1400:330 1800:330 -:1000); confirm F""",
    "LU": """
        Luxembourg; medium; ring 1000 4000; dial S 425; stutter F; busy S 425:500 -:500;
        reorder S 425:250 -:250; ringback S 425:1000 -:4000; waiting F; info S 950:333 1400:333 1800:333 -:1000;
        confirm F""",
    "LV": """
        Latvia; low; ring 1000 4000; dial R 425; stutter R 6(425:100 -:100) 425; busy R 425:350 -:350;
        reorder R 425:175 -:175; ringback R 425:1000 -:4000; waiting R 425:200 -:5000;
        info R 950:330 1400:330 1800:330 -:1000; confirm F""",
    "MA": """
        Morocco; low; ring 1660 3330; dial S 425; stutter F; busy S 425:500 -:500; reorder F;
        ringback S 425:1660 -:3330; waiting F; info F; confirm F""",
    "MO": """
        Macao; high; ring 1000 4000; dtmf -10 -10; dial D 425; stutter D 6(425:100 -:100) 425;
        busy D 425:500 -:500; reorder D 425:250 -:250; ringback D 425:1000 -:4000; waiting D 425:200 -:600;
        info D 950:333 1400:333 1800:333 -:1000; confirm F""",
    "MT": """
        Malta; low; ring 400 200 400 2000; dial F; stutter F; busy S 400:375 -:375;
        reorder S 400:400 -:350 400:225 -:525; ringback S 400+450:400 -:200 400+450:400 -:2000; waiting F;
        info F; confirm F""",
    "MX": """
        Mexico; medium; ring 2000 4000; bell 25; dtmf -6 -8; dial A 425; stutter F; busy A 425:250 -:250;
        reorder A 425:250 -:250; ringback A 425:1000 -:4000; waiting A 425:200 -:600 425:200 -:10000;
        info A 950:330 -:30 1400:330 -:30 1800:330 -:1000; confirm F""",
    "MY": """
        Malaysia; high; ring 2000 4000; bell 25; dtmf -10 -10; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:500 -:500; reorder A 425:500 -:500; ringback A 425:400 -:200 425:400 -:2000;
        waiting D 425:100 -:4000; info D 950:330 -:15 1400:330 -:15 1800:330 -:1000; confirm F""",
    "NG": """
        Nigeria; medium; ring 2000 4000; dial S 400; stutter F; busy S 400:500 -:500; reorder S 400:250 -:250;
        ringback S 400:2000 -:4000; waiting S 425:2000 -:4000; info S 400:200 -:1500; confirm F""",
    "NL": """
        Netherlands; high; ring 1000 4000; bell 25; dtmf -11 -9; dial A 425; stutter A 425:500 -:50;
        busy A 425:500 -:500; reorder A 425:250 -:250; ringback A 425:1000 -:4000; waiting A 425:500 -:9500;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "NO": """
        Norway; high; ring 1000 4000; bell 25; dtmf -10 -10; dial A 425; stutter A 470:400 425:400;
        busy A 425:500 -:500; reorder A 425:200 -:200; ringback A 425:1000 -:4000;
        waiting A 425:200 -:600 425:200 -:10000; info A 3(950:330 1400:330 1800:330 -:1000); confirm F""",
    "NZ": """
        New Zealand; high; ring 400 200 400 2000; bell 20; dial A 400; stutter A 6(400:100 -:100) 400;
        busy A 400:500 -:500; reorder A 400:250 -:250; ringback A 400+450:400 -:200 400+450:400 -:2000;
        waiting A 3(400:200 -:3000) !400:200; info A 400:750 -:100 400:750 -:100 400:750 -:100 400:750 -:400;
        confirm F""",
    "PA": """
        Panama; high; ring 2000 4000; dtmf -11 -9; dial D 425; stutter D 6(425:100 -:100) 425;
        busy D 425:320 -:320; reorder D 425:320 -:320; ringback D 425:1200 -:4650; waiting F;
        info D !950:330 !1400:330 !1800:330; confirm F""",
    "PE": """
        Peru; low; ring 1000 4000; dial M 425; stutter F; busy M 425:250 -:250; reorder M 425:250 -:250;
        ringback M 425:1000 -:4000; waiting F; info F; confirm F""",
    "PH": """
        Philippines; medium; ring 1000 4000; bell 20; dtmf -10 -10; dial A 425; stutter F;
        busy A 480+620:500 -:500; reorder A 480+620:250 -:250; ringback A 425+480:1000 -:4000;
        waiting A 440:300 -:10000; info A !950:330 !1400:330 !1800:330; confirm F""",
    "PK": """
        Pakistan; low; ring 1000 4000; dial F; stutter F; busy S 400:750 -:750; reorder F;
        ringback S 450:1000 -:4000; waiting F; info F; confirm F""",
    "PL": """
        Poland; high; ring 1000 4000; bell 50; dtmf -11 -9; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:500 -:500; reorder A 425:500 -:500; ringback A 425:1000 -:4000;
        waiting A 425:150 -:150 425:150 -:4000; info A 3(950:330 1400:330 1800:330 -:1000); confirm F""",
    "PT": """
        Portugal; high; ring 1000 5000; bell 25; dtmf -11 -9; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:500 -:500; reorder A 425:200 -:200; ringback A 425:1000 -:5000; waiting A 440:300 -:10000;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "RO": """
        Romania; low; ring 2000 4000; dial S 400; stutter F; busy F; reorder F; ringback S 384+416:2000 -:4000;
        waiting F; info F; confirm F""",
    "RS": """
        Serbia; low; ring 1000 4000; dial F; stutter F; busy F; reorder F; ringback W 425:1000 -:4000;
        waiting F; info F; confirm F""",
    "RU": """
        Russia; high; ring 1000 4000; bell 25; dtmf -10 -10; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:350 -:350; reorder A 425:175 -:175; ringback A 425:1000 -:4000; waiting A 425:200 -:5000;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "SA": """
        Saudi Arabia; low; ring 1200 4600; dial S 425; stutter F; busy S 425:500 -:500; reorder F;
        ringback S 425:1200 -:4600; waiting S 425:200 -:600 425:200 -:4000; info F; confirm F""",
    "SE": """
        Sweden; high; ring 1000 5000; bell 25; dtmf -11 -9; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:250 -:250; reorder A 425:250 -:750; ringback A 425:1000 -:5000;
        waiting A 425:200 -:500 425:200 -:9100;
        info A 4(950:332 -:24 1400:332 -:24 1800:332 -:2024) !950:332 !-:24 !1400:332 !-:24 !1800:332;
        confirm F""",
    "SG": """
        Singapore; high; ring 400 200 400 2000; bell 24; dtmf -9 -11; dial A 425;
        stutter A 4(425:200 -:200 425:600 -:200) 425; busy A 425:750 -:750; reorder A 425:250 -:250;
        ringback A 425*24:400 -:200 425*24:400 -:2000; waiting A 425*24:300 -:200 425*24:300 -:3200;
        info A 950:330 1400:330 1800:330 -:1000; confirm F""",
    "SI": """
        Slovenia; medium; ring 1000 4000; dial S 425:700 -:800 425:200 -:300; stutter F; busy S 425:500 -:500;
        reorder S 425:200 -:200; ringback S 425:1000 -:4000; waiting F; info S 950:333 1400:333 1600:333 -:1000;
        confirm F""",
    "SK": """
        Slovakia; high; ring 1000 4000; dial S 425:333 -:333 425:660 -:660;
        stutter S 3(425:165 -:165) 425:660 -:660; busy S 425:333 -:333; reorder S 425:165 -:165;
        ringback S 425:1000 -:4000; waiting S 425:333 -:9000; info S 950:330 -:30 1400:330 -:30 1800:330 -:1000;
        confirm F""",
    "TH": """
        Thailand; medium; ring 1000 4000; dtmf -9 -11; dial A 400*50;
        stutter A 4(400:200 -:200 400:600 -:200) 400; busy A 400:500 -:500; reorder A 400:300 -:300;
        ringback A 420:1000 -:5000; waiting F; info A 950:330 1400:330 1800:330; confirm F""",
    "TR": """
        Turkey; high; ring 2000 4000; dtmf -10 -10; dial D 450; stutter D 6(450:100 -:100) 450;
        busy D 450:500 -:500; reorder D 3(450:200 -:200) 450:600 -:200; ringback D 450:2000 -:4000;
        waiting D 450:200 -:600 450:200 -:800; info D 2(950+1400:300 -:1000) !950+1400:1000;
        confirm S 450:40 -:40""",
    "TW": """
        Taiwan; high; ring 1000 4000; bell 20; dtmf -9 -11; dial A 350+440;
        stutter A 6(350+440:100 -:100) 350+440; busy A 480+620:500 -:500; reorder A 480+620:250 -:250;
        ringback A 440+480:1000 -:2000; waiting A 350+440:250 -:250 350+440:250 -:3250;
        info A !950:330 !1400:330 !1800:330; confirm F""",
    "UA": """
        Ukraine; low; ring 1000 4000; dial R 425; stutter R 6(425:100 -:100) 425; busy R 425:350 -:350;
        reorder R 425:175 -:175; ringback R 425:1000 -:4000; waiting R 425:200 -:5000;
        info R 950:330 1400:330 1800:330 -:1000; confirm F""",
    "US": """
        United States; high; ring 2000 4000; bell 20; dtmf -10 -10; dial A 350+440;
        stutter A 6(350+440:100 -:100) 350+440; busy A 480+620:500 -:500; reorder A 480+620:250 -:250;
        ringback A 440+480:2000 -:4000; waiting A 440:300 -:10000; info A !950:330 !1400:330 !1800:330;
        confirm S 350+440:100 -:100 350+440:300""",
    "UY": """
        Uruguay; medium; ring 1000 4000; dial S 425; stutter F; busy S 425:500 -:500; reorder S 425:250 -:250;
        ringback S 425:1000 -:4000; waiting S 425:200 -:200 425:200 -:4400;
        info S 950:333 1400:333 1800:333 -:1000; confirm S 2(425:100 -:200) 425:100 -:1300""",
    "VE": """
        Venezuela; high; ring 1000 4000; dtmf -9 -7; dial A 425; stutter A 6(425:100 -:100) 425;
        busy A 425:500 -:500; reorder A 425:250 -:250; ringback A 425:1000 -:4000; waiting A 400+450:300 -:6000;
        info A !950:330 !1440:330 !1800:330 -:1000; confirm F""",
    "VN": """
        Vietnam; low; ring 1000 4000; dial M 425; stutter F; busy M 425:500 -:500; reorder M 425:250 -:250;
        ringback M 425:1000 -:4000; waiting F; info F; confirm F""",
    "ZA": """
        South Africa; high; ring 400 200 400 2000; bell 25; dtmf -13 -11; dial A 400*33;
        stutter A 6(400*33:100 -:100) 400*33; busy A 400:500 -:500; reorder A 400:250 -:250;
        ringback A 400*33:400 -:200 400*33:400 -:2000;
        waiting A 400*33:250 -:250 400*33:250 -:250 400*33:250 -:250 400*33:250 -:250;
        info A 950:330 1400:330 1800:330 -:330; confirm S 700:250 -:250 1100:250 -:250""",
}
