# What the Python application answers with: one table of contents and of response headers, the same as in content.mjs.
import gzip


def all_bytes(length: int) -> bytes:
    """Every byte there is, again and again."""
    return bytes(index % 256 for index in range(length))


png = bytes.fromhex("89504e470d0a1a0a") + all_bytes(300)
packed = gzip.compress(('{"packed":"' + "ä" * 200 + '"}').encode(), mtime=0)

# By kind: the media type, the bytes and perhaps a content encoding.
contents = {
    "json": ("application/json", '{"text":"grüße","list":[1,2.5,null]}'.encode()),
    "problem": ("application/problem+json", b'{"title":"none"}'),
    "html": ("text/html; charset=utf-8", "<!doctype html><p>grüße &amp; 漢字</p>".encode()),
    "text": ("text/plain; charset=utf-8", "plain – with\r\nlines\n".encode()),
    "latin": ("text/plain; charset=iso-8859-1", b"gr\xfc\xdfe"),
    "csv": ("text/csv", 'a;b\r\n1;"ü"\r\n'.encode()),
    "css": ("text/css", 'p{content:"→"}'.encode()),
    "script": ("text/javascript", b'export const a = "\\u2028"'),
    "xml": ("application/xml", '<?xml version="1.0"?><a>ü</a>'.encode()),
    "svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "png": ("image/png", png),
    "pdf": ("application/pdf", b"%PDF-1.7\n" + all_bytes(256)),
    "zip": ("application/zip", b"PK\x03\x04" + all_bytes(256)),
    "font": ("font/woff2", all_bytes(256)),
    "octets": ("application/octet-stream", all_bytes(1024)),
    "wasm": ("application/wasm", b"\0asm" + all_bytes(256)),
    "protobuf": ("application/x-protobuf", all_bytes(256)),
    "gzip": ("application/json", packed, "gzip"),
    "empty": ("text/plain; charset=utf-8", b""),
}

# By name: headers of an answer, a list for those that come more than once.
header_sets = {
    "cache": {"cache-control": "public, max-age=60", "expires": "Thu, 01 Jan 2037 00:00:00 GMT"},
    "many": {"x-many": ["one", "two"], "vary": ["accept", "origin"]},
    "case": {"X-Mixed-CASE": "Value", "x-lower": "lower"},
    "spaces": {"x-spaces": "a  b", "x-empty": ""},
    "punctuation": {"x-punctuation": "\"a, b\"; c='d' \\ {e} <f>"},
    "long": {"x-long": "v" * 4_000},
    "links": {"link": "</a>; rel=preload, </b>; rel=next"},
    "security": {"strict-transport-security": "max-age=1", "content-security-policy": "default-src 'self'"},
    "authenticate": {"www-authenticate": 'Basic realm="here"'},
    "download": {"content-disposition": "attachment; filename=\"a b.txt\"; filename*=UTF-8''%C3%BC"},
    "language": {"content-language": "de, en", "content-location": "/headers/here"},
    "origins": {"access-control-allow-origin": "*", "access-control-expose-headers": "x-one"},
    "server": {"server": "own/1.0", "via": "1.1 own"},
    "dated": {"date": "Tue, 15 Nov 1994 08:12:31 GMT", "last-modified": "Mon, 14 Nov 1994 08:12:31 GMT"},
    "retry": {"retry-after": "120", "x-ratelimit-remaining": "0"},
}

cookies = [
    "first=1; Path=/; HttpOnly",
    "second=a%20b; Expires=Thu, 01 Jan 2037 00:00:00 GMT; SameSite=Lax",
    "gone=; Max-Age=0",
]

entity_tag = '"version-1"'
last_modified = "Mon, 14 Nov 1994 08:12:31 GMT"
