"""A quick endpoint in a process of its own: `python loopback.py DELAY_S` prints its port and answers until killed."""

import asyncio
import json
import sys

REPLY = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "judge-2026", "system_fingerprint": "fp-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"rationality": 4, "sensibility": 8}'},
                 "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 420, "completion_tokens": 14, "total_tokens": 434,
              "prompt_tokens_details": {"cached_tokens": 256}},
}  # fmt: skip


async def main(delay_s: float) -> None:
    body = json.dumps(REPLY).encode()
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        "x-ratelimit-limit-requests: 600000\r\nx-ratelimit-remaining-requests: 599999\r\n"
        "x-ratelimit-reset-requests: 1ms\r\nx-request-id: req_1\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    response = head.encode() + body

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                (length,) = (line for line in asked.split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                await asyncio.sleep(delay_s)
                writer.write(response)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
