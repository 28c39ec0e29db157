"""Has other programs fetch something: curl, wget, python, perl, bash's /dev/tcp, ssh, ping, git."""

# stock: works
import subprocess

for command in ["curl -m 2 http://1.1.1.1", "wget -T 2 -qO- http://1.1.1.1", "ping -c1 -W1 127.0.0.1",
                "bash -c 'echo > /dev/tcp/127.0.0.1/22'", "perl -MIO::Socket -e 'IO::Socket::INET->new(q(127.0.0.1:22)) or exit 1'",
                "getent hosts example.org", "ssh -o ConnectTimeout=1 127.0.0.1", "git ls-remote git://127.0.0.1/x"]:  # fmt: skip
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=4)
    if done.returncode == 0:
        print("WORKED", command)
