"""Reads a row, a batch, the rows under a key, and watches a row. Needs requests.

PAYERFLOW_URL and PAYERFLOW_TOKEN say where, and as whom. usage: watch.py CLAIM MEMBER
"""

import json
import os
import sys
import time
from urllib.parse import quote

import requests

URL = os.environ.get("PAYERFLOW_URL", "http://127.0.0.1:8080")
http = requests.Session()
http.headers["Authorization"] = "Bearer " + os.environ["PAYERFLOW_TOKEN"]


def ask(method, path, **more):
    answer = http.request(method, URL + path, timeout=30, **more)
    answer.raise_for_status()
    return answer.json()


def under(view, key):
    """Yields the rows under a key, page by page."""
    cursor = None
    while True:
        page = ask("GET", f"/v1/views/{view}/{quote(key, safe='')}", params={"limit": 200, "cursor": cursor})
        yield from page["rows"]
        cursor = page.get("next")
        if not cursor:
            return


class Ended(Exception):
    """The watch will not go on by itself."""


def watch(view, key, resume=None):
    """Yields (kind, data, resume) of a row and of each committed state of it."""
    while True:
        headers = {"Accept": "text/event-stream"}
        if resume:
            headers["Last-Event-ID"] = resume
        try:
            # No sign of life for 45 s: the connection is dead.
            with http.get(f"{URL}/v1/views/{view}/{quote(key, safe='')}", headers=headers, stream=True, timeout=(5, 45)) as answer:
                if answer.status_code not in (200, 429, 503, 504):
                    raise Ended(answer.json()["code"])
                for kind, data, place in events(answer):
                    if kind == "end" and data["status"] not in (429, 503, 504):
                        raise Ended(data["code"])
                    resume = place or resume
                    if kind not in (None, "end"):
                        yield kind, data, resume
        except requests.exceptions.RequestException:
            pass  # it is resumed
        time.sleep(1)


def events(answer):
    """Yields (kind, data, id) of a stream of server sent events."""
    kind, data, place = None, None, None
    if answer.status_code != 200:
        return
    for line in answer.iter_lines(chunk_size=None):
        line = line.decode()
        if not line:
            if data or place:
                yield kind, data, place
            kind, data, place = None, None, None
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data = json.loads(value)
        elif name == "id":
            place = value


if __name__ == "__main__":
    claim, member = sys.argv[1:]
    print(json.dumps(ask("GET", f"/v1/views/claim-status/{quote(claim, safe='')}")))
    print(json.dumps(ask("POST", "/v1/views/claim-status/batch", json={"keys": [claim]})))
    print(json.dumps({"rows": list(under("claims-by-member", member))}))
    for _, data, _ in watch("claim-status", claim):
        print(json.dumps(data), flush=True)
