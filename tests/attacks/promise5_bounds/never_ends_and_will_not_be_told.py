"""Blocks every signal and never returns, in the call that is graded."""

# limits: {"call_seconds": 0.5, "check_seconds": 1}
# stock: works until the timeout, then the whole notebook counts nothing
# says: time limit
# seconds: 25
import signal


def double(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for s in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(s, signal.SIG_IGN)
    while True:
        pass
