"""A TCP proxy that passes everything on after a delay, both ways, in order: python delay_proxy.py PORT DELAY_S MARK.

Takes connections that the packet filter redirected to it, asks the kernel where they wanted to go, and goes there with sockets that carry
the mark, which the filter lets through. Prints `ready` when it listens.
"""

import asyncio
import socket
import struct
import sys

SO_ORIGINAL_DST, SO_MARK = 80, 36


async def carry(reader, writer, delay_s):
    """Copies until the end; what is read at t is written at t + delay_s."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    async def write():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    task = asyncio.ensure_future(write())
    data = b"-"
    while data:
        try:
            data = await reader.read(1 << 16)
        except ConnectionError:
            data = b""
        queue.put_nowait((loop.time() + delay_s, data))
    try:
        await task
    except ConnectionError:
        writer.close()


async def main(port, delay_s, mark):
    async def connect(reader, writer):
        wanted = writer.get_extra_info("socket").getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        number, address = struct.unpack("!2xH4s8x", wanted)
        onward = socket.socket()
        onward.setblocking(False)
        onward.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        try:
            await asyncio.get_running_loop().sock_connect(onward, (socket.inet_ntoa(address), number))
            there, back = await asyncio.open_connection(sock=onward)
        except OSError:
            onward.close()
            writer.close()
            return
        await asyncio.gather(carry(reader, back, delay_s), carry(there, writer, delay_s))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
