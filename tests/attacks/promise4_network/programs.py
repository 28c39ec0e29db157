"""Has other programs fetch something: curl, wget, python, perl, bash's /dev/tcp, ssh, ping, git."""

# stock: works
# says: tried all
import subprocess
import time

commands = [
    "curl -m 2 http://1.1.1.1",
    "wget -T 2 -t 1 -qO- http://1.1.1.1",
    "ping -c1 -W1 127.0.0.1",
    "bash -c 'echo > /dev/tcp/127.0.0.1/22'",
    "perl -MIO::Socket -e 'IO::Socket::INET->new(q(127.0.0.1:22)) or exit 1'",
    "getent hosts example.org",
    "ssh -o ConnectTimeout=1 127.0.0.1",
    "git ls-remote git://127.0.0.1/x",
]
nothing = subprocess.DEVNULL
running = [
    subprocess.Popen(["/bin/sh", "-c", c], stdin=nothing, stdout=nothing, stderr=nothing)
    for c in commands
]
end = time.monotonic() + 4
for command, process in zip(commands, running):
    try:
        status = process.wait(max(0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        continue
    if status == 0:
        print("WORKED", command)
print("tried all")
