"""What scripts print, and tests are called, where somebody means harm or nobody means anything."""

from __future__ import annotations

TEXTS = {
    "script": "</script><script>alert(1)</script>",
    "style": "</style><script>alert(1)</script>",
    "noscript": "</noscript><img src=x onerror=alert(1)>",
    "title": "</title></svg></details><script>alert(1)</script>",
    "comment": "<!-- <script> --> <!--<script>",
    "attribute": '" onmouseover=alert(1) x=\'" autofocus onfocus=alert(1)',
    "template": "{{ 7 * 7 }} {% include 'page.html.j2' %} ${alert(1)}",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62;",
    "link": "<a href=javascript:alert(1)>javascript:alert(1)</a>",
    "image": "<img src=http://127.0.0.1:9/x.png> <link rel=stylesheet href=//127.0.0.1:9/x.css>",
    "refresh": "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'> <base href=//x/>",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f\u2028\u2029\ufeff\0end",
    "terminal": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\rover",
    "bidi": "\u202eevil\u202c \u2066x\u2069 \u200fy\u061c",
    "surrogates": "a\ud800b\udfffc",
    "combining": "Z" + "\u0301\u0330" * 500,
    "beyond": "\U0001f4a3 \U000e0001 \ufffe \uffff",
    "long": "x" * 1_000_000,
    "lines": "\n".join(map(str, range(50_000))),
}

BYTES = {
    "binary": bytes(range(256)) * 40,
    "half": b"\xc3 \xe2\x82 \xf0\x9f\x92",
    "elf": b"\x7fELF\x02\x01\x01\0" + b"\0\xff" * 4000,
}
