"""Uses everything of the standard library that speaks a protocol."""

# stock: works
import asyncio
import ftplib
import http.client
import smtplib
import socket
import socketserver
import urllib.request
import xmlrpc.client

for action in (
    lambda: urllib.request.urlopen("http://127.0.0.1", timeout=1),
    lambda: http.client.HTTPConnection("127.0.0.1", timeout=1).connect(),
    lambda: smtplib.SMTP("127.0.0.1", timeout=1), lambda: ftplib.FTP("127.0.0.1", timeout=1),
    lambda: socketserver.TCPServer(("127.0.0.1", 0), None), lambda: socket.create_server(("", 0)),
    lambda: socket.getaddrinfo("example.org", 80), lambda: xmlrpc.client.ServerProxy("http://127.0.0.1").x(),
    lambda: socket.socket(socket.AF_UNIX).connect("\0x"),
):  # fmt: skip
    try:
        print("WORKED", action())
    except (OSError, AttributeError):
        pass
