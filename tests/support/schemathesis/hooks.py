"""A key that was used gets the first reply again, also when what that reply made is gone by now. So each is used once."""

import uuid

import schemathesis


@schemathesis.hook
def map_headers(context, headers):
    key = (headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) < 200 and key.isascii() and key.isprintable():
        headers["Idempotency-Key"] = f"{key}-{uuid.uuid4()}"
    return headers
