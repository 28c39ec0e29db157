"""Stops and closes the event loop in which its cells run."""

# twice: any
import asyncio

loop = asyncio.get_running_loop()
loop.stop()
loop.call_soon(loop.close)
