"""A quick endpoint in a process of its own: `python loopback.py DELAY_S [CALLS_PER_S]` prints its port.

It answers until killed; with a rate, one call after the other in the order they came, however many wait.
"""

import asyncio
import json
import sys
import time

REPLY = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "judge-2026", "system_fingerprint": "fp-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"rationality": 4, "sensibility": 8}'},
                 "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 420, "completion_tokens": 14, "total_tokens": 434,
              "prompt_tokens_details": {"cached_tokens": 256}},
}  # fmt: skip


async def main(delay_s: float, calls_per_s: float) -> None:
    body = json.dumps(REPLY).encode()
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        "x-ratelimit-limit-requests: 600000\r\nx-ratelimit-remaining-requests: 599999\r\n"
        "x-ratelimit-reset-requests: 1ms\r\nx-request-id: req_1\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    response = head.encode() + body
    gap_s = 1 / calls_per_s if calls_per_s else 0.0
    last_due = 0.0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal last_due
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                (length,) = (line for line in asked.split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                now = time.monotonic()
                last_due = max(now + delay_s, last_due + gap_s)
                await asyncio.sleep(last_due - now)
                writer.write(response)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
